"""PATCH /v1/orgs/{org_id}: what is sent is set at PropelAuth and mirrored, and nothing else changes on either side."""

import asyncio
from dataclasses import asdict
from typing import Any
from uuid import uuid4

import httpx
import pytest

from devstack.emulator import Fault
from tests.organizations.conftest import Factory, Organization, refused
from tests.world import Person, World

ACCESS = {"domain", "extra_domains", "enable_auto_joining_by_domain", "members_must_have_matching_domain"}


async def patch(org: Organization, person: Person | None = None, **fields: Any) -> httpx.Response:
    who = person or org.owner
    return await org.world.api.patch(org.at, headers=who.headers, json=fields)


# (what is sent, what PropelAuth then has, what is mirrored and shown where that differs from what was sent)
EACH: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({"display_name": "NW"}, {"metadata": {"displayName": "NW", "crm": {"id": 7}}}, {}),
    ({"description": "Voices"}, {"metadata": {"displayName": "Before", "description": "Voices", "crm": {"id": 7}}}, {}),
    ({"domain": "NorthWind.Example"}, {"domain": "northwind.example"}, {"domain": "northwind.example"}),
    ({"domain": "b\u00fccher.example"}, {"domain": "xn--bcher-kva.example"}, {"domain": "xn--bcher-kva.example"}),
    (
        {"extra_domains": ["a.example", "B.example"]},
        {"extra_domains": ["a.example", "b.example"]},
        {"extra_domains": ["a.example", "b.example"]},
    ),
    (
        {"domain": "n.example", "enable_auto_joining_by_domain": True},
        {"domain": "n.example", "domain_autojoin": True},
        {},
    ),
    (
        {"domain": "n.example", "members_must_have_matching_domain": True},
        {"domain": "n.example", "domain_restrict": True},
        {},
    ),
    ({"max_users": 3}, {"max_users": 3}, {}),
    ({"can_setup_saml": True}, {"can_setup_saml": True}, {}),
]


@pytest.mark.parametrize(
    ("sent", "there", "shown"), EACH, ids=lambda value: ",".join(value) if isinstance(value, dict) else ""
)
async def test_a_field_that_is_sent_is_set_and_all_others_stay(organization: Factory, sent, there, shown) -> None:
    org = await organization("Owner", metadata={"displayName": "Before", "crm": {"id": 7}})
    before = asdict(org.there)
    org.forget_entries()

    answer = await patch(org, **sent)

    assert answer.status_code == 200, answer.text
    assert asdict(org.there) == {**before, **there}
    for name, value in {**sent, **shown}.items():
        assert (answer.json()[name], org.stored[name]) == (value, value)
    assert org.stored["confirmed_by"] == "api"
    [entry] = org.entries()
    assert (entry["action"], entry["actor"]["id"]) == ("organization.updated", org.owner.user_id)
    assert entry["after"] == {name: {**sent, **shown}[name] for name in sent}
    assert org.under_way() == []


async def test_a_name_is_changed_and_one_that_is_taken_is_refused_with_nothing_changed(organization: Factory) -> None:
    org, other = await organization("Owner"), await organization("Owner")
    before = org.stored
    org.forget_entries()

    assert refused(await patch(org, name=other.there.name.upper(), max_users=5)) == (409, "organization_name_refused")
    kept = {
        name: value for name, value in org.stored.items() if name not in ("confirmed_at", "updated_at", "confirmed_by")
    }
    assert kept == {name: before[name] for name in kept}
    assert (org.there.max_users, org.under_way(), org.entries()) == (None, [], [])

    new = f"Org {uuid4().hex[:12]}"
    assert (await patch(org, name=f" {new} ")).json()["name"] == new == org.there.name


async def test_an_emptied_text_is_none(organization: Factory) -> None:
    org = await organization("Owner", metadata={"displayName": "Before", "description": "Before"})

    answer = await patch(org, display_name="", description="  ")

    assert (answer.json()["display_name"], answer.json()["description"]) == (None, None)
    assert org.there.metadata == {"displayName": "", "description": ""}


