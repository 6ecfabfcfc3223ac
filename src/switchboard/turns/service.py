"""Taking turns. Nobody waits longer for a holder that was killed than a turn lasts."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from typing import Final, TypeVar

from switchboard.clients.google_errors import GoogleUnavailable
from switchboard.errors import SwitchboardError, Unavailable
from switchboard.turns.documents import TurnDocument
from switchboard.turns.model import TurnTaken

Result = TypeVar("Result")

HOLD_SECONDS = 20.0  # shorter than a turn (`TURN_SECONDS`)
WAIT_SECONDS = 12.0
LOOK_AGAIN_SECONDS: Final = (0.02, 0.1)


class Held:
    """A turn. `lost`, once it is over: somebody else may have had it meanwhile, because this process slept."""

    def __init__(self) -> None:
        self.lost = True
        self.settled = True

    async def send(self, write: Awaitable[Result]) -> Result:
        """The answer to what is sent to Google. Without one it may still happen, and nobody else gets the turn."""
        self.settled = False
        try:
            answer = await write
        except SwitchboardError as error:
            self.settled = not isinstance(error, Unavailable)
            raise
        self.settled = True
        return answer


@asynccontextmanager
async def turn(user_id: str, owner: str) -> AsyncIterator[Held]:
    """Hold a person's turn; whoever asks for it with the same `owner` has it as well.

    Raises `TurnTaken` after twelve seconds, and `GoogleUnavailable` for what takes longer than twenty.
    """
    await _take(user_id, owner)
    held = Held()
    try:
        async with asyncio.timeout(HOLD_SECONDS):
            yield held
    except TimeoutError:
        raise GoogleUnavailable from None
    finally:
        if held.settled:
            with suppress(SwitchboardError):  # then it ends by itself
                held.lost = not await TurnDocument.end(user_id, owner)


async def _take(user_id: str, owner: str) -> None:
    deadline = asyncio.get_running_loop().time() + WAIT_SECONDS
    while not await TurnDocument.take(user_id, owner):
        if asyncio.get_running_loop().time() > deadline:
            raise TurnTaken
        await asyncio.sleep(random.uniform(*LOOK_AGAIN_SECONDS))  # noqa: S311
