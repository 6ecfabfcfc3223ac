"""Whose turn it is."""

from datetime import datetime

from pydantic import BaseModel

from switchboard.errors import Unavailable


class TurnTaken(Unavailable):
    code = "booking_under_way"
    message = "Something else is being booked for this person right now. Try again in a moment."


class Turn(BaseModel):
    """Who writes to a person's time right now; nobody else does until then."""

    user_id: str
    owner: str
    until: datetime
