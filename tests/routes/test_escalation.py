"""The four doors to more rights than one has: role change, invite, additional roles, service key."""

import pytest

from tests.routes.escalation import DOORS, Door, by_invites_in_bulk, by_resending, through
from tests.routes.stage import Stage

SAME_AS_AN_INVITE = (by_invites_in_bulk, by_resending)
EACH = [pytest.param(door, marks=[pytest.mark.thorough] * (door in SAME_AS_AN_INVITE)) for door in DOORS]


@pytest.mark.parametrize("door", EACH, ids=lambda door: door.__name__)
async def test_nobody_gives_more_than_they_have(stage: Stage, door: Door) -> None:
    found = await through(stage.client, door, whole=False)
    assert [str(outcome) for outcome in found if outcome.wrong] == []
    allowed = {outcome.expected not in ("403", "above_own_role", "missing_permission") for outcome in found}
    assert allowed == {True, False}
