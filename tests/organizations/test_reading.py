"""GET /v1/orgs and /v1/orgs/{org_id}: what a person sees of their organizations."""

from datetime import UTC, datetime, timedelta

import pytest

from devstack.emulator import Fault
from switchboard.organizations.model import FIELDS
from tests.organizations.conftest import Factory, refused


async def test_mine_are_listed_the_one_i_joined_first_on_top_with_what_i_may_do_in_each(
    world, api, organization: Factory
) -> None:
    first, second, foreign = await organization(), await organization(), await organization()
    person = first.member
    second.add("Admin", person)
    await second.mirrored()

    listed = (await api.get("/v1/orgs", headers=person.headers)).json()["organizations"]

    assert [(each["org_id"], each["role_in_org"]) for each in listed] == [
        (first.org_id, "Member"),
        (second.org_id, "Admin"),
    ]
    assert "org.update" not in listed[0]["can"]
    assert "org.update" in listed[1]["can"]
    assert foreign.org_id not in str(listed)
    for each in listed:
        assert each == (await api.get(f"/v1/orgs/{each['org_id']}", headers=person.headers)).json()


async def test_who_belongs_to_none_has_none(api, ada) -> None:
    assert (await api.get("/v1/orgs", headers=ada.headers)).json() == {"organizations": []}


async def test_an_organization_is_shown_with_its_fields_seats_and_when_it_was_confirmed(organization: Factory) -> None:
    fields = {"metadata": {"displayName": "NW", "description": "Voices"}, "domain": "nw.example", "max_users": 5}
    org = await organization(**fields, extra_domains=["nw.de"], domain_autojoin=True, legacy_org_id="old-7")
    await org.invite("somebody@nw.example")

    shown = (await org.world.api.get(org.at, headers=org.admin.headers)).json()

    expected = {
        "name": org.there.name,
        "display_name": "NW",
        "description": "Voices",
        "domain": "nw.example",
        "extra_domains": ["nw.de"],
        "enable_auto_joining_by_domain": True,
        "members_must_have_matching_domain": False,
        "max_users": 5,
        "can_setup_saml": False,
    }
    assert expected.keys() == set(FIELDS)
    assert {name: shown[name] for name in expected} == expected
    assert (shown["legacy_org_id"], shown["seats"]) == ("old-7", {"used": 4, "limit": 5})
    assert (shown["role_in_org"], shown["additional_roles_in_org"]) == ("Admin", [])
    created = datetime.fromtimestamp(org.there.created_at, UTC)
    assert datetime.fromisoformat(shown["created_at"]) >= created
    confirmed = datetime.fromisoformat(shown["confirmed_at"])
    assert datetime.now(UTC) - timedelta(minutes=1) < confirmed <= datetime.now(UTC)
    assert shown["confirmed_by"] == "backfill"
    assert not {"owner_count", "seats_used", "seat_limit", "compare_at", "_id"} & shown.keys()


async def test_additional_roles_are_shown_with_what_they_add(additional_roles, organization: Factory) -> None:
    org = await organization("Owner")
    editor = org.add("Member", additional=("agent_editor",))
    await org.mirrored()

    shown = (await org.world.api.get(org.at, headers=editor.headers)).json()

    assert (shown["role_in_org"], shown["additional_roles_in_org"]) == ("Member", ["agent_editor"])
    assert "agents.write" in shown["can"]
    assert "agents.delete" not in shown["can"]


async def test_a_role_nobody_here_knows_sees_nothing_and_is_listed_without_permissions(
    world, api, monkeypatch, organization: Factory
) -> None:
    settings = world.propelauth.settings
    monkeypatch.setattr(settings, "roles", {**settings.roles, "Guest": []})
    org = await organization("Owner", "Guest")
    guest = org.people["Guest"]

    assert refused(await api.get(org.at, headers=guest.headers)) == (403, "missing_permission")
    [listed] = (await api.get("/v1/orgs", headers=guest.headers)).json()["organizations"]
    assert (listed["role_in_org"], listed["can"]) == ("Guest", [])


@pytest.mark.parametrize("org_id", ["nope", "..", "%00", "$ne", "0" * 64, "a" * 65])
async def test_what_is_no_organization_is_not_found(api, ada, org_id: str) -> None:
    assert (await api.get(f"/v1/orgs/{org_id}", headers=ada.headers)).status_code in (404, 422)


async def test_reading_asks_nothing_of_propelauth_as_long_as_the_token_claims_nothing_new(
    world, api, organization: Factory
) -> None:
    org = await organization()
    fresh = {"Authorization": f"Bearer {world.propelauth.access_token(org.member.user_id)}"}
    world.propelauth.emulator.requests.clear()

    for path in ("/v1/orgs", org.at, f"{org.at}/members", f"{org.at}/members/{org.owner.user_id}"):
        assert (await api.get(path, headers=fresh)).status_code == 200

    assert world.propelauth.emulator.requests == []


async def test_a_membership_that_a_token_claims_and_nobody_told_us_of_is_asked_for_once(
    world, api, organization: Factory
) -> None:
    org, nina = await organization("Owner"), world.person(google=False)
    org.add("Admin", nina)
    claiming = {"Authorization": f"Bearer {world.propelauth.access_token(nina.user_id)}"}
    world.propelauth.emulator.requests.clear()

    assert (await api.get(org.at, headers=nina.headers)).status_code == 404
    assert world.propelauth.emulator.requests == []
    shown = await api.get(org.at, headers=claiming)
    asked = len(world.propelauth.emulator.requests)
    await api.get(org.at, headers=claiming)

    assert (shown.status_code, shown.json()["role_in_org"]) == (200, "Admin")
    assert (asked, len(world.propelauth.emulator.requests)) == (1, 1)
    assert org.counts == (1, 2)


async def test_an_unknown_organization_of_a_token_is_mirrored_and_listed(world, api) -> None:
    nina = world.person(google=False)
    made = world.propelauth.add_org("Org of a token " + nina.user_id, metadata={"displayName": "T"})
    world.propelauth.add_member(made.org_id, nina.user_id, "Owner")
    claiming = {"Authorization": f"Bearer {world.propelauth.access_token(nina.user_id)}"}

    world.propelauth.emulator.fail(Fault("/user/", status=503))
    without = await api.get("/v1/orgs", headers=claiming)
    listed = (await api.get("/v1/orgs", headers=claiming)).json()["organizations"]

    assert (without.status_code, without.json()) == (200, {"organizations": []})
    assert [(each["display_name"], each["role_in_org"], each["confirmed_by"]) for each in listed] == [
        ("T", "Owner", "token")
    ]
    assert listed[0]["seats"]["used"] == 1
