"""The rules of incremental sync."""

import pytest

from devstack.google import GoogleEmulator
from tests.devstack.google.driver import ANN, Browser, Mirror, at, event

WEEKLY = {"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=4"]}


def fill(google: GoogleEmulator, count: int) -> list[str]:
    return [
        google.insert_event(ANN, event(f"2026-03-{n:02}T09:00:00", f"2026-03-{n:02}T10:00:00"))["id"]
        for n in range(1, count + 1)
    ]


async def test_only_the_last_page_has_a_sync_token_and_the_others_a_page_token(google, ann: Browser):
    fill(google, 5)
    pages = await ann.pages(maxResults=2)
    assert [len(page["items"]) for page in pages] == [2, 2, 1]
    assert ["nextPageToken" in page for page in pages] == [True, True, False]
    assert ["nextSyncToken" in page for page in pages] == [False, False, True]


async def test_an_increment_holds_exactly_what_changed(google, ann: Browser):
    ids = fill(google, 5)
    token = (await ann.events())["nextSyncToken"]
    google.patch_event(ANN, ids[1], {"summary": "Moved"})
    google.delete_event(ANN, ids[3])
    new = google.insert_event(ANN, event("2026-04-01", "2026-04-02"))["id"]
    page = await ann.events(syncToken=token)
    assert {item["id"]: item["status"] for item in page["items"]} == {
        ids[1]: "confirmed",
        ids[3]: "cancelled",
        new: "confirmed",
    }
    again = await ann.events(syncToken=page["nextSyncToken"])
    assert again["items"] == []


async def test_a_tombstone_shows_nothing_but_its_id(google, ann: Browser):
    (event_id,) = fill(google, 1)
    token = (await ann.events())["nextSyncToken"]
    google.delete_event(ANN, event_id)
    (item,) = (await ann.events(syncToken=token))["items"]
    assert set(item) == {"kind", "etag", "id", "status"}


async def test_a_change_while_paging_comes_with_the_next_increment(google, ann: Browser):
    ids = fill(google, 4)
    first = await ann.events(maxResults=2)
    google.patch_event(ANN, ids[0], {"summary": "Late"})
    last = await ann.events(maxResults=2, pageToken=first["nextPageToken"])
    delta = await ann.events(syncToken=last["nextSyncToken"])
    assert [item["id"] for item in delta["items"]] == [ids[0]]


async def test_an_old_sync_token_may_be_used_again(google, ann: Browser):
    ids = fill(google, 2)
    token = (await ann.events())["nextSyncToken"]
    google.patch_event(ANN, ids[0], {"summary": "New"})
    first, second = await ann.events(syncToken=token), await ann.events(syncToken=token)
    assert first["items"] == second["items"] != []


async def test_a_page_of_an_increment_needs_the_sync_token_again(google, ann: Browser):
    token = (await ann.events())["nextSyncToken"]
    fill(google, 3)
    page = await ann.events(syncToken=token, maxResults=2)
    assert len(page["items"]) == 2
    await ann.events(maxResults=2, pageToken=page["nextPageToken"])
    assert ann.status == 400
    rest = await ann.events(syncToken=token, maxResults=2, pageToken=page["nextPageToken"])
    assert len(rest["items"]) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"timeMin": "2026-01-01T00:00:00Z"},
        {"timeMax": "2026-01-01T00:00:00Z"},
        {"q": "x"},
        {"iCalUID": "x"},
        {"orderBy": "updated"},
        {"updatedMin": "2026-01-01T00:00:00Z"},
        {"privateExtendedProperty": "a=b"},
        {"sharedExtendedProperty": "a=b"},
        {"showDeleted": "false"},
    ],
)
async def test_a_sync_token_forbids_other_filters(ann: Browser, more: dict[str, str]):
    token = (await ann.events())["nextSyncToken"]
    await ann.events(syncToken=token, **more)
    assert ann.status == 400


async def test_a_sync_token_belongs_to_its_kind_of_query(ann: Browser):
    token = (await ann.events())["nextSyncToken"]
    await ann.events(syncToken=token, singleEvents="true")
    assert ann.status == 400


