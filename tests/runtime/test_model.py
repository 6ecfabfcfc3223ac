"""What a service is given, as a thing of its own."""

from datetime import UTC, datetime

from switchboard.runtime.model import CalendarToken
from switchboard.users.model import User


def test_the_expiry_is_that_of_the_token_or_not_known() -> None:
    def expiry(access_token: str, expires: object) -> datetime | None:
        user = User.model_validate({"user_id": "u", "access_token": "stored", "token_expiration": expires})
        return CalendarToken.of(user, access_token).expires_at

    assert expiry("stored", 2_000_000_000) == datetime(2033, 5, 18, 3, 33, 20, tzinfo=UTC)
    assert [expiry("another", 2_000_000_000), expiry("stored", None), expiry("stored", 2**38 - 1)] == [None] * 3


def test_a_token_is_in_no_repr() -> None:
    user = User.model_validate({"user_id": "u", "access_token": "s3cret", "refresh_token": "s3cret"})

    assert "s3cret" not in repr(CalendarToken.of(user, "s3cret"))
