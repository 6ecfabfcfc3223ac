"""The states of an invite and what a new one takes, with plain objects and a time that is handed in."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from switchboard.audit.model import OUTSIDE, Actor
from switchboard.clients.propelauth_facts import InviteFacts
from switchboard.invites.model import (
    EXPIRED,
    LIFETIME,
    MOST_SENDS,
    SEND_PAUSE,
    DomainKeptOut,
    InviteAccepted,
    InviteDeclined,
    InviteExpired,
    InviteRevoked,
    PendingInvite,
    TooManyMails,
    Wanted,
    accepted,
    declined,
    new_invite,
    outside_invite,
    revoked,
)
from switchboard.organizations.model import Acting, Organization
from switchboard.roles.model import AboveOwnRole, MissingPermission, Rights, UnknownRole
from switchboard.users.model import InvalidEmail

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
OLIVIA = Actor(kind="user", id="olivia", name="olivia@northwind.example")
NINA = "nina@northwind.example"


def acting(role: str = "Owner", actor: Actor = OLIVIA, **fields: Any) -> Acting:
    times: dict[str, Any] = {"created_at": NOW, "updated_at": NOW, "confirmed_at": NOW, "confirmed_by": "api"}
    return Acting(actor, Rights(role), Organization(org_id="org", name="Northwind", **times, **fields))


def invite(**fields: Any) -> PendingInvite:
    made = new_invite(acting(), Wanted(NINA, Rights("Member")), NOW)
    return made.model_copy(update={"sent_at": NOW, **fields})


def test_a_new_invite_is_pending_and_good_for_five_days_to_the_moment() -> None:
    made = invite()

    assert made.expires_at == NOW + timedelta(days=5) == NOW + LIFETIME
    assert made.status_at(NOW) == made.status_at(made.expires_at - MOMENT) == "pending"
    assert made.status_at(made.expires_at) == made.status_at(made.expires_at + MOMENT) == "expired"
    made.check_open(made.expires_at - MOMENT)
    with pytest.raises(InviteExpired):
        made.check_open(made.expires_at)


@pytest.mark.parametrize(
    ("end", "status", "error"),
    [
        (accepted("nina", NOW), "accepted", InviteAccepted),
        (revoked(OLIVIA, NOW), "expired", InviteRevoked),
        (declined(NOW), "expired", InviteDeclined),
        (EXPIRED, "expired", InviteExpired),
    ],
)
@pytest.mark.parametrize("later", [-LIFETIME, timedelta(0), LIFETIME, timedelta(days=3650)])
def test_an_invite_that_ended_says_how_at_any_time(end: Any, status: str, error: type, later: timedelta) -> None:
    ended = invite(status=end.status, ended_at=NOW, **end.fields)

    assert ended.status_at(NOW + later) == status
    for check in (ended.check_open, ended.check_resend):
        with pytest.raises(error):
            check(NOW + later)


def test_each_end_says_what_it_is_and_only_that() -> None:
    assert accepted("nina", NOW).fields == {"accepted_at": NOW, "accepted_by": "nina"}
    assert revoked(OLIVIA, NOW).fields == {"revoked_at": NOW, "revoked_by": "olivia"}
    assert declined(NOW).fields == {"declined_at": NOW}
    assert EXPIRED.fields == {}
    assert {end.action for end in (accepted("n", NOW), revoked(OLIVIA, NOW), declined(NOW), EXPIRED)} == {
        *("invite.accepted", "invite.revoked", "invite.declined", "invite.expired")
    }


def test_it_is_mailed_again_after_a_pause_to_the_moment() -> None:
    made = invite()

    with pytest.raises(TooManyMails) as refused:
        made.check_resend(NOW + SEND_PAUSE - timedelta(seconds=1))
    assert refused.value.retry_after == 1
    made.check_resend(NOW + SEND_PAUSE)


def test_it_is_mailed_ten_times_at_most() -> None:
    at = NOW + timedelta(days=1)
    invite(sends=MOST_SENDS - 1).check_resend(at)

    with pytest.raises(TooManyMails) as refused:
        invite(sends=MOST_SENDS).check_resend(at)
    assert refused.value.retry_after == timedelta(days=4).total_seconds()


@pytest.mark.parametrize("email", [NINA, "NINA@Northwind.Example", "ｎｉｎａ@northwind.example"])
def test_it_is_for_the_address_however_that_is_spelled(email: str) -> None:
    assert invite().is_for(email)


@pytest.mark.parametrize("email", [None, "", "nina", "nina+x@northwind.example", "n\u0456na@northwind.example"])
def test_it_is_for_nobody_else(email: str | None) -> None:
    assert not invite().is_for(email)


def test_a_new_invite_says_who_invites_whom_as_what() -> None:
    wanted = Wanted("Nina.Berg@Northwind.Example", Rights("Admin", ("agent_editor",)))

    made = new_invite(acting(), wanted, NOW)

    assert (made.org_id, made.invitee_email, made.email_key) == ("org", wanted.email, "nina.berg@northwind.example")
    assert made.rights == wanted.rights
    assert (made.inviter_user_id, made.inviter_email) == ("olivia", "olivia@northwind.example")
    assert (made.status, made.created_at, made.last_sent_at, made.sends, made.sent_at) == ("pending", NOW, NOW, 1, None)
    assert made.invite_id != new_invite(acting(), wanted, NOW).invite_id


def test_a_service_that_invites_is_not_shown_as_a_person() -> None:
    made = new_invite(
        acting(actor=Actor(kind="service", id="key", name="scheduler")), Wanted(NINA, Rights("Member")), NOW
    )

    assert (made.inviter_user_id, made.inviter_email) == (None, None)


@pytest.mark.parametrize(
    ("role", "given", "error"),
    [
        ("Member", Rights("Member"), MissingPermission),
        ("Guest", Rights("Member"), MissingPermission),
        ("Admin", Rights("Owner"), AboveOwnRole),
        ("Admin", Rights("Member", ("auditor",)), AboveOwnRole),
        ("Owner", Rights("Superadmin"), UnknownRole),
    ],
)
def test_nobody_invites_as_more_than_they_are(role: str, given: Rights, error: type[Exception]) -> None:
    with pytest.raises(error):
        new_invite(acting(role), Wanted(NINA, given), NOW)


@pytest.mark.parametrize(("role", "given"), [("Owner", "Owner"), ("Admin", "Admin"), ("Admin", "Member")])
def test_up_to_ones_own_role_one_may_invite(role: str, given: str) -> None:
    assert new_invite(acting(role), Wanted(NINA, Rights(given)), NOW).role_in_org == given


@pytest.mark.parametrize("email", ["nina", "nina@", "@northwind.example", "a b@northwind.example", "nina@northwind"])
def test_what_is_no_address_is_not_invited(email: str) -> None:
    with pytest.raises(InvalidEmail):
        new_invite(acting(), Wanted(email, Rights("Member")), NOW)


def test_where_domains_must_match_others_are_not_invited() -> None:
    domains: dict[str, Any] = {"domain": "northwind.example", "members_must_have_matching_domain": True}

    new_invite(acting(**domains), Wanted(NINA, Rights("Member")), NOW)
    with pytest.raises(DomainKeptOut):
        new_invite(acting(**domains), Wanted("nina@elsewhere.example", Rights("Member")), NOW)
    with pytest.raises(DomainKeptOut):
        new_invite(acting(**domains), Wanted("nina@sub.northwind.example", Rights("Member")), NOW)


def test_an_invite_made_at_propelauth_is_taken_over_with_its_own_times() -> None:
    facts = InviteFacts(
        *("org", "Nina@Northwind.Example", "Admin", ("auditor",)),
        *(NOW - timedelta(days=1), NOW + timedelta(days=2), None, "olivia@northwind.example"),
    )

    made = outside_invite(facts, NOW)

    assert (made.email_key, made.rights) == (NINA, Rights("Admin", ("auditor",)))
    assert (made.created_at, made.sent_at, made.expires_at) == (facts.created_at, facts.created_at, facts.expires_at)
    assert (made.inviter_user_id, made.inviter_email) == (None, "olivia@northwind.example")


def told(action: Any) -> tuple[bool, bool]:
    """Whether its entry says what was before, and what is after."""
    entry = invite().entry(action, OLIVIA, NOW, "request")
    assert (entry.org_id, entry.target.kind, entry.actor, entry.request_id) == ("org", "invite", OLIVIA, "request")
    for fields in (entry.before, entry.after):
        assert fields is None or set(fields) == {
            *("invitee_email", "role_in_org", "additional_roles_in_org", "expires_at")
        }
    return entry.before is not None, entry.after is not None


def test_the_audit_log_says_what_an_invite_was_when_it_ends_and_what_it_is_when_it_is_made() -> None:
    assert told("invite.created") == (False, True)
    for action in ("invite.accepted", "invite.declined", "invite.revoked", "invite.expired"):
        assert told(action) == (True, False)
    assert invite().entry("invite.expired", OUTSIDE, NOW, None).actor == OUTSIDE
