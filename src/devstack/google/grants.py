"""Consent and tokens: who allowed which client what, and which tokens came of it."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from devstack.google.errors import OAuthError
from devstack.google.keys import ISSUER, SigningKey, access_token_hash
from devstack.google.state import Account, Store

ACCESS_TOKEN_SECONDS = 3599
REFRESH_TOKENS_PER_GRANT = 100
SCOPE_ALIASES = {
    "email": "https://www.googleapis.com/auth/userinfo.email",
    "profile": "https://www.googleapis.com/auth/userinfo.profile",
}


@dataclass
class AccessToken:
    """`expires` in seconds of the emulator's clock; `refresh_token` is the one it came from, if any."""

    token: str
    email: str
    client_id: str
    scopes: list[str]
    expires: float
    refresh_token: str = ""


@dataclass
class RefreshToken:
    token: str
    email: str
    client_id: str
    scopes: list[str]
    expires: float | None = None


@dataclass
class Grant:
    """What one account allowed one client; `refresh_tokens` oldest first."""

    scopes: list[str] = field(default_factory=list)
    refresh_tokens: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Issue:
    """What to issue tokens for."""

    account: Account
    client_id: str
    scopes: tuple[str, ...]
    offline: bool = True
    nonce: str = ""


class Grants:
    def __init__(self, store: Store, key: SigningKey) -> None:
        self.store = store
        self.key = key
        self.access: dict[str, AccessToken] = {}
        self.refresh: dict[str, RefreshToken] = {}
        self.given: dict[tuple[str, str], Grant] = {}

    def grant_of(self, email: str, client_id: str) -> Grant:
        return self.given.setdefault((email, client_id), Grant())

    def issue(self, issue: Issue, refresh_lifetime: int | None = None) -> dict[str, Any]:
        """Tokens as the answer to an exchanged code."""
        grant = self.grant_of(issue.account.email, issue.client_id)
        grant.scopes = ordered({*grant.scopes, *issue.scopes})
        refresh = self._new_refresh(issue, grant, refresh_lifetime) if issue.offline else None
        answer = self._new_access(issue, refresh.token if refresh else "")
        if refresh is not None:
            answer["refresh_token"] = refresh.token
            if refresh_lifetime is not None:
                answer["refresh_token_expires_in"] = refresh_lifetime
        return answer

    def _new_refresh(self, issue: Issue, grant: Grant, lifetime: int | None) -> RefreshToken:
        expires = None if lifetime is None else self.store.clock.now() + lifetime
        token = f"1//0g{secrets.token_urlsafe(48)}"
        refresh = RefreshToken(token, issue.account.email, issue.client_id, list(issue.scopes), expires)
        self.refresh[token] = refresh
        grant.refresh_tokens.append(token)
        while len(grant.refresh_tokens) > REFRESH_TOKENS_PER_GRANT:
            self.refresh.pop(grant.refresh_tokens.pop(0), None)
        return refresh

    def _new_access(self, issue: Issue, refresh_token: str) -> dict[str, Any]:
        token = f"ya29.a0{secrets.token_urlsafe(96)}"
        expires = self.store.clock.now() + ACCESS_TOKEN_SECONDS
        scopes = list(issue.scopes)
        self.access[token] = AccessToken(token, issue.account.email, issue.client_id, scopes, expires, refresh_token)
        answer: dict[str, Any] = {
            "access_token": token,
            "expires_in": ACCESS_TOKEN_SECONDS,
            "scope": " ".join(issue.scopes),
            "token_type": "Bearer",
        }
        if "openid" in issue.scopes:
            answer["id_token"] = self.id_token(issue, token)
        return answer

    def renew(self, token: str, client_id: str) -> dict[str, Any]:
        """A new access token; the refresh token stays and older access tokens stay valid."""
        refresh = self.refresh.get(token)
        expired = refresh is not None and refresh.expires is not None and refresh.expires <= self.store.clock.now()
        if refresh is None or refresh.client_id != client_id or expired or refresh.email not in self.store.accounts:
            raise OAuthError("invalid_grant", "Token has been expired or revoked.")
        account = self.store.accounts[refresh.email]
        return self._new_access(Issue(account, client_id, tuple(refresh.scopes)), token)

    def valid(self, token: str) -> AccessToken | None:
        """The access token if it is known and has not expired."""
        known = self.access.get(token)
        if known is None or known.expires <= self.store.clock.now() or known.email not in self.store.accounts:
            return None
        return known

    def revoke_token(self, token: str, lag: float = 0.0) -> None:
        """Revoke what a client hands in: everything its user granted to the project."""
        known: AccessToken | RefreshToken | None = self.valid(token) or self.refresh.get(token)
        if known is None:
            raise OAuthError("invalid_token", "Token expired or revoked")
        self.revoke(known.email, lag)

    def revoke(self, email: str, lag: float = 0.0) -> None:
        """End all grants of an account; access tokens live on for `lag` seconds, refresh tokens do not."""
        end = self.store.clock.now() + lag
        for access in self.access.values():
            if access.email == email:
                access.expires = min(access.expires, end)
        self.refresh = {token: refresh for token, refresh in self.refresh.items() if refresh.email != email}
        self.given = {key: grant for key, grant in self.given.items() if key[0] != email}

    def expire_access_tokens(self, email: str) -> None:
        now = self.store.clock.now()
        for access in self.access.values():
            if access.email == email:
                access.expires = min(access.expires, now)

    def id_token(self, issue: Issue, access_token: str) -> str:
        """OpenID Connect claims; `email` and the profile only with their scopes."""
        now = int(self.store.clock.now())
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "azp": issue.client_id,
            "aud": issue.client_id,
            "sub": issue.account.sub,
            "at_hash": access_token_hash(access_token),
            "iat": now,
            "exp": now + 3600,
        }
        if issue.nonce:
            claims["nonce"] = issue.nonce
        return self.key.sign(claims | profile(issue.account, issue.scopes))


def profile(account: Account, scopes: Iterable[str]) -> dict[str, Any]:
    """What the granted scopes tell about a person, under the names of OpenID Connect."""
    scopes = set(scopes)
    told: dict[str, Any] = {}
    if scopes & {"email", SCOPE_ALIASES["email"]}:
        told |= {"email": account.email, "email_verified": True} | hosted_domain(account)
    if scopes & {"profile", SCOPE_ALIASES["profile"]}:
        given, _, family = account.name.partition(" ")
        picture = f"https://lh3.googleusercontent.com/a/{account.sub}=s96-c"
        told |= {"name": account.name, "picture": picture, "given_name": given}
        told |= {"family_name": family} if family else {}
    return told


def hosted_domain(account: Account) -> dict[str, str]:
    """`hd`, which consumer accounts do not have."""
    domain = account.email.rpartition("@")[2]
    return {} if domain in ("gmail.com", "googlemail.com") else {"hd": domain}


def ordered(scopes: Iterable[str]) -> list[str]:
    """Scopes in a stable order, with the short names of the profile scopes written out."""
    return sorted({SCOPE_ALIASES.get(scope, scope) for scope in scopes})
