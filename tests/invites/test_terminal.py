"""A state that ended never changes again: any writes, in any order, on the real database."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from switchboard.audit.model import OUTSIDE
from switchboard.invites.documents import PendingInviteDocument as Invites
from switchboard.invites.model import EXPIRED, LIFETIME, End, PendingInvite, accepted, declined, revoked
from tests.world import World

BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOURS = st.sampled_from([0, 1, 119, 120, 121, 240])  # an invite lasts 120
STEP = st.tuples(
    st.sampled_from(
        [
            "accepted",
            "revoked",
            "declined",
            "expired",
            "extend",
            "claim_resend",
            "unclaim",
            "follow",
            "sent",
            "withdraw",
        ]
    ),
    HOURS,
)


def end_of(name: str, now: datetime) -> End:
    ends = {"accepted": accepted("nina", now), "revoked": revoked(OUTSIDE, now), "declined": declined(now)}
    return ends.get(name, EXPIRED)


def new() -> PendingInvite:
    times: dict[str, Any] = {"created_at": BEGAN, "sent_at": BEGAN, "last_sent_at": BEGAN}
    return PendingInvite(
        invite_id=uuid4().hex,
        org_id=uuid4().hex,
        invitee_email="n@example.com",
        **{"email_key": "n@example.com", "role_in_org": "Member", "expires_at": BEGAN + LIFETIME, **times},
    )


async def write(world: World, invite: PendingInvite, name: str, now: datetime) -> PendingInvite | None:
    """One write as the service does it; what an end gave back."""
    run = world.services.transactions.run
    if name in ("accepted", "revoked", "declined", "expired"):
        return await run(lambda session: Invites.end(invite, end_of(name, now), now, session))
    if name in ("extend", "sent"):
        await run(lambda session: getattr(Invites, name)(invite, now, session))
    elif name == "withdraw":
        await run(lambda session: Invites.withdraw(invite, session))
    elif name == "claim_resend":
        await Invites.claim_resend(invite, now)
    elif name == "unclaim":
        await Invites.unclaim_resend(invite, now)
    else:
        fields = {"role_in_org": "Owner", "expires_at": now + timedelta(days=9)}
        await run(lambda session: Invites.follow(invite, fields, session))
    return None


@given(st.lists(STEP, min_size=2, max_size=9))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_is_written_after_the_end_changes_nothing(world: World, steps: list[tuple[str, int]]) -> None:
    invite = new()
    stored = world.database["pending_invites"]
    stored.insert_one(invite.model_dump())
    ended: dict[str, Any] | None = None
    for name, hours in steps:
        now = BEGAN + timedelta(hours=hours)
        before = stored.find_one({"invite_id": invite.invite_id})

        given_back = await write(world, invite, name, now)

        after = stored.find_one({"invite_id": invite.invite_id})
        if ended is not None:
            assert (after, given_back) == (ended, None)
        elif after["status"] != "pending":
            ended, how = after, end_of(name, now)
            assert after == {**before, "status": how.status, "ended_at": now, **how.fields}
            assert (now >= before["expires_at"]) == (how.action == "invite.expired")
            assert given_back is not None
            assert given_back.model_dump() == {key: value for key, value in after.items() if key != "_id"}
        else:
            assert given_back is None
    stored.delete_one({"invite_id": invite.invite_id})


async def test_two_pending_invites_for_one_address_do_not_stand_but_many_that_ended_do(world: World) -> None:
    first = new()
    run = world.services.transactions.run
    for _ in range(3):
        again = first.model_copy(update={"invite_id": uuid4().hex})
        await run(lambda session, invite=again: Invites.add(invite, session))
        assert (await Invites.pending_for(first.org_id, first.email_key)).invite_id == again.invite_id
        assert await write(world, again, "declined", BEGAN) is not None
    assert world.database["pending_invites"].count_documents({"org_id": first.org_id}) == 3
    last = await Invites.last_ended(first.org_id, first.email_key)
    assert last is not None
    assert last.declined_at == BEGAN
