"""What a front end needs after sign-in."""

from pydantic import BaseModel

from switchboard.calendars.schemas import CalendarState
from switchboard.home.service import SignedIn
from switchboard.organizations.schemas import OrganizationShown
from switchboard.replies.schemas import MyInvite
from switchboard.users.schemas import Me


class Onboarding(BaseModel):
    """What a person has yet to do."""

    welcome_form_completed: bool
    calendar_connected: bool


class Home(BaseModel):
    """`organizations` say in `can` what the person may do there; `invites` wait for them."""

    user: Me
    onboarding: Onboarding
    organizations: list[OrganizationShown]
    invites: list[MyInvite]
    calendar: CalendarState

    @classmethod
    def of(cls, found: SignedIn) -> "Home":
        calendar = CalendarState.of(found.calendar)
        onboarding = Onboarding(
            welcome_form_completed=found.user.welcome_form_completed, calendar_connected=calendar.connected
        )
        return cls(
            user=Me.of(found.user),
            onboarding=onboarding,
            organizations=[OrganizationShown.of(acting) for acting in found.organizations],
            invites=[MyInvite.of(addressed) for addressed in found.invites],
            calendar=calendar,
        )