async def test_a_windowed_list_gives_a_sync_token_and_its_increment_ignores_the_window(google, ann: Browser):
    page = await ann.events(timeMin="2026-03-01T00:00:00Z", timeMax="2026-04-01T00:00:00Z")
    google.insert_event(ANN, event("2029-01-01T09:00:00", "2029-01-01T10:00:00"))
    assert len((await ann.events(syncToken=page["nextSyncToken"]))["items"]) == 1


@pytest.mark.parametrize("query", [{"q": "x"}, {"orderBy": "updated"}, {"iCalUID": "x"}])
async def test_a_filtered_list_gives_no_sync_token(ann: Browser, query: dict[str, str]):
    assert "nextSyncToken" not in await ann.events(**query)


@pytest.mark.parametrize("mangle", [lambda t: "1" + t, lambda t: t[:-3], lambda _: "rubbish", lambda t: t[::-1]])
async def test_a_mangled_sync_token_demands_a_full_sync(ann: Browser, mangle):
    token = (await ann.events())["nextSyncToken"]
    answer = await ann.events(syncToken=mangle(token))
    assert (ann.status, ann.reason(answer)) == (410, "fullSyncRequired")


async def test_a_sync_token_of_another_user_or_calendar_demands_a_full_sync(google, ann: Browser, bob: Browser):
    google.add_calendar(ANN, "team", "Team")
    token = (await ann.events())["nextSyncToken"]
    await bob.events(syncToken=token)
    assert bob.status == 410
    await ann.events("team", syncToken=token)
    assert ann.status == 410


async def test_invalidated_sync_tokens_demand_a_full_sync_and_new_ones_work(google, ann: Browser, bob: Browser):
    mine, theirs = (await ann.events())["nextSyncToken"], (await bob.events())["nextSyncToken"]
    google.invalidate_sync_tokens(ANN)
    await ann.events(syncToken=mine)
    assert ann.status == 410
    await bob.events(syncToken=theirs)
    assert bob.status == 200
    await ann.events(syncToken=(await ann.events())["nextSyncToken"])
    assert ann.status == 200


async def test_a_change_of_rights_invalidates_sync_tokens_of_that_calendar(google, ann: Browser):
    google.add_calendar(ANN, "team", "Team")
    team, mine = (await ann.events("team"))["nextSyncToken"], (await ann.events())["nextSyncToken"]
    google.set_access_role(ANN, "team", "reader")
    await ann.events("team", syncToken=team)
    assert ann.status == 410
    await ann.events(syncToken=mine)
    assert ann.status == 200


async def test_sync_tokens_grow_too_old_when_told_so(google, ann: Browser):
    google.switches.sync_token_lifetime = 3600
    token = (await ann.events())["nextSyncToken"]
    google.clock.advance(3000)
    await ann.events(syncToken=token)
    assert ann.status == 200
    google.clock.advance(700)
    ann.token = google.grant(ANN, "client", ["https://www.googleapis.com/auth/calendar"])["access_token"]
    await ann.events(syncToken=token)
    assert ann.status == 410


async def test_updated_min_too_long_ago_is_another_410(ann: Browser):
    answer = await ann.events(updatedMin="2020-01-01T00:00:00Z")
    assert (ann.status, ann.reason(answer)) == (410, "updatedMinTooLongAgo")


async def test_short_and_empty_pages_lose_nothing(google, ann: Browser):
    ids = fill(google, 9)
    google.switches.short_pages, google.switches.empty_pages = 2, True
    pages = await ann.pages(maxResults=4)
    sizes = [len(page["items"]) for page in pages]
    assert 0 in sizes[:-1]
    assert any(0 < size < 4 for size in sizes[:-1])
    assert [item["id"] for page in pages for item in page["items"]] == ids


