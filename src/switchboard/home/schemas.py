"""What a front end needs after sign-in."""

from pydantic import BaseModel

from switchboard.calendars.model import Overview
from switchboard.calendars.schemas import CalendarState
from switchboard.users.model import User
from switchboard.users.schemas import Me


class Onboarding(BaseModel):
    """What a person has yet to do."""

    welcome_form_completed: bool
    calendar_connected: bool


class Home(BaseModel):
    user: Me
    onboarding: Onboarding
    calendar: CalendarState

    @classmethod
    def of(cls, user: User, overview: Overview) -> "Home":
        calendar = CalendarState.of(overview)
        onboarding = Onboarding(
            welcome_form_completed=user.welcome_form_completed, calendar_connected=calendar.connected
        )
        return cls(user=Me.of(user), onboarding=onboarding, calendar=calendar)
