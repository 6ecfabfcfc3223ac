"""Beginning and ending attempts."""

from datetime import datetime

from switchboard.idempotency.documents import AttemptDocument
from switchboard.idempotency.model import LARGEST_ANSWER, Attempt, StillUnderWay


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
    return attempt if earlier.status is None else earlier


async def end(attempt: Attempt, status: int, media_type: str, body: bytes) -> None:
    """Keep a success; a refusal or a failure leaves the key as good as new."""
    if 200 <= status < 300 and len(body) <= LARGEST_ANSWER:
        answer = {"status": status, "media_type": media_type, "body": body}
        await AttemptDocument.answered(attempt.model_copy(update=answer))
    else:
        await AttemptDocument.forget(attempt)


async def give_up(attempt: Attempt) -> None:
    await AttemptDocument.forget(attempt)
