"""Long pulls do not hold up short ones; many calendars share what is read for them."""

from datetime import UTC, datetime, timedelta

import pytest

from devstack.emulator import Fault
from switchboard.calendars.documents import CalendarDocument
from switchboard.calendars.model import primary_calendar_id
from switchboard.errors import SwitchboardError, Unavailable
from switchboard.events.documents import CalendarEventDocument
from switchboard.leases.service import Held
from switchboard.pulls import service
from switchboard.worker import CHORE_LIST
from tests.pulls.conftest import LISTING, calendar_of, events_of, only_due, titles_of


async def test_a_token_that_is_lost_hands_the_calendar_over_to_the_lane_for_long_pulls(
    world, ada, pulled, event
) -> None:
    world.google.insert_event(ada.email, event())
    await pulled()
    world.google.invalidate_sync_tokens(ada.email)
    now = only_due(world, ada)
    world.google.emulator.forget()

    assert await service.sync_changes(world.services, now) is True

    handed = calendar_of(world, ada)
    assert (handed["lane"], handed["next_sync_at"] <= now, handed["lease_until"]) == ("whole", True, None)
    assert handed["status"] == "synced"
    assert await service.sync_changes(world.services, now) is False
    assert await service.sync_whole(world.services, now) is True
    assert calendar_of(world, ada)["lane"] == "changes"
    assert ["syncToken" in asked.query for asked in world.google.asked(LISTING)] == [True, False]


async def test_one_that_fails_does_not_fail_the_others_that_were_taken_with_it(world, ada, pulled, event) -> None:
    people = [ada, *(world.person() for _ in range(5))]
    for person in people[1:]:
        world.grant_tokens(person)
    for person in people:
        await pulled(person)
        world.google.insert_event(person.email, event())
    world.google.fail(Fault(path=rf"/calendars/{ada.email}/events$", times=None, status=400, body="{}"))
    now = only_due(world, *people)

    assert await service.sync_changes(world.services, now) is True

    assert [titles_of(world, person) for person in people] == [[], *[["Standup"]] * 5]
    assert calendar_of(world, ada)["status"] == "failing"


async def test_when_all_that_were_taken_fail_the_worker_is_told(world, ada, pulled) -> None:
    await pulled()
    world.google.fail(Fault(path=LISTING, times=None, status=400, body="{}"))

    with pytest.raises(SwitchboardError):
        await service.sync_changes(world.services, only_due(world, ada))


async def test_after_a_client_that_only_the_documents_of_some_name_no_worker_rests(world, ada, pulled) -> None:
    await pulled()
    former = {"client_id": "former", "client_secret": "wrong", "token_expiration": 1}
    world.database["users"].update_one({"user_id": ada.user_id}, {"$set": former})

    with pytest.raises(SwitchboardError) as refused:
        await service.sync_changes(world.services, only_due(world, ada))

    assert refused.value.code == "stored_client_refused"
    assert [chore.name for chore in CHORE_LIST if refused.value.code in chore.rests_after] == []


async def test_calendars_taken_together_cost_less_than_two_commands_each(world, pulled, ada) -> None:
    people = [ada, *(world.person() for _ in range(15))]
    for person in people[1:]:
        world.grant_tokens(person)
    for person in people:
        await pulled(person)
    now = only_due(world, *people)
    database = world.database
    database["system.profile"].drop()  # what others left of their profiles
    database.command("profile", 2)
    try:
        await service.sync_changes(world.services, now)
    finally:
        database.command("profile", 0)
    seen = {"ns": {"$not": {"$regex": "system.profile"}}, "appName": "switchboard"}
    operations = database["system.profile"].count_documents(seen)
    database["system.profile"].drop()

    assert operations <= 1.5 * len(people)
    assert all(calendar_of(world, person)["last_success_at"] == _milliseconds(now) for person in people)


def _milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


async def test_what_google_tells_of_during_a_pull_makes_the_calendar_due_again(world, ada, pulled) -> None:
    await pulled()
    calendar_id, now = primary_calendar_id(ada.user_id), datetime.now(UTC).replace(microsecond=0)
    calendar = await CalendarDocument.claim(calendar_id, "test")
    await CalendarDocument.notify(calendar_id, now)

    await calendar.finish({"status": "synced", "next_sync_at": now + timedelta(hours=1)})

    assert calendar_of(world, ada)["next_sync_at"] == now


