"""What every group of actions stands on: the stored things, how to find them, and where events go."""

import re

from devstack.propelauth.clock import Clock
from devstack.propelauth.keys import SigningKey
from devstack.propelauth.model import Membership, Org, Settings, User
from devstack.propelauth.refusals import Refused, invalid, not_found
from devstack.propelauth.webhooks import Webhooks
from devstack.propelauth.world import World

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
MINIMUM_PASSWORD = 8


class Base:
    """Lookups raise `Refused` with 404 when there is no such thing."""

    def __init__(self, webhooks: Webhooks, key: SigningKey) -> None:
        self.world = World()
        self.webhooks = webhooks
        self.key = key

    @property
    def settings(self) -> Settings:
        return self.world.settings

    @property
    def clock(self) -> Clock:
        return self.world.clock

    def user(self, user_id: str) -> User:
        found = self.world.users.get(user_id)
        if found is None:
            raise not_found()
        return found

    def user_by_email(self, email: str) -> User | None:
        return next((u for u in self.world.users.values() if u.email.lower() == email.lower()), None)

    def user_by_username(self, username: str) -> User | None:
        users = self.world.users.values()
        return next((u for u in users if u.username and u.username.lower() == username.lower()), None)

    def org(self, org_id: str) -> Org:
        """Also 426 while organizations are switched off."""
        if not self.settings.organizations_enabled:
            raise Refused(426)
        found = self.world.orgs.get(org_id)
        if found is None:
            raise not_found()
        return found

    def members(self, org_id: str) -> list[Membership]:
        return [membership for membership in self.world.memberships if membership.org_id == org_id]

    def memberships_of(self, user_id: str) -> list[Membership]:
        return [membership for membership in self.world.memberships if membership.user_id == user_id]

    def membership(self, org_id: str, user_id: str) -> Membership | None:
        return next((m for m in self.members(org_id) if m.user_id == user_id), None)

    def check_roles(self, role: str, additional_roles: list[str]) -> None:
        """400 for an unknown role, and for additional roles in a hierarchy."""
        if role not in self.settings.roles:
            raise invalid("role", f"Unknown role: {role}")
        if additional_roles and not self.settings.multi_role:
            raise invalid("additional_roles", "Additional roles need the multi-role structure")
        unknown = [name for name in additional_roles if name not in self.settings.roles]
        if unknown:
            raise invalid("additional_roles", f"Unknown role: {unknown[0]}")

    def check_email(self, email: str, field: str = "email") -> None:
        if not _EMAIL.fullmatch(email):
            raise invalid(field, "Invalid email address")
        if self.user_by_email(email) is not None:
            raise invalid(field, "Email is already in use")

    def check_username(self, username: str | None, user_id: str | None = None) -> None:
        holder = self.user_by_username(username) if username else None
        if holder is not None and holder.user_id != user_id:
            raise invalid("username", "Username is already in use")

    @staticmethod
    def check_password(password: str | None) -> None:
        if password is not None and len(password) < MINIMUM_PASSWORD:
            raise invalid("password", f"Password must have at least {MINIMUM_PASSWORD} characters")
