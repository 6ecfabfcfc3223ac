"""What an organization sees of a person's calendars is that person's choice, one for each organization."""

import asyncio
from datetime import UTC, datetime

import httpx
import pytest

from switchboard.calendar_sharing.documents import CalendarSharingDocument
from switchboard.calendar_sharing.model import CalendarSharing, read_shows
from tests.organizations.conftest import Factory, Organization, refused
from tests.world import Person, World

MINE = "/v1/me/calendar-sharing"


async def choose(api: httpx.AsyncClient, org: Organization, person: Person, shows: str) -> httpx.Response:
    return await api.put(f"{org.at}/calendar-sharing", headers=person.headers, json={"shows": shows})


async def chosen(api: httpx.AsyncClient, person: Person) -> dict[str, str]:
    shown = (await api.get(MINE, headers=person.headers)).json()["organizations"]
    return {each["org_id"]: each["shows"] for each in shown}


def kept(world: World, org: Organization) -> int:
    return int(world.database["calendar_sharing"].count_documents({"org_id": org.org_id}))


async def test_who_made_no_choice_shows_details_and_nothing_is_stored(world, api, organization: Factory) -> None:
    org = await organization()

    answer = await api.get(MINE, headers=org.member.headers)

    assert answer.json() == {
        "organizations": [
            {
                "org_id": org.org_id,
                "name": org.there.name,
                "display_name": None,
                "shows": "details",
                "updated_at": None,
            }
        ]
    }
    assert kept(world, org) == 0
    assert await CalendarSharingDocument.of_organization(org.org_id) == {}


async def test_a_choice_holds_for_its_person_and_its_organization_alone(api, organization: Factory) -> None:
    org, other = await organization(), await organization()
    other.add("Member", org.member)
    await other.mirrored()

    answer = await choose(api, org, org.member, "busy")

    assert (answer.status_code, answer.json()["org_id"], answer.json()["shows"]) == (200, org.org_id, "busy")
    assert await chosen(api, org.member) == {org.org_id: "busy", other.org_id: "details"}
    assert await chosen(api, org.admin) == {org.org_id: "details"}
    assert await CalendarSharingDocument.of_organization(org.org_id) == {org.member.user_id: "busy"}
    assert await CalendarSharingDocument.of_organization(other.org_id) == {}


async def test_a_choice_can_be_made_anew_and_taken_back(world, api, organization: Factory) -> None:
    org = await organization()
    for shows in ("nothing", "busy", "details", "details"):
        answer = await choose(api, org, org.owner, shows)
        assert answer.json()["shows"] == shows
        assert datetime.fromisoformat(answer.json()["updated_at"]) <= datetime.now(UTC)
        assert await chosen(api, org.owner) == {org.org_id: shows}
    assert kept(world, org) == 1
    assert await CalendarSharingDocument.of_organization(org.org_id) == {}


@pytest.mark.parametrize("body", [{}, {"shows": "all"}, {"shows": None}, {"shows": "busy", "user_id": "u"}, [], "busy"])
async def test_a_choice_that_is_none_is_refused(world, api, organization: Factory, body) -> None:
    org = await organization("Owner")
    answer = await api.put(f"{org.at}/calendar-sharing", headers=org.owner.headers, json=body)
    assert refused(answer) == (422, "invalid")
    assert kept(world, org) == 0


async def test_a_stranger_chooses_nothing(world, api, ada: Person, organization: Factory) -> None:
    org = await organization()
    assert refused(await choose(api, org, ada, "busy")) == (404, "organization_not_found")
    assert kept(world, org) == 0
    assert await chosen(api, ada) == {}


async def test_who_left_and_comes_back_shows_no_more_than_before(api, organization: Factory) -> None:
    org = await organization()
    await choose(api, org, org.member, "nothing")
    await api.post(f"{org.at}/leave", headers=org.member.headers)
    assert await chosen(api, org.member) == {}
    assert refused(await choose(api, org, org.member, "details")) == (404, "organization_not_found")

    org.add("Member", org.member)
    await org.mirrored()

    assert await chosen(api, org.member) == {org.org_id: "nothing"}


async def test_choices_go_with_their_organization(world, api, organization: Factory) -> None:
    org, other = await organization(), await organization()
    for each in (org, other):
        await choose(api, each, each.member, "busy")
    preview = (await api.get(f"{org.at}/deletion", headers=org.owner.headers)).json()

    assert (await api.delete(org.at, headers=org.owner.headers)).status_code == 204

    assert preview["goes"]["calendar_sharing"] == 1
    assert (kept(world, org), kept(world, other)) == (0, 1)


async def test_a_stored_choice_that_cannot_be_read_shows_nothing(world, api, organization: Factory) -> None:
    """Never more than the person chose: another version may know more choices, and a field may be lost."""
    org = await organization()
    for person, odd in ((org.owner, {"shows": "free_slots"}), (org.admin, {"shows": 7}), (org.member, {})):
        world.database["calendar_sharing"].insert_one({"user_id": person.user_id, "org_id": org.org_id, **odd})

    assert await CalendarSharingDocument.of_organization(org.org_id) == {
        person.user_id: "nothing" for person in (org.owner, org.admin, org.member)
    }
    for person in (org.owner, org.admin, org.member):
        assert await chosen(api, person) == {org.org_id: "nothing"}


def test_a_choice_is_read_or_shows_nothing() -> None:
    assert [read_shows(each) for each in ("details", "busy", "nothing")] == ["details", "busy", "nothing"]
    assert {read_shows(each) for each in (None, "", "DETAILS", 1, [], {})} == {"nothing"}
    assert CalendarSharing(user_id="u", org_id="o").shows == "nothing"


async def test_of_two_choices_at_once_one_stands(world, organization: Factory) -> None:
    org = await organization()
    who = {"user_id": org.member.user_id, "org_id": org.org_id, "updated_at": datetime.now(UTC)}
    both = [CalendarSharing(**who, shows=shows) for shows in ("busy", "nothing")]
    await asyncio.gather(*(CalendarSharingDocument.put(each) for each in both * 5))
    assert kept(world, org) == 1