async def test_touching_a_series_gives_all_its_instances_expanded_and_itself_as_master(google, ann: Browser):
    series = google.insert_event(ANN, event("2026-03-02T09:00:00", "2026-03-02T10:00:00", **WEEKLY))
    expanded = (await ann.events(singleEvents="true"))["nextSyncToken"]
    masters = (await ann.events())["nextSyncToken"]
    google.patch_event(ANN, series["id"], {"summary": "New"})
    assert len((await ann.events(singleEvents="true", syncToken=expanded))["items"]) == 4
    assert [item["id"] for item in (await ann.events(syncToken=masters))["items"]] == [series["id"]]


async def test_an_endless_series_gives_a_capped_increment(google, ann: Browser):
    google.switches.max_instances = 20
    token = (await ann.events(singleEvents="true"))["nextSyncToken"]
    google.clock.advance(0)
    start = "2090-01-01"
    google.insert_event(ANN, event(start, "2090-01-02", recurrence=["RRULE:FREQ=DAILY"]))
    assert len((await ann.events(singleEvents="true", syncToken=token))["items"]) == 20


async def test_deleting_a_series_cancels_every_instance_of_the_expanded_view(google, ann: Browser):
    series = google.insert_event(ANN, event("2026-03-02T09:00:00", "2026-03-02T10:00:00", **WEEKLY))
    mirror = Mirror(ann, singleEvents="true")
    await mirror.sync()
    assert len(mirror.items) == 4
    google.delete_event(ANN, series["id"])
    await mirror.sync()
    assert mirror.items == {}


async def test_this_and_following_ends_the_old_series_and_begins_a_new_one(google, ann: Browser):
    mirror = Mirror(ann, singleEvents="true")
    series = google.insert_event(ANN, event("2026-03-02T09:00:00", "2026-03-02T10:00:00", **WEEKLY))
    await mirror.sync()
    google.patch_event(ANN, series["id"], {"recurrence": ["RRULE:FREQ=WEEKLY;UNTIL=20260310T225959Z"]})
    later = event("2026-03-16T11:00:00", "2026-03-16T12:00:00", recurrence=["RRULE:FREQ=WEEKLY;COUNT=2"])
    new = google.insert_event(ANN, later)
    await mirror.sync()
    starts = sorted((item["start"]["dateTime"], item["recurringEventId"]) for item in mirror.items.values())
    assert starts == [
        ("2026-03-02T09:00:00+01:00", series["id"]),
        ("2026-03-09T09:00:00+01:00", series["id"]),
        ("2026-03-16T11:00:00+01:00", new["id"]),
        ("2026-03-23T11:00:00+01:00", new["id"]),
    ]


async def test_a_move_leaves_a_stub_and_the_destination_has_the_same_id(google, ann: Browser):
    google.add_calendar(ANN, "team", "Team", "Europe/Berlin")
    (event_id,) = fill(google, 1)
    source, target = (await ann.events())["nextSyncToken"], (await ann.events("team"))["nextSyncToken"]
    moved = await ann.call("POST", f"calendars/primary/events/{event_id}/move", destination="team")
    assert moved["organizer"]["email"] == "team"
    (stub,) = (await ann.events(syncToken=source))["items"]
    (landed,) = (await ann.events("team", syncToken=target))["items"]
    assert (stub["id"], stub["status"]) == (event_id, "cancelled")
    assert (landed["id"], landed["status"]) == (event_id, "confirmed")


async def test_the_calendar_list_has_its_own_sync_token(google, ann: Browser):
    google.add_calendar(ANN, "team", "Team")
    google.add_calendar(ANN, "old", "Old")
    first = await ann.get("users/me/calendarList")
    assert {item["id"] for item in first["items"]} == {ANN, "team", "old"}
    google.remove_calendar(ANN, "old")
    google.set_access_role(ANN, "team", "reader")
    delta = await ann.get("users/me/calendarList", syncToken=first["nextSyncToken"])
    assert {item["id"]: item.get("deleted", item.get("accessRole")) for item in delta["items"]} == {
        "old": True,
        "team": "reader",
    }
    google.invalidate_sync_tokens(ANN)
    await ann.get("users/me/calendarList", syncToken=delta["nextSyncToken"])
    assert ann.status == 410
    await ann.events("old")
    assert ann.status == 404


