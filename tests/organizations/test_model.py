"""The rules of an organization with plain objects: who may belong to it, what it may become, what is told of it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from switchboard.audit.model import OUTSIDE, Actor, AuditFilter
from switchboard.clients.propelauth_facts import OrganizationFacts
from switchboard.memberships.model import Seen
from switchboard.organizations.model import (
    ACCESS_FIELDS,
    FIELDS,
    FREE_MAIL,
    Acting,
    DomainMissing,
    FreeMailDomain,
    Organization,
    Origin,
    TooFewSeats,
    entry_of,
    mirrored,
)
from switchboard.roles.model import MissingPermission, Rights

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SEEN = Seen("api", NOW)
OLIVIA = Actor(kind="user", id="olivia", name="olivia@northwind.example")


def organization(**fields: Any) -> Organization:
    times: dict[str, Any] = {"created_at": NOW, "updated_at": NOW, "confirmed_at": NOW, "confirmed_by": "api"}
    return Organization(org_id="org", **{"name": "Northwind", **times, **fields})


def joinable(domain: str | None = "northwind.example", *extra: str) -> Organization:
    return organization(domain=domain, extra_domains=list(extra), enable_auto_joining_by_domain=True)


@pytest.mark.parametrize(
    "email",
    [
        "nina@northwind.example",
        "Nina@NorthWind.Example",
        "nina+x@northwind.example",
        "nina@\uff4eorthwind\uff0eexample",
    ],
)
def test_an_address_at_a_listed_domain_joins_and_is_admitted(email: str) -> None:
    restricted = organization(domain="northwind.example", members_must_have_matching_domain=True)

    assert joinable().lets_join(email)
    assert joinable("other.example", "northwind.example").lets_join(email)
    assert joinable(None, "northwind.example").lets_join(email)
    assert restricted.admits(email)


@pytest.mark.parametrize(
    "email",
    [
        *("nina@sub.northwind.example", "nina@northwind.example.evil.example", "nina@evilnorthwind.example"),
        *("nina@northwind.exampl", "nina@example", "nina@n\u043erthwind.example", "northwind.example", ""),
        *("nina@northwind.example@evil.example", "nina@evil.example?@northwind.example", "@northwind.example"),
        *("nina@northwind.example\n", '"nina@evil.example"@northwind.example', "nina@northwind.example."),
    ],
)
def test_any_other_address_neither_joins_nor_is_admitted(email: str) -> None:
    restricted = organization(domain="northwind.example", members_must_have_matching_domain=True)

    assert not joinable().lets_join(email)
    assert not restricted.admits(email)


def test_both_spellings_of_an_international_domain_are_one() -> None:
    for email in ("nina@bücher.example", "nina@xn--bcher-kva.example", "nina@BU\u0308CHER.example"):
        assert joinable("xn--bcher-kva.example").lets_join(email)


def test_nobody_joins_by_domain_unless_that_is_switched_on() -> None:
    assert not organization(domain="northwind.example").lets_join("nina@northwind.example")


def test_everybody_is_admitted_unless_domains_must_match() -> None:
    assert organization(domain="northwind.example").admits("nina@elsewhere.example")
    assert organization().admits("nina@elsewhere.example")


@pytest.mark.parametrize("domain", ["gmail.com", "outlook.com", "yahoo.co.in", "qq.com", "web.de", "proton.me"])
def test_nobody_joins_by_a_domain_where_anybody_gets_an_address(domain: str) -> None:
    assert domain in FREE_MAIL
    assert not joinable(domain).lets_join(f"nina@{domain}")
    assert not joinable("northwind.example", domain).lets_join(f"nina@{domain}")


def test_domains_where_anybody_gets_an_address_are_written_as_they_are_compared() -> None:
    assert len(FREE_MAIL) > 80
    assert all(domain == domain.strip().lower() and "." in domain and "@" not in domain for domain in FREE_MAIL)


@pytest.mark.parametrize("flag", ["enable_auto_joining_by_domain", "members_must_have_matching_domain"])
def test_a_domain_has_to_be_set_before_it_is_used(flag: str) -> None:
    with pytest.raises(DomainMissing):
        organization().check_change({flag: True})
    organization().check_change({flag: True, "domain": "northwind.example"})
    organization().check_change({flag: True, "extra_domains": ["northwind.example"]})
    organization(domain="northwind.example").check_change({flag: True})
    with pytest.raises(DomainMissing):
        organization(extra_domains=["northwind.example"], **{flag: True}).check_change({"extra_domains": []})
    organization(extra_domains=["northwind.example"]).check_change({"extra_domains": []})


def test_joining_by_domain_and_a_free_mail_domain_exclude_each_other_in_any_order() -> None:
    for refused in (
        lambda: organization().check_change({"domain": "gmail.com", "enable_auto_joining_by_domain": True}),
        lambda: organization(domain="gmail.com").check_change({"enable_auto_joining_by_domain": True}),
        lambda: joinable().check_change({"domain": "gmail.com"}),
        lambda: joinable().check_change({"extra_domains": ["northwind.de", "gmail.com"]}),
    ):
        with pytest.raises(FreeMailDomain) as found:
            refused()
        assert "domain" in found.value.fields
    organization().check_change({"domain": "gmail.com", "members_must_have_matching_domain": True})


def test_seats_are_never_fewer_than_are_taken_but_other_changes_do_not_ask() -> None:
    five_taken = organization(seats_used=5, max_users=3)

    five_taken.check_change({"max_users": 5})
    five_taken.check_change({"name": "Northwind Voice"})
    with pytest.raises(TooFewSeats):
        five_taken.check_change({"max_users": 4})


def test_the_fields_of_propelauth_read_as_ours_with_domains_as_they_are_compared() -> None:
    facts = OrganizationFacts(
        "org",
        "Northwind",
        domain="NorthWind.Example",
        extra_domains=("Northwind.DE",),
        enable_auto_joining_by_domain=True,
        max_users=7,
        metadata={"displayName": "NW", "description": "", "crmId": 5},
    )

    assert mirrored(facts) == {
        "name": "Northwind",
        "display_name": "NW",
        "description": None,
        "domain": "northwind.example",
        "extra_domains": ["northwind.de"],
        "enable_auto_joining_by_domain": True,
        "members_must_have_matching_domain": False,
        "max_users": 7,
        "can_setup_saml": False,
        "legacy_org_id": None,
        "url_safe_org_slug": None,
    }


def test_domains_are_those_that_are_set() -> None:
    assert organization().domains == frozenset()
    assert organization(domain="", extra_domains=["", "a.example"]).domains == {"a.example"}


def test_what_is_told_of_a_new_a_changed_and_a_deleted_organization() -> None:
    before = organization(display_name="NW", max_users=5)
    fields = {**before.fields, "display_name": "Northwind", "max_users": None, "legacy_org_id": "not told"}

    created = entry_of(None, fields, "org", SEEN, Origin(OLIVIA, "request"))
    changed = entry_of(before, fields, "org", SEEN, Origin(OLIVIA, "request"))
    deleted = entry_of(before, None, "org", SEEN, Origin())

    assert created is not None
    assert changed is not None
    assert deleted is not None
    assert (created.action, created.before) == ("organization.created", None)
    assert created.after is not None
    assert created.after["display_name"] == "Northwind"
    assert (changed.action, changed.actor, changed.request_id) == ("organization.updated", OLIVIA, "request")
    assert changed.before == {"display_name": "NW", "max_users": 5}
    assert changed.after == {"display_name": "Northwind", "max_users": None}
    assert (deleted.action, deleted.actor, deleted.after) == ("organization.deleted", OUTSIDE, None)
    assert deleted.before is not None
    assert deleted.before["name"] == "Northwind"


def test_nothing_is_told_where_nothing_changed_or_there_never_was_anything() -> None:
    before = organization(display_name="NW", seats_used=3)

    assert entry_of(before, {**before.fields, "legacy_org_id": "x"}, "org", SEEN, Origin()) is None
    assert entry_of(None, None, "org", SEEN, Origin()) is None


@pytest.mark.parametrize("name", FIELDS)
def test_names_are_an_admins_to_change_what_decides_who_gets_in_is_the_owners(name: str) -> None:
    def acting(role: str) -> Acting:
        return Acting(OLIVIA, Rights(role), organization())

    acting("Owner").check_fields(frozenset({name, "name"}))
    with pytest.raises(MissingPermission):
        acting("Member").check_fields(frozenset({name}))
    if name in ACCESS_FIELDS:
        with pytest.raises(MissingPermission):
            acting("Admin").check_fields(frozenset({name, "name"}))
    else:
        acting("Admin").check_fields(frozenset({name}))


def test_the_fields_that_are_the_owners_are_these() -> None:
    assert set(FIELDS) - ACCESS_FIELDS == {"name", "display_name", "description"}


def test_who_may_not_see_everybodys_entries_sees_their_own_and_cannot_ask_for_others() -> None:
    def seen_by(role: str, wanted: AuditFilter) -> AuditFilter:
        return Acting(OLIVIA, Rights(role), organization()).audited(wanted)

    asked = AuditFilter(action="member.left", actor_id="somebody")
    assert seen_by("Owner", asked) == seen_by("Admin", asked) == asked
    assert seen_by("Member", AuditFilter(action="member.left")) == AuditFilter("member.left", actor_id="olivia")
    assert seen_by("Member", AuditFilter(actor_id="olivia")).actor_id == "olivia"
    with pytest.raises(MissingPermission):
        seen_by("Member", asked)
    with pytest.raises(MissingPermission):
        seen_by("Guest", AuditFilter())