async def test_nothing_sent_is_nothing_asked_of_propelauth_and_nothing_written(world, organization: Factory) -> None:
    org = await organization("Owner")
    before, entries = org.stored, org.entries()
    world.propelauth.emulator.requests.clear()

    answer = await patch(org)

    assert answer.status_code == 200
    assert world.propelauth.emulator.requests == []
    assert (org.stored, org.entries(), org.under_way()) == (before, entries, [])


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"domain": "gmail.com", "enable_auto_joining_by_domain": True}, "free_mail_domain"),
        (
            {"domain": "n.example", "extra_domains": ["gmail.com"], "enable_auto_joining_by_domain": True},
            "free_mail_domain",
        ),
        ({"enable_auto_joining_by_domain": True}, "domain_missing"),
        ({"members_must_have_matching_domain": True}, "domain_missing"),
        *(({name: None}, "invalid") for name in ("name", "display_name", "description", *sorted(ACCESS), "max_users")),
        *(
            ({"domain": text}, "invalid")
            for text in ("", "localhost", "*.example.com", "a@b.example", "https://b.example")
        ),
        ({"extra_domains": [f"a{number}.example" for number in range(51)]}, "invalid"),
        ({"extra_domains": ["ok.example", "nope"]}, "invalid"),
        ({"max_users": 0}, "invalid"),
        ({"max_users": -1}, "invalid"),
        ({"max_users": 2**40}, "invalid"),
        ({"max_users": "five"}, "invalid"),
        ({"org_id": str(uuid4())}, "invalid"),
        ({"seats_used": 0}, "invalid"),
        ({"owner_count": 9}, "invalid"),
        ({"metadata": {"a": 1}}, "invalid"),
        ({"legacy_org_id": "x"}, "invalid"),
        ({"created_at": "2020-01-01T00:00:00Z"}, "invalid"),
    ],
)
async def test_what_makes_no_sense_changes_nothing(world, organization: Factory, fields, code) -> None:
    org = await organization("Owner")
    before = asdict(org.there), org.stored, org.entries()
    world.propelauth.emulator.requests.clear()

    assert refused(await patch(org, **fields)) == (422, code)

    assert (asdict(org.there), org.stored, org.entries()) == before
    assert world.propelauth.emulator.requests == []


async def test_seats_are_not_cut_below_those_that_are_taken_invites_included(organization: Factory) -> None:
    org = await organization()
    await org.invite(f"{uuid4().hex}@example.com")

    assert refused(await patch(org, max_users=3)) == (409, "too_few_seats")
    assert (org.there.max_users, org.under_way()) == (None, [])
    answer = await patch(org, max_users=4)
    assert (answer.json()["max_users"], answer.json()["seats"]) == (4, {"used": 4, "limit": 4})
    assert (await patch(org, max_users=9)).json()["seats"] == {"used": 4, "limit": 9}


async def test_two_changes_at_once_by_one_person_lose_nothing(organization: Factory) -> None:
    org = await organization("Owner", metadata={"crm": 7})
    for number in range(5):
        texts = f"Display {number}", f"Description {number}"

        answers = await asyncio.gather(patch(org, display_name=texts[0]), patch(org, description=texts[1]))

        assert [answer.status_code for answer in answers] == [200, 200]
        assert org.there.metadata == {"crm": 7, "displayName": texts[0], "description": texts[1]}
        assert (org.stored["display_name"], org.stored["description"]) == texts
        assert org.under_way() == []


async def test_an_admin_changes_names_and_not_who_gets_in(organization: Factory) -> None:
    org = await organization()

    assert (await patch(org, org.admin, display_name="By an Admin")).status_code == 200
    for fields in ({"max_users": 50}, {"can_setup_saml": True}, {"display_name": "x", "domain": "n.example"}):
        assert refused(await patch(org, org.admin, **fields)) == (403, "missing_permission")
    assert refused(await patch(org, org.member, display_name="x")) == (403, "missing_permission")
    assert (org.there.metadata, org.there.max_users) == ({"displayName": "By an Admin"}, None)


async def test_a_change_that_propelauth_did_not_answer_is_finished_by_the_same_call(
    world, organization: Factory
) -> None:
    org = await organization("Owner")
    org.forget_entries()
    world.propelauth.emulator.fail(Fault("/org/[^/]+$", "PUT", drop=True, act_first=True))

    first = await patch(org, max_users=7, display_name="NW")
    assert (first.status_code, first.json()["code"]) == (503, "propelauth_unavailable")
    assert len(org.under_way()) == 1
    assert org.stored["seat_limit"] == 7  # nobody gets a seat that is about to go

    assert (await patch(org, max_users=7, display_name="NW")).status_code == 200
    assert (org.there.max_users, org.stored["max_users"], org.under_way()) == (7, 7, [])
    assert [entry["action"] for entry in org.entries()] == ["organization.updated"]


async def test_a_change_made_at_propelauth_arrives_by_the_next_comparison(world: World, organization: Factory) -> None:
    org = await organization("Owner")
    world.propelauth.update_org(org.org_id, name=f"Renamed {org.org_id}", domain="Other.Example", domain_autojoin=True)
    org.forget_entries()

    await org.mirrored()

    assert (org.stored["name"], org.stored["domain"]) == (f"Renamed {org.org_id}", "other.example")
    assert (org.stored["enable_auto_joining_by_domain"], org.stored["confirmed_by"]) == (True, "backfill")
    [entry] = org.entries()
    assert (entry["action"], entry["actor"]["kind"]) == ("organization.updated", "propelauth")
