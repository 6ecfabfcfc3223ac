"""Beginning and ending attempts."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Final
from uuid import uuid4

from switchboard.idempotency.documents import AttemptDocument
from switchboard.idempotency.model import Answer, Attempt, StillUnderWay

_under_way: Final[ContextVar[Attempt | None]] = ContextVar("attempt", default=None)


async def begin(key_hash: str, digest: str, now: datetime) -> Attempt:
    """The attempt: with a `status` if it was answered before, else to be answered by whoever gets it.

    Raises `IdempotencyKeyReused`, `StillUnderWay`.
    """
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)  # as MongoDB keeps it
    attempt = Attempt(key_hash=key_hash, digest=digest, begun_at=now)
    earlier = await AttemptDocument.begin(attempt)
    if earlier is None:
        return attempt
    earlier.check(digest, now)
    if earlier.status is None and not await AttemptDocument.take_over(earlier, now):
        raise StillUnderWay
    return attempt.model_copy(update={"made_id": earlier.made_id}) if earlier.status is None else earlier


@contextmanager
def carrying_out(attempt: Attempt) -> Iterator[None]:
    """What is made meanwhile gets the id of this attempt."""
    token = _under_way.set(attempt)
    try:
        yield
    finally:
        _under_way.reset(token)


def new_id() -> str:
    """An id for what a request makes: the same one when it is repeated with its Idempotency-Key."""
    attempt = _under_way.get()
    return uuid4().hex if attempt is None else attempt.made_id


async def end(attempt: Attempt, answer: Answer) -> None:
    """Keep a success; a refusal leaves the key as good as new."""
    if answer.may_be_kept:
        await AttemptDocument.answered(attempt.model_copy(update=vars(answer)))
    elif answer.status >= 500:
        await let_go(attempt)
    else:
        await give_up(attempt)


async def give_up(attempt: Attempt) -> None:
    await AttemptDocument.forget(attempt)


async def let_go(attempt: Attempt) -> None:
    """Let its repetition go on at once, with what may have been carried out."""
    await AttemptDocument.let_go(attempt)