async def test_organizations_of_the_owner_are_noted_on_all_events_and_follow_memberships(
    world, ada, pulled, event
) -> None:
    world.google.bulk_insert(ada.email, [event(f"Event {number}", number) for number in range(5)])
    await pulled()
    assert {tuple(found["org_ids"]) for found in events_of(world, ada)} == {()}
    now = datetime.now(UTC)
    member = {"user_id": ada.user_id, "role_in_org": "Member", "joined_at": now, "confirmed_at": now}
    world.database["user_organizations"].insert_many(
        [{**member, "org_id": org_id, "confirmed_by": "api"} for org_id in (f"b-{ada.user_id}", f"a-{ada.user_id}")]
    )

    calendar = await pulled()

    both = [f"a-{ada.user_id}", f"b-{ada.user_id}"]
    assert calendar["org_ids"] == both
    assert {tuple(found["org_ids"]) for found in events_of(world, ada)} == {tuple(both)}
    world.database["user_organizations"].delete_one({"org_id": both[0]})
    world.google.insert_event(ada.email, event("Later", 9))
    assert (await pulled())["org_ids"] == both[1:]
    assert {tuple(found["org_ids"]) for found in events_of(world, ada)} == {tuple(both[1:])}
    world.database["user_organizations"].delete_many({"user_id": ada.user_id})


async def test_who_joins_an_organization_is_pulled_at_once_and_found_under_it(world, ada, pulled, event) -> None:
    world.google.insert_event(ada.email, event())
    await pulled()
    now, org_id = datetime.now(UTC), f"joined-{ada.user_id}"
    member = {"user_id": ada.user_id, "org_id": org_id, "role_in_org": "Member", "confirmed_by": "api"}
    world.database["user_organizations"].insert_one({**member, "joined_at": now, "confirmed_at": now})
    only_due(world)
    ahead = {"next_sync_at": now + timedelta(hours=1)}
    world.database["calendars"].update_one({"user_id": ada.user_id}, {"$set": ahead})

    await service.hurry_new_members(world.services, now)
    assert await service.sync_changes(world.services, now) is True
    await service.hurry_new_members(world.services, now)

    assert [found["org_ids"] for found in events_of(world, ada)] == [[org_id]]
    assert calendar_of(world, ada)["next_sync_at"] > now
    assert await service.sync_changes(world.services, now) is False
    world.database["user_organizations"].delete_many({"user_id": ada.user_id})


async def test_while_events_are_placed_the_calendar_names_only_what_all_of_them_name(
    world, ada, pulled, event, monkeypatch
) -> None:
    world.google.insert_event(ada.email, event())
    await pulled()
    both = {"org_ids": ["left", "stays"]}
    world.database["calendars"].update_one({"user_id": ada.user_id}, {"$set": both})
    world.database["calendar_events"].update_many({"user_id": ada.user_id}, {"$set": both})
    calendar = await CalendarDocument.claim(primary_calendar_id(ada.user_id), "test")
    seen = []

    async def watched(*_: object) -> None:
        seen.append(calendar_of(world, ada)["org_ids"])

    with monkeypatch.context() as patch:
        patch.setattr(CalendarEventDocument, "place", watched)
        await Held(world.services, calendar, datetime.now(UTC)).place(["joined", "stays"])

    assert seen == [["stays"]]
    assert calendar_of(world, ada)["org_ids"] == ["joined", "stays"]


async def test_a_budget_that_is_spent_puts_a_pull_off_and_blames_nobody(world, ada, pulled, monkeypatch) -> None:
    await pulled()

    async def refuses(*_: object) -> bool:
        return False

    monkeypatch.setitem(vars(world.services), "may_ask_google", refuses)
    now = only_due(world, ada)
    world.google.emulator.forget()
    with pytest.raises(Unavailable):
        await service.sync_changes(world.services, now)

    calendar = calendar_of(world, ada)
    assert (calendar["status"], calendar["failure_count"]) == ("synced", 0)
    assert timedelta(seconds=50) < calendar["next_sync_at"] - now < timedelta(seconds=70)
    assert world.google.requests == []
