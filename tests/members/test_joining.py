"""Joining by the domain of a confirmed e-mail: who may, who may not, and once."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.organizations.conftest import Factory, Organization, person_at, refused
from tests.world import Person, World

Open = Callable[..., Awaitable[tuple[Organization, Person]]]


@pytest.fixture
def opened(world: World, organization: Factory) -> Open:
    """An organization that lets a domain of its own in, and somebody with a confirmed address there.

    They are made before the domain is let in: PropelAuth itself adds whoever comes later.
    """

    async def make(at: str = "", *, domain: str = "", person: dict[str, Any] | None = None, **fields: Any):
        name = f"{uuid4().hex[:12]}.example"
        nina = person_at(world, f"{at}{domain or name}", **(person or {}))
        let_in = {"domain": domain or name, "domain_autojoin": True}
        return await organization("Owner", **{**let_in, **fields}), nina

    return make


async def join(org: Organization, person: Person) -> httpx.Response:
    return await org.world.api.post(f"{org.at}/join", headers=person.headers)


async def joinable(org: Organization, person: Person) -> list[str]:
    answer = await org.world.api.get("/v1/me/joinable-orgs", headers=person.headers)
    assert answer.status_code == 200, answer.text
    return [each["org_id"] for each in answer.json()["organizations"]]


async def test_who_has_a_confirmed_address_there_sees_it_and_joins_as_a_member(opened: Open) -> None:
    org, nina = await opened(metadata={"displayName": "Ours"})
    org.forget_entries()

    listed = (await org.world.api.get("/v1/me/joinable-orgs", headers=nina.headers)).json()["organizations"]
    answer = await join(org, nina)

    assert listed == [{"org_id": org.org_id, "name": org.there.name, "display_name": "Ours"}]
    assert (answer.status_code, answer.json()["role_in_org"]) == (200, "Member")
    assert org.role(nina) == org.role_there(nina) == "Member"
    [entry] = org.entries()
    assert (entry["action"], entry["actor"]["id"]) == ("member.joined", nina.user_id)
    assert (org.counts, await joinable(org, nina)) == ((1, 2), [])


async def test_who_joins_at_first_sight_is_listed_with_address_and_names(opened: Open) -> None:
    org, nina = await opened(person={"first_name": "Nina"})

    shown = (await join(org, nina)).json()

    assert (shown["email"], shown["first_name"], shown["email_confirmed"]) == (nina.email, "Nina", True)


async def test_joining_again_does_nothing_not_even_to_a_higher_role(opened: Open) -> None:
    org, nina = await opened()
    org.add("Admin", nina)
    await org.mirrored()
    org.forget_entries()

    for _ in range(2):
        assert (await join(org, nina)).json()["role_in_org"] == "Admin"

    assert (org.entries(), org.counts, org.role_there(nina)) == ([], (1, 2), "Admin")


async def test_one_of_the_further_domains_is_as_good(opened: Open) -> None:
    org, nina = await opened()
    there = org.there
    org.world.propelauth.update_org(org.org_id, domain="first.example", extra_domains=[str(there.domain)])
    await org.mirrored()

    assert await joinable(org, nina) == [org.org_id]
    assert (await join(org, nina)).status_code == 200


async def shut_out(org: Organization, person: Person) -> None:
    """It is not listed, joining finds nothing, and nothing happens on either side."""
    org.forget_entries()
    assert await joinable(org, person) == []
    assert refused(await join(org, person)) == (404, "organization_not_found")
    assert (org.role(person), org.role_there(person), org.entries(), org.counts) == (None, None, [], (1, 1))


async def test_an_address_that_is_not_confirmed_does_not_join_until_it_is(opened: Open) -> None:
    org, nina = await opened(person={"email_confirmed": False})
    await shut_out(org, nina)

    org.world.propelauth.user(nina.user_id).email_confirmed = True

    assert await joinable(org, nina) == [org.org_id]
    assert (await join(org, nina)).status_code == 200


async def test_an_address_that_was_confirmed_once_and_is_not_any_more_does_not_join(opened: Open) -> None:
    org, nina = await opened(person={"email_confirmed": False})
    org.world.user_document(nina, email=nina.email, email_confirmed=True)

    assert refused(await join(org, nina)) == (404, "organization_not_found")


async def test_a_sub_domain_does_not_join(opened: Open) -> None:
    await shut_out(*await opened("sub."))


async def test_a_domain_that_only_ends_alike_does_not_join(opened: Open) -> None:
    await shut_out(*await opened("evil"))


async def test_a_domain_is_the_same_whatever_its_case(opened: Open) -> None:
    org, nina = await opened(domain=f"{uuid4().hex[:8]}.Example")

    assert (await join(org, nina)).status_code == 200


async def test_a_free_mail_domain_set_at_propelauth_lets_nobody_in_here(opened: Open) -> None:
    org, nina = await opened(domain="hey.com")
    await shut_out(org, nina)
    org.world.propelauth.delete_org(org.org_id)  # it would let in others' people there


async def test_a_domain_that_is_listed_but_not_let_in_lets_nobody_in(opened: Open) -> None:
    await shut_out(*await opened(domain_autojoin=False))


async def test_an_organization_without_a_free_seat_is_full_until_there_is_one(opened: Open) -> None:
    org, nina = await opened(max_users=2)
    taken = await org.invite(f"{uuid4().hex}@example.com")

    assert refused(await join(org, nina)) == (409, "organization_full")
    assert (org.role_there(nina), org.counts, org.under_way()) == (None, (1, 2), [])

    await org.world.api.delete(f"{org.at}/invites/{taken['invite_id']}", headers=org.owner.headers)
    assert (await join(org, nina)).status_code == 200
    assert org.counts == (1, 2)


async def test_who_was_removed_does_not_come_back_by_the_domain(opened: Open) -> None:
    org, nina = await opened()
    await join(org, nina)
    await org.world.api.delete(f"{org.at}/members/{nina.user_id}", headers=org.owner.headers)

    assert await joinable(org, nina) == []
    assert refused(await join(org, nina)) == (403, "removed_before")
    assert (org.role(nina), org.role_there(nina)) == (None, None)


async def test_who_was_removed_at_propelauth_does_not_come_back_either(opened: Open) -> None:
    org, nina = await opened()
    await join(org, nina)
    org.world.propelauth.remove_member(org.org_id, nina.user_id)
    await org.mirrored()

    assert refused(await join(org, nina)) == (403, "removed_before")


async def test_who_left_may_come_back(opened: Open) -> None:
    org, nina = await opened()
    await join(org, nina)
    await org.world.api.post(f"{org.at}/leave", headers=nina.headers)

    assert await joinable(org, nina) == [org.org_id]
    assert (await join(org, nina)).status_code == 200
    assert org.role(nina) == org.role_there(nina) == "Member"
    assert [entry["action"] for entry in org.entries()][-3:] == ["member.joined", "member.left", "member.joined"]


async def test_an_organization_nobody_knows_is_not_found(api, ada) -> None:
    for org_id in (str(uuid4()), "nope"):
        answer = await api.post(f"/v1/orgs/{org_id}/join", headers=ada.headers)
        assert refused(answer) == (404, "organization_not_found")
