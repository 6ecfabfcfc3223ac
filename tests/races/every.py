"""Every race, by name."""

from typing import Final

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

_EVERY: Final[tuple[Race, ...]] = (
    *(DemoteTwoOwners(), DemoteFiveOwners(), LeaveTwoOwners(), LeaveFiveOwners()),
    *(TransferAgainstOthers(), TransferToMany(), PromoteAgainstDemote(), LastSeat(), LastFiveSeats()),
    *(AcceptOneInvite(), AcceptAgainstRevoke(), AcceptAgainstExpiry(), AcceptAgainstRemoval()),
    *(InviteAgainstInvite(), RepeatOneRequest(), WebhookReplay()),
)
RACES: Final = {race.name: race for race in _EVERY}
