"""Google tokens of users, through the unmodified propelauth-py."""

import time

import pytest
from propelauth_py import AsyncAuth

from devstack.propelauth import PropelAuthEmulator, RefreshRefused, Refused, User
from tests.devstack.propelauth.parts import NOBODY


class Google:
    """Hands out a numbered token each time it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.revoked = False

    async def refresh(self, provider: str, user_id: str) -> dict[str, object]:
        if self.revoked:
            raise RefreshRefused("invalid_grant")
        self.asked.append((provider, user_id))
        return {"access_token": f"fresh-{len(self.asked)}", "token_expiration": int(time.time()) + 3600}


@pytest.fixture
def google(propel: PropelAuthEmulator) -> Google:
    google = Google()
    propel.on_refresh = google.refresh
    return google


@pytest.fixture
def ada(propel: PropelAuthEmulator) -> User:
    return propel.add_user("ada@example.com")


async def test_a_stored_token_is_returned_as_it_is(
    propel: PropelAuthEmulator, auth: AsyncAuth, ada: User, google: Google
) -> None:
    expires = int(time.time()) + 600
    scopes = ["openid", "https://www.googleapis.com/auth/calendar"]
    stored = {"access_token": "a", "refresh_token": "r", "token_expiration": expires, "authorized_scopes": scopes}
    propel.link_social(ada.user_id, "google", stored)
    tokens = await auth.fetch_user_oauth_tokens(ada.user_id)
    token = tokens["google"]
    assert (token.access_token, token.refresh_token, token.token_provider) == ("a", "r", "google")
    assert (token.token_expiration, token.authorized_scopes) == (expires, scopes)
    assert google.asked == []


async def test_an_expired_token_is_refreshed_and_kept(
    propel: PropelAuthEmulator, auth: AsyncAuth, ada: User, google: Google
) -> None:
    propel.link_social(ada.user_id, "google", {"access_token": "old", "refresh_token": "r", "token_expiration": 1})
    for _ in range(2):
        token = (await auth.fetch_user_oauth_tokens(ada.user_id))["google"]
        assert (token.access_token, token.refresh_token) == ("fresh-1", "r")
    assert google.asked == [("google", ada.user_id)]


async def test_a_fresh_token_comes_from_the_provider_every_time(
    propel: PropelAuthEmulator, auth: AsyncAuth, ada: User, google: Google
) -> None:
    propel.link_social(ada.user_id, "google", {"access_token": "old"})
    fresh = [(await auth.fetch_fresh_token_from_provider(ada.user_id, "google")).access_token for _ in range(2)]
    assert fresh == ["fresh-1", "fresh-2"]
    google.revoked = True
    with pytest.raises(ValueError, match="invalid_grant"):
        await auth.fetch_fresh_token_from_provider(ada.user_id, "google")


async def test_a_user_without_social_login_has_no_tokens(
    propel: PropelAuthEmulator, auth: AsyncAuth, ada: User
) -> None:
    assert await auth.fetch_user_oauth_tokens(ada.user_id) == {}
    assert await auth.fetch_fresh_token_from_provider(ada.user_id, "google") is None
    assert await auth.fetch_fresh_token_from_provider(NOBODY, "google") is None
    propel.settings.oauth_token_without_login_is_404 = True
    assert await auth.fetch_user_oauth_tokens(ada.user_id) is None


async def test_an_unlinked_or_unknown_provider_has_no_token(
    propel: PropelAuthEmulator, auth: AsyncAuth, ada: User
) -> None:
    with pytest.raises(Refused, match="Unknown provider"):
        propel.link_social(ada.user_id, "Google", {"access_token": "a"})
    propel.link_social(ada.user_id, "google", {"access_token": "a"})
    propel.unlink_social(ada.user_id, "google")
    assert await auth.fetch_user_oauth_tokens(ada.user_id) == {}