async def test_cancelled_instances_stay_in_the_masters_list_as_exclusions(google, ann: Browser):
    series = google.insert_event(ANN, event("2026-03-02T09:00:00", "2026-03-02T10:00:00", **WEEKLY))
    google.delete_event(ANN, f"{series['id']}_20260309T080000Z")
    listed = await ann.listed()
    assert [item["status"] for item in listed] == ["confirmed", "cancelled"]
    assert listed[1]["recurringEventId"] == series["id"]
    assert listed[1]["originalStartTime"]["dateTime"] == at("2026-03-09T09:00:00")["dateTime"] + "+01:00"
    assert len(await ann.listed(singleEvents="true")) == 3


async def test_a_single_event_that_becomes_a_series_leaves_the_expanded_view(google, ann: Browser):
    mirror = Mirror(ann, singleEvents="true")
    made = google.insert_event(ANN, event("2026-03-02T09:00:00", "2026-03-02T10:00:00"))
    await mirror.sync()
    google.patch_event(ANN, made["id"], WEEKLY)
    await mirror.sync()
    assert made["id"] not in mirror.items
    assert len(mirror.items) == 4
    google.patch_event(ANN, made["id"], {"recurrence": None})
    await mirror.sync()
    assert mirror.items.keys() == {made["id"]}


async def test_a_deleted_event_that_comes_back_as_a_series_does_not_stay_behind(google, ann: Browser):
    mirror = Mirror(ann, singleEvents="true")
    made = google.insert_event(ANN, event("2026-03-02T09:00:00", "2026-03-02T10:00:00"))
    await mirror.sync()
    google.delete_event(ANN, made["id"])
    google.update_event(ANN, made["id"], event("2026-03-02T09:00:00", "2026-03-02T10:00:00", **WEEKLY))
    await mirror.sync()
    assert made["id"] not in mirror.items
    assert len(mirror.items) == 4


async def test_a_series_that_comes_back_brings_its_exclusions_along(google, ann: Browser):
    mirror = Mirror(ann)
    body = event("2026-03-02T09:00:00", "2026-03-02T10:00:00", **WEEKLY)
    series = google.insert_event(ANN, body)
    google.delete_event(ANN, f"{series['id']}_20260309T080000Z")
    await mirror.sync()
    google.delete_event(ANN, series["id"])
    await mirror.sync()
    assert mirror.items == {}
    google.update_event(ANN, series["id"], {**body, "status": "confirmed"})
    await mirror.sync()
    assert sorted(item["status"] for item in mirror.items.values()) == ["cancelled", "confirmed"]


async def test_a_changed_instance_alone_is_an_increment_of_one(google, ann: Browser):
    series = google.insert_event(ANN, event("2026-03-02T09:00:00", "2026-03-02T10:00:00", **WEEKLY))
    token = (await ann.events(singleEvents="true"))["nextSyncToken"]
    google.patch_event(ANN, f"{series['id']}_20260309T080000Z", {"summary": "Other"})
    (item,) = (await ann.events(singleEvents="true", syncToken=token))["items"]
    assert (item["summary"], item["recurringEventId"]) == ("Other", series["id"])


async def test_deleting_a_series_takes_its_exceptions_along(google, ann: Browser):
    series = google.insert_event(ANN, event("2026-03-02T09:00:00", "2026-03-02T10:00:00", **WEEKLY))
    instance = f"{series['id']}_20260309T080000Z"
    google.patch_event(ANN, instance, {"summary": "Other"})
    masters, expanded = Mirror(ann), Mirror(ann, singleEvents="true")
    await masters.sync()
    await expanded.sync()
    google.delete_event(ANN, series["id"])
    await masters.sync()
    await expanded.sync()
    assert masters.items == expanded.items == {}
    assert (await ann.get(f"calendars/primary/events/{instance}"))["status"] == "cancelled"
