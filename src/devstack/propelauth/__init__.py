"""PropelAuth, emulated: users, organizations, tokens and webhooks over real loopback HTTP.

The unmodified propelauth-py talks to it through an httpx transport that sends every request to `url` (the SDK itself
always calls https://propelauth-api.com). Left out, answered with 404: SAML, OIDC, SCIM, insights, step-up MFA and
end-user API keys. Where the vendor's answer is not known, the docstring of the action says what was chosen.
"""

import secrets
from typing import Any, Self

from aiohttp import web

from devstack.emulator import Emulator
from devstack.propelauth.hosted_routes import HostedRoutes
from devstack.propelauth.http import Keys, answering, host_of
from devstack.propelauth.keys import SigningKey
from devstack.propelauth.model import Invite, Membership, Org, Settings, SocialLogin, User
from devstack.propelauth.org_routes import OrgRoutes
from devstack.propelauth.refusals import Refused
from devstack.propelauth.social import RefreshHook, RefreshRefused
from devstack.propelauth.token_routes import TokenRoutes
from devstack.propelauth.tokens import TokenActions
from devstack.propelauth.user_read_routes import UserReadRoutes
from devstack.propelauth.user_write_routes import UserWriteRoutes
from devstack.propelauth.webhooks import Attempt, Delivery, Webhooks

__all__ = [
    "Attempt",
    "Delivery",
    "Invite",
    "Membership",
    "Org",
    "PropelAuthEmulator",
    "RefreshHook",
    "RefreshRefused",
    "Refused",
    "Settings",
    "SigningKey",
    "SocialLogin",
    "User",
    "Webhooks",
]


class PropelAuthEmulator(TokenActions):
    """One project of PropelAuth. Actions are the same in the process and over HTTP, and emit the same webhooks.

    `auth_url` None: its own address, known from `start()` on. `signing_key` None: a new one, which takes about 0.1 s.
    Actions that the server would refuse raise `Refused`.
    """

    def __init__(
        self,
        *,
        auth_url: str | None = None,
        webhook_url: str | None = None,
        signing_key: SigningKey | None = None,
    ) -> None:
        super().__init__(Webhooks(webhook_url), signing_key or SigningKey())
        self._keys = Keys(secrets.token_hex(32), secrets.token_hex(32))
        self._given_auth_url = auth_url
        self._set_auth_url(auth_url or "")
        app = web.Application(middlewares=[answering(self._keys)])
        for routes in (UserReadRoutes(self), UserWriteRoutes(self), OrgRoutes(self), TokenRoutes(self)):
            app.add_routes(routes.table())
        app.add_routes(HostedRoutes(self).table())
        self.emulator = Emulator(app)

    @property
    def api_key(self) -> str:
        return self._keys.full

    @property
    def read_only_api_key(self) -> str:
        return self._keys.read_only

    @property
    def url(self) -> str:
        return self.emulator.url

    @property
    def webhook_url(self) -> str | None:
        return self.webhooks.url

    @webhook_url.setter
    def webhook_url(self, url: str | None) -> None:
        self.webhooks.url = url

    @property
    def webhook_secret(self) -> str:
        return self.webhooks.secret

    @property
    def deliveries(self) -> list[Delivery]:
        return self.webhooks.deliveries

    async def drain(self, seconds: float = 10.0) -> None:
        """Wait until every webhook under way has been delivered or given up."""
        await self.webhooks.drain(seconds)

    def redeliver(self, delivery_id: str) -> Delivery:
        return self.webhooks.redeliver(delivery_id)

    async def start(self, port: int = 0) -> str:
        """Serve on 127.0.0.1 (port 0: any free one) and return the address."""
        url = await self.emulator.start(port)
        self._set_auth_url(self._given_auth_url or url)
        await self.webhooks.start()
        return url

    async def stop(self) -> None:
        await self.webhooks.stop()
        await self.emulator.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def snapshot(self) -> dict[str, Any]:
        """All that must survive a restart, as JSON; it holds the keys, so keep it out of version control."""
        return {
            "api_keys": {"full": self._keys.full, "read_only": self._keys.read_only},
            "signing_key": self.key.snapshot(),
            "world": self.world.snapshot(),
            "webhooks": self.webhooks.snapshot(),
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take a snapshot's place; best before `start()`, which then sends the webhooks that were waiting."""
        self._keys.full, self._keys.read_only = data["api_keys"]["full"], data["api_keys"]["read_only"]
        self.key = SigningKey.restored(data["signing_key"])
        self.world.restore(data["world"])
        self.webhooks.restore(data["webhooks"])

    def _set_auth_url(self, url: str) -> None:
        self.auth_url = url
        self._keys.auth_host = host_of(url)
