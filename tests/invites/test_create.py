"""POST /v1/orgs/{org_id}/invites and its bulk form: who is invited, what PropelAuth mails, and what is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from devstack.emulator import Fault
from switchboard.invites.model import LIFETIME, MOST_A_DAY, MOST_AN_HOUR, MOST_ROWS
from tests.organizations.conftest import Factory, Organization, refused
from tests.world import Person


def email() -> str:
    return f"{uuid4().hex[:12]}@example.com"


async def invite(
    org: Organization, person: Person, address: str, role: str = "Member", **fields: Any
) -> httpx.Response:
    body = {"email": address, "role_in_org": role, **fields}
    return await org.world.api.post(f"{org.at}/invites", headers=person.headers, json=body)


async def bulk(org: Organization, *rows: dict[str, Any]) -> dict[str, Any]:
    path = f"{org.at}/invites/bulk"
    answer = await org.world.api.post(path, headers=org.owner.headers, json={"invites": list(rows)})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def mailed(org: Organization) -> dict[str, str]:
    """The invites PropelAuth waits for: roles by address."""
    return {each.invitee_email: each.role for each in org.world.propelauth.pending_invites(org.org_id)}


@pytest.fixture
async def org(organization: Factory) -> Organization:
    made = await organization()
    made.forget_entries()
    return made


async def test_propelauth_mails_it_in_the_role_and_it_takes_a_seat_and_is_told_once(org: Organization) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=2)

    answer = await invite(org, org.admin, address := email(), "Admin")

    assert answer.status_code == 201
    shown = answer.json()
    assert mailed(org) == {address: "Admin"}
    assert (org.counts, shown["status"], shown["sends"]) == ((1, 4), "pending", 1)
    assert (shown["invitee_email"], shown["role_in_org"], shown["org_id"]) == (address, "Admin", org.org_id)
    assert (shown["inviter_user_id"], shown["inviter_email"]) == (org.admin.user_id, org.admin.email)
    created = datetime.fromisoformat(shown["created_at"])
    assert before <= created <= datetime.now(UTC)
    assert datetime.fromisoformat(shown["expires_at"]) == created + LIFETIME
    assert "email_key" not in shown
    [entry] = org.entries()
    assert (entry["action"], entry["actor"]["id"], entry["target"]) == (
        *("invite.created", org.admin.user_id),
        {"kind": "invite", "id": shown["invite_id"]},
    )
    read = await org.world.api.get(f"{org.at}/invites/{shown['invite_id']}", headers=org.admin.headers)
    assert {**read.json(), "created_at": 0, "expires_at": 0, "last_sent_at": 0} == {
        **shown,
        "created_at": 0,
        "expires_at": 0,
        "last_sent_at": 0,
    }


async def test_additional_roles_go_along(additional_roles, org: Organization) -> None:
    answer = await invite(org, org.owner, email(), additional_roles_in_org=["auditor", "agent_editor"])

    assert answer.json()["additional_roles_in_org"] == ["agent_editor", "auditor"]
    assert org.world.propelauth.pending_invites(org.org_id)[0].additional_roles == ["agent_editor", "auditor"]
    assert refused(await invite(org, org.admin, email(), additional_roles_in_org=["auditor"])) == (
        403,
        "above_own_role",
    )


async def test_nobody_invites_as_more_than_they_are(org: Organization) -> None:
    assert refused(await invite(org, org.admin, email(), "Owner")) == (403, "above_own_role")
    assert refused(await invite(org, org.member, email())) == (403, "missing_permission")
    assert (mailed(org), org.invites(), org.counts) == ({}, [], (1, 3))
    assert (await invite(org, org.owner, email(), "Owner")).status_code == 201


async def test_one_address_has_one_pending_invite_however_it_is_spelled(org: Organization) -> None:
    address = f"nina{uuid4().hex[:8]}@b\u00fccher.example"
    assert (await invite(org, org.owner, address)).status_code == 201

    for same in (
        address,
        address.upper(),
        address.replace("\u00fc", "u\u0308"),
        address.replace("b\u00fccher", "xn--bcher-kva"),
        address.replace("nina", "\uff4e\uff49\uff4e\uff41"),
        address.replace("@", "\uff20"),
        f"  {address} ",
    ):
        assert refused(await invite(org, org.admin, same, "Admin")) == (409, "invite_pending"), same
    assert len(org.invites()) == 1
    assert org.counts == (1, 4)
    for other in (address.replace("@", "+x@"), address.replace("\u00fc", "u"), address.replace("nina", "n\u0456na")):
        assert (await invite(org, org.owner, other)).status_code == 201, other


async def test_one_address_may_be_invited_by_several_organizations(org: Organization, organization: Factory) -> None:
    other, address = await organization("Owner"), email()

    assert (await invite(org, org.owner, address)).status_code == 201
    assert (await invite(other, other.owner, address)).status_code == 201


async def test_a_member_is_not_invited_whatever_the_case(org: Organization) -> None:
    for address in (org.member.email, org.member.email.upper()):
        assert refused(await invite(org, org.owner, address)) == (409, "already_member")
    assert (org.invites(), org.world.propelauth.emulator.asked("/invite_user")) == ([], [])


async def test_a_member_is_known_by_the_address_that_propelauth_has(org: Organization) -> None:
    org.world.database["users"].update_one({"user_id": org.member.user_id}, {"$set": {"email": "old@example.com"}})

    assert refused(await invite(org, org.owner, org.member.email)) == (409, "already_member")


async def test_who_is_a_member_at_propelauth_alone_is_not_invited_either(org: Organization) -> None:
    nina = org.add("Member", org.world.person(google=False))

    assert refused(await invite(org, org.owner, nina.email)) == (409, "already_member")
    assert (org.invites(), mailed(org), org.counts, org.entries()) == ([], {}, (1, 3), [])


async def test_where_domains_must_match_no_other_address_is_invited(organization: Factory) -> None:
    org = await organization("Owner", domain="nw.example", extra_domains=["nw.de"])
    org.world.propelauth.update_org(org.org_id, domain_restrict=True)
    await org.mirrored()

    for address in ("a@sub.nw.example", "a@nw.example.org", "a@example.com"):
        assert refused(await invite(org, org.owner, address)) == (409, "domain_kept_out")
    for address in ("a@NW.example", "a@nw.de"):
        assert (await invite(org, org.owner, address)).status_code == 201


@pytest.mark.parametrize(
    ("body", "code"),
    [
        *(({"email": text}, "invalid_email") for text in ("nina", "a b@example.com", "a@localhost", '"a"@example.com')),
        *(({"email": text}, "invalid_email") for text in ("a@example.com.", "a@example..com", "a@b@example.com")),
        *(({"email": value}, "invalid") for value in (None, "", 5, ["a@example.com"], {"$ne": ""}, "x" * 255)),
        ({}, "invalid"),
        ({"email": "a@example.com", "role_in_org": "Superadmin"}, "invalid"),
        ({"email": "a@example.com", "role_in_org": None}, "invalid"),
        ({"email": "a@example.com", "status": "accepted"}, "invalid"),
        ({"email": "a@example.com", "org_id": str(uuid4())}, "invalid"),
        ({"email": "a@example.com", "expires_at": "2099-01-01T00:00:00Z"}, "invalid"),
    ],
)
async def test_what_makes_no_sense_invites_nobody(org: Organization, body: dict[str, Any], code: str) -> None:
    answer = await org.world.api.post(f"{org.at}/invites", headers=org.owner.headers, json=body)

    assert refused(answer) == (422, code)
    assert (org.invites(), mailed(org), org.counts, org.entries()) == ([], {}, (1, 3), [])


async def test_no_seat_no_invite_until_one_is_free(organization: Factory) -> None:
    org = await organization("Owner", max_users=2)
    first = await org.invite(email())

    assert refused(await invite(org, org.owner, email())) == (409, "organization_full")
    assert len(org.invites()) == len(mailed(org)) == 1

    await org.world.api.delete(f"{org.at}/invites/{first['invite_id']}", headers=org.owner.headers)
    assert (await invite(org, org.owner, email())).status_code == 201
    assert org.counts == (1, 2)


async def test_an_invite_past_its_time_frees_seat_and_address_before_anybody_wrote_it(organization: Factory) -> None:
    org = await organization("Owner", max_users=2)
    first = await org.invite(address := email())
    org.change_invite(first, expires_at=datetime.now(UTC) - timedelta(milliseconds=5))

    second = await invite(org, org.owner, address, "Admin")

    assert second.status_code == 201
    assert [each["status"] for each in org.invites()] == ["expired", "pending"]
    assert (mailed(org), org.counts) == ({address: "Admin"}, (1, 2))
    assert [entry["action"] for entry in org.entries()][-3:] == ["invite.created", "invite.expired", "invite.created"]
    assert org.entries("invite.expired")[0]["actor"]["kind"] == "system"


async def test_an_invite_that_could_not_be_mailed_is_not_there_and_holds_no_seat(org: Organization) -> None:
    org.world.propelauth.emulator.fail(Fault("/invite_user", "POST", status=503))
    address = email()

    first = await invite(org, org.owner, address)

    assert refused(first) == (503, "propelauth_unavailable")
    assert first.headers["retry-after"]
    assert (org.invites(), org.counts, org.entries()) == ([], (1, 3), [])
    assert (await invite(org, org.owner, address)).status_code == 201


async def test_an_invite_that_propelauth_refuses_is_not_there_and_holds_no_seat(org: Organization) -> None:
    """Additional roles where the project has none."""
    answer = await invite(org, org.owner, email(), additional_roles_in_org=["agent_editor"])

    assert refused(answer) == (422, "refused_by_propelauth")
    assert (org.invites(), org.counts, org.entries()) == ([], (1, 3), [])


def earlier(org: Organization, *, number: int, ago: timedelta, email_key: str | None = None, sends: int = 1) -> None:
    """Invites that were mailed before, and ended."""
    at = datetime.now(UTC) - ago
    made = [
        {
            "invite_id": uuid4().hex,
            "org_id": org.org_id,
            "invitee_email": "x@example.com",
            "status": "expired",
            "email_key": email_key or f"{uuid4().hex}@example.com",
            "role_in_org": "Member",
            "created_at": at,
            "expires_at": at,
            "last_sent_at": at,
            "sent_at": at,
            "ended_at": at,
            "sends": sends,
        }
        for _ in range(number)
    ]
    org.world.database["pending_invites"].insert_many(made)


async def test_an_organization_mails_so_many_an_hour_and_no_more(org: Organization, organization: Factory) -> None:
    other = await organization("Owner")
    earlier(org, number=MOST_AN_HOUR - 1, ago=timedelta(minutes=59))
    earlier(org, number=300, ago=timedelta(minutes=61))
    assert (await invite(org, org.owner, email())).status_code == 201

    answer = await invite(org, org.admin, email())

    assert refused(answer) == (429, "too_many_invites")
    assert int(answer.headers["retry-after"]) == 3600
    assert (len(mailed(org)), org.counts) == (1, (1, 4))
    assert (await invite(other, other.owner, email())).status_code == 201


async def test_one_address_gets_so_many_a_day_whoever_sends_them_and_however_it_is_spelled(
    org: Organization, organization: Factory
) -> None:
    other, address = await organization("Owner"), email()
    earlier(org, number=4, ago=timedelta(hours=23), email_key=address)
    earlier(other, number=1, ago=timedelta(hours=1), email_key=address, sends=MOST_A_DAY - 5)
    earlier(other, number=5, ago=timedelta(hours=25), email_key=address)
    assert (await invite(org, org.owner, address.upper())).status_code == 201

    answer = await invite(other, other.owner, address)

    assert refused(answer) == (429, "too_many_invites")
    assert int(answer.headers["retry-after"]) == 24 * 3600
    assert (mailed(other), other.counts) == ({}, (1, 1))
    assert (await invite(other, other.owner, email())).status_code == 201


async def test_a_thousand_invites_to_one_person_are_a_few_mails(org: Organization) -> None:
    """Inviting and taking back in turns: what is refused asks nothing of PropelAuth."""
    address = email()
    for _ in range(MOST_A_DAY + 5):
        answer = await invite(org, org.owner, address)
        if answer.status_code == 201:
            await org.world.api.delete(f"{org.at}/invites/{answer.json()['invite_id']}", headers=org.owner.headers)

    assert refused(answer) == (429, "too_many_invites")
    assert len(org.world.propelauth.emulator.asked("/invite_user")) == MOST_A_DAY


async def test_in_bulk_each_row_gets_its_answer_in_order_and_good_ones_are_made(additional_roles, organization) -> None:
    org = await organization(max_users=6)
    first, second, third = email(), email(), email()
    before = org.counts

    found = await bulk(
        org,
        {"email": first, "role_in_org": "Admin"},
        {"email": "no address"},
        {"email": org.member.email},
        {"email": first.upper()},
        {"email": second, "additional_roles_in_org": ["agent_editor"]},
        {"email": third},
        {"email": email()},
    )

    assert (found["created"], found["refused"]) == (3, 4)
    assert [row["row"] for row in found["rows"]] == list(range(7))
    assert [row["code"] for row in found["rows"]] == [
        *(None, "invalid_email", "already_member", "invite_pending", None, None),
        "organization_full",
    ]
    for row in found["rows"]:
        assert (row["invite"] is None) == (row["result"] == "refused") == (row["detail"] is not None)
    assert mailed(org) == {first: "Admin", second: "Member", third: "Member"}
    assert org.counts == (before[0], 6)
    assert len(org.entries("invite.created")) == 3


async def test_in_bulk_an_admin_gets_refusals_for_what_is_above_them(org: Organization) -> None:
    rows = [{"email": email(), "role_in_org": role} for role in ("Owner", "Admin")]
    answer = await org.world.api.post(f"{org.at}/invites/bulk", headers=org.admin.headers, json={"invites": rows})

    assert [row["code"] for row in answer.json()["rows"]] == ["above_own_role", None]


async def test_in_bulk_an_outage_ends_it_and_the_rest_sent_again_is_made(org: Organization) -> None:
    rows = [{"email": email()} for _ in range(5)]
    org.world.propelauth.emulator.fail(Fault("/invite_user", "POST", skip=2, times=1, status=503))

    first = await bulk(org, *rows)

    assert [row["code"] for row in first["rows"]] == [None, None, *["propelauth_unavailable"] * 3]
    assert len(org.world.propelauth.emulator.asked("/invite_user")) == 3  # those after it were not tried
    assert (len(mailed(org)), len(org.invites()), org.counts) == (2, 2, (1, 5))
    second = await bulk(org, *rows)
    assert [row["code"] for row in second["rows"]] == ["invite_pending", "invite_pending", None, None, None]
    assert (len(mailed(org)), org.counts) == (5, (1, 8))


async def test_in_bulk_no_rows_too_many_or_one_that_makes_no_sense_are_refused_as_a_whole(org: Organization) -> None:
    path = f"{org.at}/invites/bulk"
    row = {"email": "a@example.com"}
    for rows in ([], [row] * (MOST_ROWS + 1), [row, {"email": None}], [row, {**row, "role_in_org": "Boss"}], None):
        answer = await org.world.api.post(path, headers=org.owner.headers, json={"invites": rows})
        assert refused(answer) == (422, "invalid")
    assert refused(await org.world.api.post(path, headers=org.member.headers, json={"invites": [row]})) == (
        *(403, "missing_permission"),
    )
    assert (org.invites(), org.counts) == ([], (1, 3))
