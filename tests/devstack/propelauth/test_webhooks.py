"""Webhooks, received over HTTP and verified with standardwebhooks."""

import pytest

from devstack.propelauth import PropelAuthEmulator
from tests.devstack.propelauth.parts import Receiver, event_types


async def test_every_mutation_is_announced_flat_and_in_order(propel: PropelAuthEmulator, receiver: Receiver) -> None:
    user, org = propel.add_user("ada@example.com", first_name="Ada"), propel.add_org("Acme")
    propel.add_member(org.org_id, user.user_id, "Member")
    propel.change_role(org.org_id, user.user_id, "Admin")
    propel.remove_member(org.org_id, user.user_id)
    propel.update_org(org.org_id, name="Acme Two")
    propel.delete_user(user.user_id)
    await propel.drain()
    assert receiver.events == [
        {
            "event_type": "user.created",
            "user_id": user.user_id,
            "email": "ada@example.com",
            "email_confirmed": True,
            "first_name": "Ada",
        },
        {"event_type": "org.created", "org_id": org.org_id, "name": "Acme"},
        {"event_type": "user.added_to_org", "user_id": user.user_id, "org_id": org.org_id, "role": "Member"},
        {
            "event_type": "user.role_changed_within_org",
            "user_id": user.user_id,
            "org_id": org.org_id,
            "new_role": "Admin",
        },
        {"event_type": "user.removed_from_org", "removed_user_id": user.user_id, "org_id": org.org_id},
        {"event_type": "org.updated", "org_id": org.org_id},
        {"event_type": "user.deleted", "user_id": user.user_id},
    ]
    assert len({arrival.id for arrival in receiver.arrivals}) == 7
    assert {delivery.state for delivery in propel.deliveries} == {"delivered"}


async def test_a_failed_delivery_is_tried_again_under_the_same_id(
    propel: PropelAuthEmulator, receiver: Receiver
) -> None:
    receiver.statuses = [500, 302, 204]
    propel.add_user("ada@example.com")
    await propel.drain()
    assert receiver.types == ["user.created"] * 3
    assert {arrival.id for arrival in receiver.arrivals} == {propel.deliveries[0].id}
    assert [attempt.status for attempt in propel.deliveries[0].attempts] == [500, 302, 204]
    assert propel.deliveries[0].state == "delivered"


async def test_a_delivery_is_given_up_after_the_last_retry_and_can_be_sent_again(
    propel: PropelAuthEmulator, receiver: Receiver
) -> None:
    receiver.statuses = [500] * 4
    propel.add_user("ada@example.com")
    await propel.drain()
    assert (propel.deliveries[0].state, len(receiver.arrivals)) == ("failed", 4)
    propel.redeliver(propel.deliveries[0].id)
    await propel.drain()
    assert (propel.deliveries[0].state, len(receiver.arrivals)) == ("delivered", 5)
    assert len({arrival.id for arrival in receiver.arrivals}) == 1
    with pytest.raises(KeyError):
        propel.redeliver("msg_unknown")


async def test_a_receiver_that_is_down_is_an_attempt_without_status(
    propel: PropelAuthEmulator, receiver: Receiver, unused_port: int
) -> None:
    propel.webhook_url = f"http://127.0.0.1:{unused_port}/webhooks"
    propel.webhooks.retry_delays = ()
    propel.add_user("ada@example.com")
    await propel.drain()
    attempt = propel.deliveries[0].attempts[0]
    assert (propel.deliveries[0].state, attempt.status) == ("failed", None)
    assert "Connect" in attempt.error


async def test_one_waiting_for_its_retry_does_not_hold_up_the_next(
    propel: PropelAuthEmulator, receiver: Receiver
) -> None:
    receiver.statuses = [500]
    propel.add_user("ada@example.com")
    propel.add_org("Acme")
    await propel.drain()
    assert receiver.types == ["user.created", "org.created", "user.created"]


async def test_copies_arrive_under_one_id(propel: PropelAuthEmulator, receiver: Receiver) -> None:
    propel.webhooks.extra_copies = 2
    propel.add_org("Acme")
    await propel.drain()
    assert receiver.types == ["org.created"] * 3
    assert len({arrival.id for arrival in receiver.arrivals}) == 1


async def test_held_events_arrive_on_release_and_in_reverse_if_asked(
    propel: PropelAuthEmulator, receiver: Receiver
) -> None:
    propel.webhooks.hold()
    org, user = propel.add_org("Acme"), propel.add_user("ada@example.com")
    propel.add_member(org.org_id, user.user_id, "Owner")
    await propel.drain()
    assert receiver.arrivals == []
    propel.webhooks.release(reverse=True)
    await propel.drain()
    assert receiver.types == ["user.added_to_org", "user.created", "org.created"]
    propel.delete_org(org.org_id)
    await propel.drain()
    assert receiver.types[-1] == "org.deleted"


async def test_dropped_events_never_arrive_unless_sent_again(propel: PropelAuthEmulator, receiver: Receiver) -> None:
    propel.webhooks.drop_next = 1
    propel.add_org("Lost")
    propel.add_org("Found")
    await propel.drain()
    assert [event["name"] for event in receiver.events] == ["Found"]
    assert propel.deliveries[0].state == "dropped"
    propel.redeliver(propel.deliveries[0].id)
    await propel.drain()
    assert [event["name"] for event in receiver.events] == ["Found", "Lost"]


@pytest.mark.parametrize(
    ("switch", "value", "refusal"),
    [
        ("corrupt_signature", True, "No matching signature found"),
        ("timestamp_offset", -600.0, "Message timestamp too old"),
        ("timestamp_offset", 600.0, "Message timestamp too new"),
    ],
)
async def test_a_bad_signature_or_time_is_refused_by_the_receiver(
    propel: PropelAuthEmulator, receiver: Receiver, switch: str, value: object, refusal: str
) -> None:
    propel.webhooks.retry_delays = ()
    setattr(propel.webhooks, switch, value)
    propel.add_org("Acme")
    await propel.drain()
    assert [arrival.refusal for arrival in receiver.arrivals] == [refusal]
    assert propel.deliveries[0].state == "failed"


async def test_a_time_within_the_tolerance_is_accepted(propel: PropelAuthEmulator, receiver: Receiver) -> None:
    propel.webhooks.timestamp_offset = -240.0
    propel.add_org("Acme")
    await propel.drain()
    assert receiver.types == ["org.created"]


async def test_the_emulated_clock_does_not_spoil_signatures(propel: PropelAuthEmulator, receiver: Receiver) -> None:
    propel.clock.advance(10 * 24 * 60 * 60)
    propel.add_org("Acme")
    await propel.drain()
    assert receiver.types == ["org.created"]


async def test_without_an_endpoint_events_are_only_remembered(propel: PropelAuthEmulator) -> None:
    propel.add_org("Acme")
    await propel.drain()
    assert event_types(propel) == ["org.created"]
    assert (propel.deliveries[0].state, propel.deliveries[0].attempts) == ("no endpoint", [])


async def test_a_refused_mutation_announces_nothing(propel: PropelAuthEmulator, receiver: Receiver) -> None:
    propel.add_org("Acme")
    with pytest.raises(Exception, match="already exists"):
        propel.add_org("Acme")
    await propel.drain()
    assert receiver.types == ["org.created"]
