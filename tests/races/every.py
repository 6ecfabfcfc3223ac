"""Every race, by name."""

from typing import Final

from tests.races.agents import ChangeOneAgent, CreateOnOneNumber, RestoreAgainstCreate
from tests.races.deliveries import WebhookReplay
from tests.races.invites import (
    AcceptAgainstExpiry,
    AcceptAgainstRemoval,
    AcceptAgainstRevoke,
    AcceptOneInvite,
    InviteAgainstInvite,
    RepeatOneRequest,
)
from tests.races.owners import (
    DemoteFiveOwners,
    DemoteTwoOwners,
    LeaveFiveOwners,
    LeaveTwoOwners,
    PromoteAgainstDemote,
    TransferAgainstOthers,
    TransferToMany,
)
from tests.races.play import Race
from tests.races.seats import LastFiveSeats, LastSeat

_OF_ORGANIZATIONS: Final[tuple[Race, ...]] = (
    *(DemoteTwoOwners(), DemoteFiveOwners(), LeaveTwoOwners(), LeaveFiveOwners()),
    *(TransferAgainstOthers(), TransferToMany(), PromoteAgainstDemote(), LastSeat(), LastFiveSeats()),
    *(AcceptOneInvite(), AcceptAgainstRevoke(), AcceptAgainstExpiry(), AcceptAgainstRemoval()),
    *(InviteAgainstInvite(), RepeatOneRequest(), WebhookReplay()),
)
_OF_AGENTS: Final[tuple[Race, ...]] = (CreateOnOneNumber(), RestoreAgainstCreate(), ChangeOneAgent())
ORGANIZATIONS: Final = {race.name: race for race in _OF_ORGANIZATIONS}
AGENTS: Final = {race.name: race for race in _OF_AGENTS}
RACES: Final = {**ORGANIZATIONS, **AGENTS}
