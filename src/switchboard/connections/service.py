"""Connecting a person to Google, keeping an access token that works, and disconnecting."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import TypeVar
from uuid import uuid4

from switchboard.clients.google_errors import (
    AccessLost,
    GoogleUnavailable,
    InvalidAccessToken,
    InvalidConsent,
    ScopeMissing,
)
from switchboard.clients.google_oauth import OAuthClient, TokenGrant
from switchboard.clients.propelauth_facts import Identity
from switchboard.connections.documents import ConnectionDocument, ConsentDocument
from switchboard.connections.model import (
    SCOPES,
    Connection,
    Consent,
    ConsentExpired,
    NotConnected,
    OtherAccount,
    SignIn,
    Source,
    fingerprint,
    grant_fingerprint,
    grant_reads,
    no_token_fields,
    token_fields,
)
from switchboard.errors import Invalid, NotFound
from switchboard.services import Services
from switchboard.users import service as users
from switchboard.users.documents import UserDocument
from switchboard.users.model import User, UserToken

Answer = TypeVar("Answer")

WAIT_FOR_OTHER_SECONDS = 35.0
LOOK_AGAIN_SECONDS = 0.05
REFRESH_SECONDS = 25.0


async def begin(services: Services, caller: Identity, now: datetime) -> str:
    """The address where the caller consents, good for ten minutes and for this caller alone."""
    user = await users.current(services, caller, now)
    state, verifier, nonce = (secrets.token_urlsafe(32) for _ in range(3))
    consent = Consent.begun(caller.user_id, (state, verifier, nonce), now)
    await ConsentDocument.add(consent)
    return services.google.oauth.consent_address(
        state=state, challenge=consent.challenge, nonce=nonce, scopes=SCOPES, hint=user.email or ""
    )


async def confirm(services: Services, caller: Identity, state: str, code: str, now: datetime) -> None:
    """Finish a consent: its grant becomes the caller's, or nothing changes.

    Raises `ConsentExpired`, `InvalidConsent`, `ScopeMissing`, `OtherAccount`, `GoogleUnavailable`.
    """
    consent = await ConsentDocument.take(fingerprint(state), caller.user_id)
    if consent is None:
        raise ConsentExpired
    consent.check(now)
    grant = await _exchanged(services, consent, code)
    account = await services.google.oauth.account(grant.id_token, consent.nonce)
    user = await users.current(services, caller, now)
    before = await ConnectionDocument.find(caller.user_id) or Connection(user_id=caller.user_id)
    before.check_account(account.subject, user.token, now)
    if not grant.refresh_token and not user.token.refresh_token:
        raise InvalidConsent("Google gave access for an hour only. Connect again.")
    after = Connection(
        user_id=caller.user_id,
        source="google",
        google_subject=account.subject,
        google_email=account.email,
        connected_at=now,
    )
    await _connect(services, user, grant, (before, after), now)


async def adopt(services: Services, caller: Identity, now: datetime) -> None:
    """Connect by the Google tokens that PropelAuth keeps; raises `NotFound` and `ScopeMissing`."""
    user = await users.current(services, caller, now)
    grant = await _propelauth_grant(services, caller.user_id, now, fresh=False)
    before = await ConnectionDocument.find(caller.user_id) or Connection(user_id=caller.user_id)
    before.check_adoption(user.token)
    after = Connection(user_id=caller.user_id, source="propelauth", connected_at=now)
    await _connect(services, user, grant, (before, after), now)


async def sign_in(services: Services, caller: Identity, now: datetime) -> SignIn:
    """Keep the Google tokens that PropelAuth holds, unless what is stored serves better; raises `NoGoogleTokens`.

    They are kept as they are, whether they open the calendar or not.
    """
    user = await users.current(services, caller, now)
    grant = await _propelauth_grant(services, caller.user_id, now, fresh=False)
    before = await ConnectionDocument.find(caller.user_id) or Connection(user_id=caller.user_id)
    if before.outlasts(user.token, grant, now):
        return SignIn(grant.scopes, consented=False)
    if not grant_reads(grant):
        await _store(services, user, grant, now, instead_of=user.token)
        return SignIn(grant.scopes, consented=False)
    after = Connection(user_id=caller.user_id, source="propelauth", connected_at=now)
    with suppress(OtherAccount, NotConnected):  # somebody connected or disconnected meanwhile, and that holds
        await _connect(services, user, grant, (before, after), now)
        return SignIn(grant.scopes, consented=not before.renews(user.token, grant))
    return SignIn(grant.scopes, consented=False)


async def find(user: User) -> Connection:
    """The connection of a person whose stored scopes let us read; raises `NotConnected` without one."""
    if not user.token.reads_calendar:
        raise NotConnected
    return await ConnectionDocument.find(user.user_id) or Connection(user_id=user.user_id)


async def access_token(services: Services, user_id: str, now: datetime, *, refused: str | None = None) -> str:
    """An access token that works for two minutes and more. `refused` is one that Google did not take.

    However many callers in however many processes ask at once, one of them refreshes and the others get its result
    (facts/google-calendar.md, rule 43). Raises `NotConnected`, `AccessLost`, `GoogleUnavailable`, `Misconfigured`.
    """
    owner = uuid4().hex
    deadline = asyncio.get_running_loop().time() + WAIT_FOR_OTHER_SECONDS
    while asyncio.get_running_loop().time() < deadline:
        token, connection = await _stored(user_id)
        if token.fresh(now) and token.access_token and token.access_token != refused:
            return token.access_token
        if connection.lost(token):
            raise AccessLost(connection.lost_reason)
        if await ConnectionDocument.claim_refresh(user_id, owner):
            try:
                async with asyncio.timeout(REFRESH_SECONDS):  # shorter than the lease: never two at once
                    return await _refresh(services, user_id, now, refused)
            except TimeoutError:
                raise GoogleUnavailable from None
            finally:
                await ConnectionDocument.release_refresh(user_id, owner)
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
    raise GoogleUnavailable


async def access_tokens(user_ids: list[str], now: datetime) -> dict[str, str]:
    """The access tokens at hand that work for two minutes and more, by person, in one query."""
    found = [user for user in await UserDocument.find_all(user_ids) if user.token.reads_calendar]
    return {user.user_id: user.token.access_token or "" for user in found if user.token.fresh(now)}


class Access:
    """The access token for one piece of work; another one is fetched once when Google refuses it (rule 47)."""

    def __init__(self, services: Services, user_id: str, now: datetime, token: str | None = None) -> None:
        self._services = services
        self._user_id = user_id
        self._now = now
        self._token = token

    async def use(self, ask: Callable[[str], Awaitable[Answer]]) -> Answer:
        """What Google answers; raises as `access_token` does."""
        if self._token is None:
            self._token = await access_token(self._services, self._user_id, self._now)
        try:
            return await ask(self._token)
        except InvalidAccessToken:
            refused = self._token
        self._token = await access_token(self._services, self._user_id, self._now, refused=refused)
        return await ask(self._token)


async def disconnect(services: Services, user: User, now: datetime, *, shared: bool) -> bool:
    """Forget a person's grant here, and revoke it at Google when nothing else rests on it; whether it was revoked.

    `shared`: another person is known to read the same Google account, however they connected it. Raises
    `NotConnected`, and `Unavailable` before anything was forgotten.
    """
    connection = await find(user)
    revokes = not shared and await _may_revoke(services, user, connection)
    if revokes:
        await services.google.oauth.revoke(user.token.refresh_token or user.token.access_token or "")
    await UserDocument.replace_tokens(user.user_id, no_token_fields(now))
    await ConnectionDocument.remove(user.user_id)
    return revokes


async def _may_revoke(services: Services, user: User, connection: Connection) -> bool:
    """Revoking ends *every* grant of this Google account to our project (rule 51).

    So not what PropelAuth keeps for signing in, not what another person's connection uses, and not tokens of unknown
    origin.
    """
    if connection.source != "google" or not user.token.refresh_token or connection.lost(user.token):
        return False
    if await ConnectionDocument.others_connect(user.user_id, connection.google_subject):
        return False
    return not await _signs_in_with_google(services, user.user_id)


async def _signs_in_with_google(services: Services, user_id: str) -> bool:
    try:
        await services.propelauth.google_grant(user_id)
    except NotFound:
        return False
    return True


async def _stored(user_id: str) -> tuple[UserToken, Connection]:
    user = await UserDocument.find(user_id)
    if user is None:
        raise NotConnected
    return user.token, await find(user)


async def _refresh(services: Services, user_id: str, now: datetime, refused: str | None) -> str:
    """Refresh as the only one who does, unless the one before just did."""
    token, connection = await _stored(user_id)
    if token.fresh(now) and token.access_token and token.access_token != refused:
        return token.access_token
    try:
        grant = await _fresh_grant(services, user_id, token, connection.source, now)
        if grant.scopes and not grant_reads(grant):
            raise ScopeMissing
    except (AccessLost, NotFound, Invalid) as error:
        await ConnectionDocument.lose(user_id, grant_fingerprint(token), error.message, now)
        raise AccessLost(error.message) from None
    fields = {"access_token": grant.access_token, "token_expiration": _expiry(grant, now), "updated_at": now}
    if grant.refresh_token:
        fields["refresh_token"] = grant.refresh_token
    if await UserDocument.replace_tokens(user_id, fields, instead_of=token):
        return grant.access_token
    return await _stored_meanwhile(user_id, now, refused)


async def _stored_meanwhile(user_id: str, now: datetime, refused: str | None) -> str:
    """The token of whoever connected anew during our refresh; ours may be another account's."""
    token, _ = await _stored(user_id)
    if token.fresh(now) and token.access_token and token.access_token != refused:
        return token.access_token
    raise GoogleUnavailable


