"""Booking by services: the same as by the person, for who their key reaches, and noted."""

import asyncio
from typing import Any

import httpx
import pytest

from switchboard.runtime.model import SCOPES
from tests.bookings.conftest import Booker, new_id, pulled, refused, span, wish
from tests.organizations.conftest import Factory, Organization
from tests.runtime.test_keys import made
from tests.world import World

SCOPE = "calendars.book"


async def key(**grant: Any) -> dict[str, str]:
    """What a service sends that may book."""
    return {"X-API-Key": (await made(scopes=[SCOPE], **grant))[1]}


class Desk:
    """A service that books for somebody."""

    def __init__(self, api: httpx.AsyncClient, user_id: str, headers: dict[str, str]) -> None:
        self.at, self.api, self.headers = f"/internal/v1/users/{user_id}/events", api, headers

    async def book(self, body: dict[str, Any], **headers: str) -> httpx.Response:
        return await self.api.post(self.at, headers={**self.headers, **headers}, json=body)

    async def change(self, event_id: str, **fields: Any) -> httpx.Response:
        return await self.api.patch(f"{self.at}/{event_id}", headers=self.headers, json=fields)

    async def cancel(self, event_id: str, **params: Any) -> httpx.Response:
        return await self.api.delete(f"{self.at}/{event_id}", headers=self.headers, params=params)

    async def each(self, event_id: str) -> list[httpx.Response]:
        """An answer of each of the three."""
        booked = await self.book(wish(*span("10:00", "11:00")))
        return [booked, await self.change(event_id, title="Theirs"), await self.cancel(event_id)]


@pytest.fixture
async def desk(world: World, ada: Booker) -> Desk:
    return Desk(world.api, ada.person.user_id, await key())


def entries(world: World, booker: Booker) -> list[dict[str, Any]]:
    asked = {"target.id": booker.person.user_id, "action": {"$regex": "^calendar\\."}}
    return list(world.database["audit_log"].find(asked, {"_id": 0}, sort=[("entry_id", 1)]))


async def member(organization: Organization) -> Booker:
    booker = await pulled(organization.world)
    organization.add("Member", booker.person)
    await organization.mirrored()
    return booker


async def test_a_service_books_changes_and_cancels_as_the_person_would(ada: Booker, desk: Desk) -> None:
    booked = await desk.book(wish(*span("10:00", "11:00"), attendees=["bob@example.com"]))
    assert booked.status_code == 201
    assert await ada.seen() == [booked.json()]
    event_id = booked.json()["event_id"]

    changed = await desk.change(event_id, title="Talk")
    assert (changed.status_code, changed.json()["title"]) == (200, "Talk")
    assert await ada.seen() == [changed.json()]

    assert [(await desk.cancel(event_id)).status_code for _ in range(2)] == [204, 204]
    assert (await ada.seen(), ada.at_google()) == ([], [])


async def test_a_wall_time_is_the_persons(world, ada: Booker, desk: Desk) -> None:
    booked = await desk.book(wish("2027-07-01T10:00", "2027-07-01T11:00"))

    assert booked.json()["start"]["date_time"] == "2027-07-01T08:00:00Z"


async def test_a_service_is_told_when_but_not_what_is_in_the_way(ada: Booker, desk: Desk) -> None:
    ada.put(*span("10:00", "11:00"), summary="Secret", location="Clinic", description="Private")

    answer = await desk.book(wish(*span("10:30", "11:30"), timezone="UTC"))

    assert refused(answer) == (409, "time_taken")
    assert "10:00 to 11:00 (UTC)" in answer.json()["detail"]
    assert not any(text in answer.text for text in ("Secret", "Clinic", "Private"))


async def test_a_service_and_the_person_share_the_turn(ada: Booker, desk: Desk) -> None:
    body = wish(*span("10:00", "11:00"))
    answers = await asyncio.gather(*([ada.ask(body) for _ in range(5)] + [desk.book(body) for _ in range(5)]))

    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 9]


@pytest.mark.parametrize("named", ["client_event_id", "Idempotency-Key"])
async def test_a_repetition_books_nothing_more(ada: Booker, desk: Desk, named) -> None:
    name, body = new_id(), wish(*span("10:00", "11:00"))
    body |= {"client_event_id": name} if named == "client_event_id" else {}
    headers = {} if named == "client_event_id" else {"Idempotency-Key": name}

    answers = [await desk.book(body, **headers) for _ in range(3)]

    assert {answer.text for answer in answers} == {answers[0].text}
    assert len(ada.at_google()) == 1


