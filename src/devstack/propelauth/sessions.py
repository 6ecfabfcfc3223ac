"""Signing in at the hosted pages."""

import secrets

from devstack.propelauth.model import MagicLink, Session, User
from devstack.propelauth.refusals import Refused, invalid, not_found
from devstack.propelauth.social import SocialActions

HOUR = 3600


class SessionActions(SocialActions):
    def sign_in(self, user_id: str, login_method: str = "password") -> Session:
        """403 for a disabled user. Event user.login."""
        user, now = self.user(user_id), self.clock.now()
        if not user.enabled or user.locked:
            raise Refused(403)
        session = Session(secrets.token_urlsafe(32), user_id, now + self.settings.session_seconds, login_method)
        self.world.sessions.append(session)
        user.last_active_at = now
        self.webhooks.emit("user.login", user_id=user_id)
        return session

    def session(self, token: str | None) -> Session | None:
        """The live session of a cookie."""
        now = self.clock.now()
        return next((s for s in self.world.sessions if s.token == token and s.expires_at > now), None)

    def sign_out(self, token: str | None) -> None:
        """Event user.logged_out if somebody was signed in."""
        session = self.session(token)
        if session is not None:
            self.world.sessions.remove(session)
            self.webhooks.emit("user.logged_out", user_id=session.user_id)

    def logout_everywhere(self, user_id: str) -> None:
        """Refreshing ends; tokens already issued stay valid until they expire. Event user.logged_out."""
        self.user(user_id)
        self.end_sessions(user_id)
        self.webhooks.emit("user.logged_out", user_id=user_id)

    def add_magic_link(self, email: str, *, create_user: bool = False, hours: int | None = None) -> MagicLink:
        """For a confirmed sign-in without a password, 24 hours unless told; 400 for an unknown e-mail."""
        user = self.user_by_email(email)
        if user is None and not create_user:
            raise invalid("email", "No user has this email address")
        user = user or self.add_user(email, password=None, email_confirmed=False)
        link = MagicLink(secrets.token_urlsafe(32), user.user_id, self.clock.now() + HOUR * (hours or 24))
        self.world.magic_links.append(link)
        return link

    def follow_magic_link(self, token: str) -> tuple[Session, MagicLink]:
        """404 for a link that is unknown, used up or expired."""
        now = self.clock.now()
        link = next((one for one in self.world.magic_links if one.token == token and one.expires_at > now), None)
        if link is None:
            raise not_found()
        if link.expire_after_first_use:
            self.world.magic_links.remove(link)
        self._confirm(self.user(link.user_id))
        return self.sign_in(link.user_id, "magic_link"), link

    def _confirm(self, user: User) -> None:
        if not user.email_confirmed:
            self.confirm_email(user.user_id)
