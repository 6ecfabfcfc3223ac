"""Access tokens as the vendor mints them, and as nobody should accept them."""

import time
from typing import Any
from urllib.parse import urlsplit

import jwt

from devstack.propelauth import shapes
from devstack.propelauth.keys import SigningKey
from devstack.propelauth.model import User
from devstack.propelauth.refusals import invalid
from devstack.propelauth.sessions import SessionActions

Claims = dict[str, Any]


class TokenActions(SessionActions):
    """`auth_url` is where the project's users sign in; its host names the issuer."""

    auth_url: str = ""

    @property
    def issuer(self) -> str:
        """Always https, whatever the scheme of `auth_url`: the SDKs compute it that way."""
        return f"https://{urlsplit(self.auth_url).netloc}"

    @property
    def verifier_key_pem(self) -> str:
        return self.key.public_pem

    def access_token(
        self,
        user_id: str,
        /,
        *,
        minutes: float | None = None,
        active_org_id: str | None = None,
        issued_at: float | None = None,
        **claims: object,
    ) -> str:
        """A signed token; `claims` replace those it would have.

        `minutes` None: the project's lifetime (30). `issued_at` in unix seconds: the past gives an expired token.
        """
        body = self.claims(user_id, minutes=minutes, active_org_id=active_org_id, issued_at=issued_at)
        return self.sign({**body, **claims})

    def sign(self, claims: Claims, key: SigningKey | None = None) -> str:
        """Any claims, signed with the project's key or with a foreign one."""
        return (key or self.key).sign(claims)

    def claims(
        self,
        user_id: str,
        *,
        minutes: float | None = None,
        active_org_id: str | None = None,
        issued_at: float | None = None,
    ) -> Claims:
        """With `active_org_id` the token has that organization only; 400 if the user is not in it."""
        user = self.user(user_id)
        issued = int(time.time() if issued_at is None else issued_at)
        lifetime = self.settings.token_minutes if minutes is None else minutes
        return {
            "sub": user_id,
            "iat": issued,
            "exp": issued + int(lifetime * 60),
            "user_id": user_id,
            "iss": self.issuer,
            "email": user.email,
            **self._optional_claims(user),
            **self._org_claims(user_id, active_org_id),
        }

    def _optional_claims(self, user: User) -> Claims:
        """Only what is set, and what the project puts into tokens."""
        wanted = [*self.settings.properties_in_token, "legacy_user_id"]
        return {name: getattr(user, name) for name in wanted if getattr(user, name) is not None}

    def _org_claims(self, user_id: str, active_org_id: str | None) -> Claims:
        if not self.settings.organizations_enabled:
            return {}
        if active_org_id is None:
            return {"org_id_to_org_member_info": shapes.member_infos(self, user_id)}
        membership = self.membership(active_org_id, user_id)
        if membership is None:
            raise invalid("active_org_id", "User is not in this organization")
        return {"org_member_info": shapes.member_info(self, membership)}

    def verified_user_id(self, token: str) -> str | None:
        """Whose token this is, or None if it is not ours or has expired."""
        public_key = self.key.private_key.public_key()
        try:
            claims = jwt.decode(token, public_key, algorithms=["RS256"], issuer=self.issuer)
        except jwt.InvalidTokenError:
            return None
        user_id = claims.get("user_id")
        return user_id if isinstance(user_id, str) else None

    def login_method_claim(self, **method: str) -> Claims:
        """{"login_method": ...} if the project puts it into tokens."""
        return {"login_method": method} if self.settings.login_method_in_token else {}