async def test_each_act_is_noted_by_its_event_and_nothing_of_what_it_says(world, organization: Factory) -> None:
    ours = await organization("Owner")
    ada = await member(ours)
    made_key, text = await made(scopes=[SCOPE], org_id=ours.org_id, role="Member")
    desk = Desk(world.api, ada.person.user_id, {"X-API-Key": text, "X-Request-ID": "booking-request-1"})

    event_id = (await desk.book(wish(*span("10:00", "11:00"), title="Secret"))).json()["event_id"]
    assert (await desk.change(event_id, location="Clinic")).status_code == 200
    assert (await desk.cancel(event_id)).status_code == 204

    noted = entries(world, ada)
    assert [entry["action"] for entry in noted] == [
        f"calendar.event_{done}" for done in ("booked", "changed", "cancelled")
    ]
    for entry in noted:
        assert entry["org_id"] == ours.org_id
        assert entry["actor"] == {"kind": "service", "id": made_key.key_id, "name": "voice runtime"}
        assert (entry["before"], entry["after"], entry["request_id"]) == (
            None,
            {"event_id": event_id},
            "booking-request-1",
        )
    read = await world.api.get(f"{ours.at}/audit", headers=ours.owner.headers)
    assert "calendar.event_cancelled" in read.text
    assert not any(said in read.text for said in ("Secret", "Clinic"))


async def test_a_key_that_is_not_bound_is_noted_in_every_organization_of_the_person(
    world, organization: Factory
) -> None:
    places = [await organization("Owner") for _ in range(2)]
    ada = await member(places[0])
    places[1].add("Member", ada.person)
    await places[1].mirrored()

    await Desk(world.api, ada.person.user_id, await key()).book(wish(*span("10:00", "11:00")))

    assert sorted(entry["org_id"] for entry in entries(world, ada)) == sorted(place.org_id for place in places)


async def test_what_was_refused_is_not_noted(world, ada: Booker, desk: Desk) -> None:
    ada.put(*span("10:00", "11:00"))
    assert (await desk.book(wish(*span("10:00", "11:00")))).status_code == 409
    assert (await desk.change(new_id(), title="x")).status_code == 404

    assert entries(world, ada) == []


async def test_a_key_that_is_bound_reaches_its_members_alone(world, organization: Factory) -> None:
    ours, theirs = await organization("Owner"), await organization("Owner")
    ada, bob = await member(ours), await member(theirs)
    event = await bob.book(*span("14:00", "15:00"))
    headers = await key(org_id=ours.org_id, role="Owner")

    refusals = [
        answer
        for user_id in (bob.person.user_id, new_id(), world.person().user_id)
        for answer in await Desk(world.api, user_id, headers).each(event["event_id"])
    ]

    assert {refused(answer) for answer in refusals} == {(404, "user_not_found")}
    assert await bob.seen() == [event]
    assert (await Desk(world.api, ada.person.user_id, headers).book(wish(*span("10:00", "11:00")))).status_code == 201


async def test_an_event_of_one_person_is_not_found_through_another(world, ada: Booker) -> None:
    bob = await pulled(world)
    event = await bob.book(*span("14:00", "15:00"))

    _, *refusals = await Desk(world.api, ada.person.user_id, await key()).each(event["event_id"])

    assert {refused(answer) for answer in refusals} == {(404, "event_not_found")}
    assert await bob.seen() == [event]


@pytest.mark.parametrize("scope", sorted(set(SCOPES) - {SCOPE}))
async def test_another_scope_books_nothing(world, ada: Booker, scope) -> None:
    event = await ada.book(*span("14:00", "15:00"))
    world.google.emulator.forget()
    desk = Desk(world.api, ada.person.user_id, {"X-API-Key": (await made(scopes=[scope]))[1]})

    assert {refused(answer) for answer in await desk.each(event["event_id"])} == {(403, "missing_scope")}
    assert world.google.requests == []
    assert entries(world, ada) == []


async def test_who_is_no_service_books_nothing(world, ada: Booker) -> None:
    event = await ada.book(*span("14:00", "15:00"))
    for headers in ({}, ada.person.headers, {"X-API-Key": ada.person.token}):
        answers = await Desk(world.api, ada.person.user_id, headers).each(event["event_id"])
        assert {answer.status_code for answer in answers} == {401}
    assert await ada.seen() == [event]


async def test_somebody_without_a_calendar_is_told_so(world) -> None:
    person = world.person()
    world.user_document(person)

    answer = await Desk(world.api, person.user_id, await key()).book(wish(*span("10:00", "11:00")))

    assert refused(answer) == (404, "calendar_not_connected")
