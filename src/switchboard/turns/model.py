"""Whose turn it is."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel

from switchboard.annotations import Reference
from switchboard.errors import Unavailable


class TurnTaken(Unavailable):
    code = "booking_under_way"
    message = "Something else is being booked for this person right now. Try again in a moment."


class Turn(BaseModel):
    """Who writes to a person's time right now; nobody else does until then."""

    user_id: Annotated[str, Reference("User", "cascade")]
    owner: str
    until: datetime
