"""Tokens that users granted to the project at a social provider, such as Google."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from devstack.propelauth.invites import InviteActions
from devstack.propelauth.keys import SigningKey
from devstack.propelauth.model import SocialLogin
from devstack.propelauth.refusals import invalid, not_found
from devstack.propelauth.webhooks import Webhooks

PROVIDERS = frozenset(
    (
        *("apple", "google", "github", "microsoft", "slack", "salesforce", "linkedin"),
        *("outreach", "quickbooks", "xero", "salesloft", "atlassian", "gitlab"),
    )
)
Token = dict[str, Any]
RefreshHook = Callable[[str, str], Awaitable[Token]]


class RefreshRefused(Exception):
    """Raised by the hook when the provider refuses, for instance because access was revoked; answered with 400."""


class SocialActions(InviteActions):
    """`on_refresh(provider, user_id)` fetches a fresh token there; None: the stored one is good for ever."""

    def __init__(self, webhooks: Webhooks, key: SigningKey) -> None:
        super().__init__(webhooks, key)
        self.on_refresh: RefreshHook | None = None

    def link_social(self, user_id: str, provider: str, token: Token) -> SocialLogin:
        """`token`: access_token, refresh_token?, token_expiration? (unix seconds), authorized_scopes?."""
        self.user(user_id)
        if provider not in PROVIDERS:
            raise invalid("provider", f"Unknown provider: {provider}")
        self.unlink_social(user_id, provider)
        login = SocialLogin(user_id, provider, dict(token))
        self.world.social_logins.append(login)
        return login

    def unlink_social(self, user_id: str, provider: str) -> None:
        logins = self.world.social_logins
        self.world.social_logins = [s for s in logins if (s.user_id, s.provider) != (user_id, provider)]

    def social_logins(self, user_id: str) -> list[SocialLogin]:
        return [login for login in self.world.social_logins if login.user_id == user_id]

    async def social_tokens(self, user_id: str) -> dict[str, Token]:
        """Stored tokens by provider; one that has expired is refreshed first."""
        self.user(user_id)
        logins = self.social_logins(user_id)
        if not logins and self.settings.oauth_token_without_login_is_404:
            raise not_found()
        stale = [login for login in logins if self._is_stale(login.token)]
        for login in stale:
            await self._refresh(login)
        return {login.provider: _shaped(login) for login in logins}

    async def fresh_social_token(self, user_id: str, provider: str) -> Token:
        """404 for a provider the user has not signed in with."""
        self.user(user_id)
        login = next((s for s in self.social_logins(user_id) if s.provider == provider), None)
        if login is None:
            raise not_found()
        await self._refresh(login)
        return _shaped(login)

    async def _refresh(self, login: SocialLogin) -> None:
        if self.on_refresh is None:
            return
        try:
            fresh = await self.on_refresh(login.provider, login.user_id)
        except RefreshRefused as error:
            raise invalid("provider", str(error)) from error
        login.token = {**login.token, **fresh}

    @staticmethod
    def _is_stale(token: Token) -> bool:
        expiration = token.get("token_expiration")
        return "access_token" not in token or (expiration is not None and expiration <= time.time())


def _shaped(login: SocialLogin) -> Token:
    return {"token_provider": login.provider, **login.token}
