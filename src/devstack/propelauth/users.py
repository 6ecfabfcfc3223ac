"""Users: made, changed, deleted."""

from typing import Any, TypedDict, Unpack

from devstack.propelauth.members import MemberActions
from devstack.propelauth.model import User, is_id, new_id
from devstack.propelauth.refusals import invalid


class Profile(TypedDict, total=False):
    """What can be changed by `update_user`."""

    username: str | None
    first_name: str | None
    last_name: str | None
    picture_url: str | None
    metadata: dict[str, Any] | None
    properties: dict[str, Any] | None
    update_password_required: bool
    legacy_user_id: str | None


class NewUser(Profile, total=False):
    """`password` is a text, or whether there is one at all."""

    user_id: str | None
    password: str | bool | None
    email_confirmed: bool
    can_create_orgs: bool
    enabled: bool
    mfa_enabled: bool
    signup_query_parameters: dict[str, str]
    ignore_domain_restrictions: bool


class UserActions(MemberActions):
    def add_user(self, email: str, **fields: Unpack[NewUser]) -> User:
        """Defaults: with a password, confirmed, enabled, may create organizations.

        Events user.created and, where a domain is let in, user.added_to_org.
        """
        user_id = fields.pop("user_id", None) or new_id()
        password = fields.pop("password", True)
        self._check_new(email, user_id, password, fields.pop("ignore_domain_restrictions", False))
        self.check_username(fields.get("username"))
        now = self.clock.now()
        user = User(user_id, email, now, now, has_password=bool(password))
        for attribute, value in fields.items():
            setattr(user, attribute, value)
        self.world.users[user_id] = user
        self.webhooks.emit(
            "user.created",
            user_id=user_id,
            email=email,
            email_confirmed=user.email_confirmed,
            first_name=user.first_name,
            last_name=user.last_name,
            username=user.username,
            picture_url=user.picture_url,
        )
        self.join_by_domain(user)
        return user

    def update_user(self, user_id: str, **fields: Unpack[Profile]) -> User:
        """Metadata are replaced, properties merged. Event user.updated."""
        user = self.user(user_id)
        self.check_username(fields.get("username"), user_id)
        if fields.get("properties") is not None:
            fields["properties"] = {**(user.properties or {}), **(fields["properties"] or {})}
        for attribute, value in fields.items():
            setattr(user, attribute, value)
        self.webhooks.emit("user.updated", user_id=user_id)
        return user

    def change_email(self, user_id: str, new_email: str, *, require_confirmation: bool = False) -> User:
        """With confirmation the old address stays until `confirm_email`. Event user.updated when it changes."""
        user = self.user(user_id)
        if new_email.lower() != user.email.lower():
            self.check_email(new_email, "new_email")
        if require_confirmation:
            user.unconfirmed_email = new_email
            return user
        user.email, user.unconfirmed_email = new_email, None
        self.webhooks.emit("user.updated", user_id=user_id)
        return user

    def confirm_email(self, user_id: str) -> User:
        """The user follows the link in the mail. Event user.updated."""
        user = self.user(user_id)
        if user.unconfirmed_email is not None:
            user.email, user.unconfirmed_email = user.unconfirmed_email, None
        user.email_confirmed = True
        self.webhooks.emit("user.updated", user_id=user_id)
        self.join_by_domain(user)
        return user

    def set_password(self, user_id: str, password: str | None, *, ask_to_update: bool = False) -> User:
        """None clears it. Event user.updated."""
        user = self.user(user_id)
        self.check_password(password)
        user.has_password, user.update_password_required = password is not None, ask_to_update
        self.webhooks.emit("user.updated", user_id=user_id)
        return user

    def set_can_create_orgs(self, user_id: str, allowed: bool) -> User:
        user = self.user(user_id)
        user.can_create_orgs = allowed
        self.webhooks.emit("user.updated", user_id=user_id)
        return user

    def disable_2fa(self, user_id: str) -> User:
        user = self.user(user_id)
        user.mfa_enabled = False
        self.webhooks.emit("user.updated", user_id=user_id)
        return user

    def enable_user(self, user_id: str) -> User:
        """Event user.enabled."""
        user = self.user(user_id)
        user.enabled = True
        self.webhooks.emit("user.enabled", user_id=user_id)
        return user

    def disable_user(self, user_id: str) -> User:
        """Ends the sessions; tokens already issued stay valid until they expire. Event user.disabled."""
        user = self.user(user_id)
        user.enabled = False
        self.end_sessions(user_id)
        self.webhooks.emit("user.disabled", user_id=user_id)
        return user

    def delete_user(self, user_id: str) -> None:
        """Memberships go with the user, without events of their own. Event user.deleted."""
        self.user(user_id)
        del self.world.users[user_id]
        self.end_sessions(user_id)
        self.world.memberships = [m for m in self.world.memberships if m.user_id != user_id]
        self.world.social_logins = [login for login in self.world.social_logins if login.user_id != user_id]
        self.world.magic_links = [link for link in self.world.magic_links if link.user_id != user_id]
        self.webhooks.emit("user.deleted", user_id=user_id)

    def end_sessions(self, user_id: str) -> None:
        self.world.sessions = [session for session in self.world.sessions if session.user_id != user_id]

    def _check_new(self, email: str, user_id: str, password: str | bool | None, ignore_domains: bool) -> None:
        if not is_id(user_id) or user_id in self.world.users:
            raise invalid("user_id", "Not a free version 4 UUID")
        self.check_email(email)
        if isinstance(password, str):
            self.check_password(password)
        blocked = {domain.lower() for domain in self.settings.blocked_email_domains}
        if not ignore_domains and email.rpartition("@")[2].lower() in blocked:
            raise invalid("email", "This email domain is not allowed")
