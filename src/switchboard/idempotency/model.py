"""A POST that carries an `Idempotency-Key`: begun, then answered; the answer is given again to whoever repeats it."""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Final
from uuid import uuid4

from pydantic import BaseModel, Field

from switchboard.annotations import SECRET
from switchboard.errors import Conflict, Invalid

KEY: Final = re.compile(r"[\x21-\x7e]{1,200}")
UNDER_WAY: Final = timedelta(seconds=60)  # longer than any request lasts
LARGEST_ANSWER: Final = 1_000_000  # bytes


class InvalidIdempotencyKey(Invalid):
    code = "invalid_idempotency_key"
    message = "An Idempotency-Key is 1 to 200 visible ASCII characters, such as a UUID."


class IdempotencyKeyReused(Invalid):
    code = "idempotency_key_reused"
    message = "This Idempotency-Key was sent before with another request. Use a new key for a new request."


class StillUnderWay(Conflict):
    code = "request_under_way"
    message = "The same request is being answered right now. Repeat it in a moment."


@dataclass(frozen=True)
class Answer:
    """What is given again to whoever repeats a request."""

    status: int
    media_type: str
    etag: str | None
    body: bytes = field(repr=False)

    @property
    def may_be_kept(self) -> bool:
        return 200 <= self.status < 300 and len(self.body) <= LARGEST_ANSWER


class Attempt(BaseModel):
    """A request with an idempotency key, and its answer for whoever repeats it.

    `key_hash` covers the caller and the key, `digest` the request. `status` is None until it was answered. `made_id`
    is for what the request makes: whoever goes on with it after its process died makes the same thing.
    """

    key_hash: str
    digest: str
    begun_at: datetime
    made_id: str = Field(default_factory=lambda: uuid4().hex)
    status: int | None = None
    media_type: str = ""
    body: Annotated[bytes, SECRET] = Field(default=b"", repr=False)
    etag: str | None = None

    def check(self, digest: str, now: datetime) -> None:
        """Raise unless a repetition with this digest may go on, or be answered."""
        if self.digest != digest:
            raise IdempotencyKeyReused
        if self.status is None and now < self.begun_at + UNDER_WAY:
            raise StillUnderWay


def checked_key(key: str) -> str:
    """The key; raises `InvalidIdempotencyKey`."""
    if not KEY.fullmatch(key):
        raise InvalidIdempotencyKey
    return key


def digest_of(*parts: bytes) -> str:
    """One digest for all parts together; no two lists of parts share it."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()
