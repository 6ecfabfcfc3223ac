"""Invites listed by state, read, sent again and taken back."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from devstack.emulator import Fault
from switchboard.invites import service
from switchboard.invites.model import LIFETIME, MOST_A_DAY, MOST_AN_HOUR, MOST_SENDS, SEND_PAUSE
from tests.organizations.conftest import Factory, Organization, refused
from tests.world import Person

AGO = timedelta(seconds=1)


def email() -> str:
    return f"{uuid4().hex[:12]}@example.com"


@pytest.fixture
async def org(organization: Factory) -> Organization:
    return await organization()


async def listed(org: Organization, **asked: Any) -> list[str]:
    answer = await org.world.api.get(f"{org.at}/invites", headers=org.admin.headers, params=asked)
    assert answer.status_code == 200, answer.text
    return [each["invite_id"] for each in answer.json()["invites"]]


async def resend(org: Organization, invite: dict[str, Any], person: Person | None = None) -> httpx.Response:
    path = f"{org.at}/invites/{invite['invite_id']}/resend"
    return await org.world.api.post(path, headers=(person or org.owner).headers)


async def revoke(org: Organization, invite: dict[str, Any], person: Person | None = None) -> httpx.Response:
    path = f"{org.at}/invites/{invite['invite_id']}"
    return await org.world.api.delete(path, headers=(person or org.owner).headers)


async def accept(org: Organization, invite: dict[str, Any], person: Person) -> httpx.Response:
    return await org.world.api.post(f"/v1/me/invites/{invite['invite_id']}/accept", headers=person.headers)


def rested(org: Organization, invite: dict[str, Any]) -> None:
    """Long enough after it was mailed last."""
    org.change_invite(invite, last_sent_at=datetime.now(UTC) - SEND_PAUSE - AGO)


async def ended(org: Organization) -> dict[str, dict[str, Any]]:
    """One invite for each way to end, and one that is pending."""
    nina, omar = org.world.person(google=False), org.world.person(google=False)
    made = {
        "accepted": await org.invite(nina.email),
        "declined": await org.invite(omar.email),
        "revoked": await org.invite(email()),
        "expired": await org.invite(email()),
        "past": await org.invite(email()),
        "pending": await org.invite(email()),
    }
    assert (await accept(org, made["accepted"], nina)).status_code == 200
    declined = f"/v1/me/invites/{made['declined']['invite_id']}/decline"
    assert (await org.world.api.post(declined, headers=omar.headers)).status_code == 204
    assert (await revoke(org, made["revoked"])).status_code == 200
    org.change_invite(made["expired"], expires_at=datetime.now(UTC) - AGO)
    assert await service.expire_due(org.world.services, datetime.now(UTC), org.org_id)
    org.change_invite(made["past"], expires_at=datetime.now(UTC) - AGO)
    return made


async def test_states_are_listed_as_they_are_now_whether_or_not_the_worker_wrote_them(org: Organization) -> None:
    made = await ended(org)
    ids = {name: invite["invite_id"] for name, invite in made.items()}

    assert await listed(org) == [*ids.values()][::-1]
    assert await listed(org, status="pending") == [ids["pending"]]
    assert await listed(org, status="accepted") == [ids["accepted"]]
    assert await listed(org, status="expired") == [ids[name] for name in ("past", "expired", "revoked", "declined")]
    for name, status in {"past": "expired", "pending": "pending", "revoked": "expired"}.items():
        path = f"{org.at}/invites/{ids[name]}"
        assert (await org.world.api.get(path, headers=org.admin.headers)).json()["status"] == status
    assert org.counts == (1, 3 + 1 + 2)  # who accepted, who is invited, and the one whose seat nobody gave back yet


async def test_each_end_says_who_and_when(org: Organization) -> None:
    made = await ended(org)
    answer = await org.world.api.get(f"{org.at}/invites", headers=org.admin.headers)
    shown = {each["invite_id"]: each for each in answer.json()["invites"]}

    said = {name: shown[invite["invite_id"]] for name, invite in made.items()}
    fields = ("accepted_at", "accepted_by", "revoked_at", "revoked_by", "declined_at")
    assert {name: {field for field in fields if each[field]} for name, each in said.items()} == {
        **{name: set() for name in ("expired", "past", "pending")},
        "accepted": {"accepted_at", "accepted_by"},
        "revoked": {"revoked_at", "revoked_by"},
        "declined": {"declined_at"},
    }
    assert said["revoked"]["revoked_by"] == org.owner.user_id


async def test_pages_follow_each_other_newest_first_and_hold_each_once(org: Organization) -> None:
    made = [(await org.invite(email()))["invite_id"] for _ in range(7)]
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for number, invite_id in enumerate(sorted(made)):
        org.change_invite({"invite_id": invite_id}, created_at=noon + timedelta(seconds=number // 3))
    pages, cursor = [], None
    while True:
        asked = {"limit": 3, "status": "pending", **({"cursor": cursor} if cursor else {})}
        answer = (await org.world.api.get(f"{org.at}/invites", headers=org.owner.headers, params=asked)).json()
        pages.append([each["invite_id"] for each in answer["invites"]])
        cursor = answer["next_cursor"]
        if cursor is None:
            break

    assert [invite_id for page in pages for invite_id in page] == sorted(made)[::-1]
    assert [len(page) for page in pages] == [3, 3, 1]


async def test_an_invite_nobody_can_read_is_left_out_and_hides_no_others(org: Organization) -> None:
    made = [(await org.invite(email()))["invite_id"] for _ in range(5)][::-1]
    org.change_invite({"invite_id": made[1]}, role_in_org=5)
    first = await org.world.api.get(f"{org.at}/invites", headers=org.owner.headers, params={"limit": 2})

    assert [each["invite_id"] for each in first.json()["invites"]] == made[:1]
    assert await listed(org, limit=9, cursor=first.json()["next_cursor"]) == made[2:]


async def test_an_invite_of_another_organization_is_not_found_here(org: Organization, organization: Factory) -> None:
    other = await organization()
    foreign = await other.invite(email())

    for answer in (
        await org.world.api.get(f"{org.at}/invites/{foreign['invite_id']}", headers=org.owner.headers),
        await resend(org, foreign),
        await revoke(org, foreign),
        await revoke(org, {"invite_id": "nope"}),
    ):
        assert refused(answer) == (404, "invite_not_found")
    assert other.invites()[0]["status"] == "pending"


async def test_sent_again_it_is_mailed_again_and_good_for_as_long_as_a_new_one(org: Organization) -> None:
    invite = await org.invite(email(), "Admin")
    org.change_invite(invite, expires_at=datetime.now(UTC) + timedelta(hours=1))
    rested(org, invite)
    org.world.propelauth.emulator.requests.clear()
    org.forget_entries()

    answer = await resend(org, invite, org.admin)

    assert answer.status_code == 200
    assert len(org.world.propelauth.emulator.asked("/invite_user")) == 1
    shown = answer.json()
    left = datetime.fromisoformat(shown["expires_at"]) - datetime.now(UTC)
    assert LIFETIME - timedelta(minutes=1) < left <= LIFETIME
    assert (shown["sends"], shown["status"], shown["role_in_org"]) == (2, "pending", "Admin")
    assert datetime.now(UTC) - datetime.fromisoformat(shown["last_sent_at"]) < timedelta(minutes=1)
    [entry] = org.entries()
    assert (entry["action"], entry["actor"]["id"]) == ("invite.resent", org.admin.user_id)
    assert entry["before"].keys() == entry["after"].keys() == {"expires_at"}
    assert entry["before"]["expires_at"] < entry["after"]["expires_at"]
    assert org.counts == (1, 4)


async def test_sent_again_too_soon_it_is_refused_with_the_time_to_wait(org: Organization) -> None:
    invite = await org.invite(email())

    answer = await resend(org, invite)

    assert refused(answer) == (429, "too_many_invites")
    assert 1 <= int(answer.headers["retry-after"]) <= SEND_PAUSE.total_seconds()
    assert len(org.world.propelauth.emulator.asked("/invite_user")) == 1
    assert org.invites()[0]["sends"] == 1


async def test_it_is_mailed_so_many_times_and_no_more(org: Organization) -> None:
    invite = await org.invite(email())
    for number in range(2, MOST_SENDS + 1):
        rested(org, invite)
        assert (await resend(org, invite)).json()["sends"] == number
    rested(org, invite)

    answer = await resend(org, invite)

    assert refused(answer) == (429, "too_many_invites")
    assert int(answer.headers["retry-after"]) > 3600
    assert len(org.world.propelauth.emulator.asked("/invite_user")) == MOST_SENDS


async def test_sending_again_counts_among_the_mails_of_the_organization(org: Organization) -> None:
    invite = await org.invite(email())
    other = await org.invite(email())
    rested(org, invite)
    org.change_invite(other, sends=MOST_AN_HOUR)

    assert refused(await resend(org, invite)) == (429, "too_many_invites")
    assert org.invites()[0]["sends"] == 1


async def test_sending_again_counts_among_the_mails_to_the_address(org: Organization, organization: Factory) -> None:
    other, address = await organization("Owner"), email()
    invite, elsewhere = await org.invite(address), await other.invite(address)
    rested(org, invite)
    other.change_invite(elsewhere, sends=MOST_A_DAY - 1)

    assert refused(await resend(org, invite)) == (429, "too_many_invites")
    other.change_invite(elsewhere, sends=MOST_A_DAY - 2)
    assert (await resend(org, invite)).status_code == 200


@pytest.mark.parametrize("status", [503, 400])
async def test_a_mail_that_did_not_go_out_does_not_count(org: Organization, status: int) -> None:
    invite = await org.invite(email())
    rested(org, invite)
    before = org.invites()[0]
    org.world.propelauth.emulator.fail(Fault("/invite_user", "POST", status=status, body="{}"))

    assert (await resend(org, invite)).status_code in (503, 422)

    assert org.invites()[0] == before
    assert org.entries("invite.resent") == []
    assert (await resend(org, invite)).status_code == 200


async def test_an_admin_does_not_send_again_what_is_above_them(org: Organization) -> None:
    invite = await org.invite(email(), "Owner")
    rested(org, invite)

    assert refused(await resend(org, invite, org.admin)) == (403, "above_own_role")


async def test_taken_back_it_is_gone_at_propelauth_gives_its_seat_back_and_is_told_once(org: Organization) -> None:
    invite = await org.invite(email())
    org.forget_entries()

    first, second = await revoke(org, invite, org.admin), await revoke(org, invite)

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json()["status"] == "expired"
    assert first.json()["revoked_by"] == second.json()["revoked_by"] == org.admin.user_id
    assert org.world.propelauth.pending_invites(org.org_id) == []
    assert org.counts == (1, 3)
    assert [(entry["action"], entry["actor"]["id"]) for entry in org.entries()] == [
        ("invite.revoked", org.admin.user_id)
    ]


async def test_an_invite_propelauth_does_not_know_any_more_is_taken_back_here(org: Organization) -> None:
    invite = await org.invite(email())
    org.world.propelauth.revoke_invite(org.org_id, invite["invitee_email"])

    assert (await revoke(org, invite)).status_code == 200


async def test_while_propelauth_does_not_answer_it_stays_pending_and_the_same_call_takes_it_back(org) -> None:
    invite = await org.invite(email())
    org.world.propelauth.emulator.fail(Fault("/pending_org_invites", "DELETE", drop=True, act_first=True))

    assert refused(await revoke(org, invite)) == (503, "propelauth_unavailable")
    assert (org.invites()[0]["status"], org.counts) == ("pending", (1, 4))
    assert (await revoke(org, invite)).status_code == 200
    assert org.counts == (1, 3)


async def test_what_ended_is_neither_sent_again_nor_taken_back_and_stays_as_it_is(org: Organization) -> None:
    made = await ended(org)
    for invite in made.values():
        rested(org, invite)
    before, entries = org.invites(), org.entries()
    org.world.propelauth.emulator.requests.clear()
    codes = {
        "accepted": (409, "invite_accepted"),
        "declined": (410, "invite_declined"),
        "revoked": (410, "invite_revoked"),
        "expired": (410, "invite_expired"),
        "past": (410, "invite_expired"),
    }

    for name, expected in codes.items():
        assert refused(await resend(org, made[name])) == expected
        if name != "revoked":
            assert refused(await revoke(org, made[name])) == expected

    assert (org.invites(), org.entries()) == (before, entries)
    assert org.world.propelauth.emulator.requests == []


async def test_the_worker_writes_what_time_has_done_once_and_gives_the_seat_back(org: Organization) -> None:
    now = datetime.now(UTC)
    invite = await org.invite(email())
    org.change_invite(invite, expires_at=now)
    org.forget_entries()

    assert not await service.expire_due(org.world.services, now - AGO, org.org_id)
    assert await service.expire_due(org.world.services, now, org.org_id)
    assert not await service.expire_due(org.world.services, now + AGO, org.org_id)

    assert (org.invites()[0]["status"], org.counts) == ("expired", (1, 3))
    assert [(entry["action"], entry["actor"]["kind"]) for entry in org.entries()] == [("invite.expired", "system")]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"status": "revoked"}, "invalid"),
        ({"status[$ne]": "pending"}, "invalid"),
        ({"limit": 0}, "invalid"),
        ({"limit": 1001}, "invalid"),
        ({"email": "x"}, "invalid"),
        ({"cursor": "nope"}, "invalid_cursor"),
    ],
)
async def test_a_list_of_what_makes_no_sense_is_refused(org: Organization, asked: dict[str, Any], code: str) -> None:
    answer = await org.world.api.get(f"{org.at}/invites", headers=org.owner.headers, params=asked)

    assert refused(answer) == (422, code)