async def _fresh_grant(services: Services, user_id: str, token: UserToken, source: Source, now: datetime) -> TokenGrant:
    if source == "propelauth" or not token.refresh_token:
        return await _propelauth_grant(services, user_id, now, fresh=True)
    client = OAuthClient(token.client_id, token.client_secret) if token.client_id and token.client_secret else None
    return await services.google.oauth.refresh(token.refresh_token, client)


async def _propelauth_grant(services: Services, user_id: str, now: datetime, *, fresh: bool) -> TokenGrant:
    fetch = services.propelauth.fresh_google_grant if fresh else services.propelauth.google_grant
    kept = await fetch(user_id)
    expires_in = 0 if kept.expires_at is None else kept.expires_at - int(now.timestamp())
    return TokenGrant(kept.access_token, expires_in, kept.scopes, kept.refresh_token)


async def _exchanged(services: Services, consent: Consent, code: str) -> TokenGrant:
    """The grant behind a code. While Google does not answer the consent is not used up."""
    try:
        return await services.google.oauth.exchange(code, consent.verifier)
    except GoogleUnavailable:
        await ConsentDocument.add(consent)
        raise


async def _connect(
    services: Services, user: User, grant: TokenGrant, change: tuple[Connection, Connection], now: datetime
) -> None:
    """Keep a grant, unless another account was connected since `change` was read."""
    if not grant_reads(grant):
        raise ScopeMissing
    if not await ConnectionDocument.connect(*change):
        raise OtherAccount
    await _store(services, user, grant, now)
    if await ConnectionDocument.find(user.user_id) is None:  # a disconnect came in between, and it wins
        await UserDocument.replace_tokens(user.user_id, no_token_fields(now))
        raise NotConnected


async def _store(
    services: Services, user: User, grant: TokenGrant, now: datetime, *, instead_of: UserToken | None = None
) -> None:
    fields = token_fields(grant, now)
    if user.token.client_id:  # an older document names the client its tokens belong to
        client = services.google.oauth.client
        fields |= {"client_id": client.client_id, "client_secret": client.client_secret}
    await UserDocument.replace_tokens(user.user_id, fields, instead_of=instead_of)


def _expiry(grant: TokenGrant, now: datetime) -> int:
    return int(now.timestamp()) + grant.expires_in
