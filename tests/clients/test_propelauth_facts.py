"""What a token claims of organizations, and which ids may reach a path."""

from datetime import UTC, datetime
from typing import Any

import pytest

from devstack.propelauth import PropelAuthEmulator
from switchboard.clients.propelauth import PropelAuthClient
from switchboard.clients.propelauth_facts import OrganizationFacts, checked, claimed_organizations, known, moment
from switchboard.errors import Invalid, NotFound
from tests.clients.test_propelauth import settings_of

ONE, TWO = "1c0e7a52-6c7b-4c0f-9c1e-52a9f3d1b7e4", "8f4b1d36-0f5e-4a7a-8b52-c6e1d0a97b21"
OF_A_CLOCK = "5a7f1c2e-e8ec-11f1-8baa-02fc00000001"  # version 1
ODD_IDS = ("", "x", ONE.upper(), ONE.replace("-", ""), OF_A_CLOCK, f"{ONE}\n", f" {ONE}", f"{ONE}/..", f"{ONE}?a=b")


@pytest.mark.parametrize(
    ("claims", "organizations"),
    [
        ({}, ()),
        ({"org_id_to_org_member_info": {ONE: {}, TWO: {}}}, (ONE, TWO)),
        ({"org_id_to_org_member_info": {ONE: None, "x": {}, ONE.upper(): {}, "": {}}}, (ONE,)),
        ({"org_member_info": {"org_id": ONE}, "org_id_to_org_member_info": {TWO: {}}}, (ONE,)),
        ({"org_member_info": {"org_id": "x"}}, ()),
        ({"org_member_info": {"org_id": {"$gt": ""}}}, ()),
        ({"org_member_info": {"org_id": [ONE]}}, ()),
        ({"org_member_info": {}}, ()),
        ({"org_member_info": None, "org_id_to_org_member_info": {TWO: {}}}, (TWO,)),
        ({"org_member_info": ONE, "org_id_to_org_member_info": [ONE]}, ()),
        ({"org_id_to_org_member_info": ONE}, ()),
        ({"org_id_to_org_member_info": 5}, ()),
    ],
    ids=str,
)
def test_a_token_claims_its_active_organization_or_all_of_them(
    claims: dict[str, Any], organizations: tuple[str, ...]
) -> None:
    assert claimed_organizations(claims) == frozenset(organizations)


async def test_what_a_real_token_claims_is_on_the_identity() -> None:
    async with PropelAuthEmulator() as emulator, PropelAuthClient.opened(settings_of(emulator)) as client:
        user = emulator.add_user("ada@example.com")
        first, second = (emulator.add_org(name).org_id for name in ("First", "Second"))
        for org_id in (first, second):
            emulator.add_member(org_id, user.user_id, "Member")

        every = client.identify(f"Bearer {emulator.access_token(user.user_id)}")
        active = client.identify(f"Bearer {emulator.access_token(user.user_id, active_org_id=second)}")
        lame = emulator.access_token(user.user_id, login_method={"login_method": "social_sso", "provider": "Apple"})

        assert every.org_ids == {first, second}
        assert active.org_ids == {second}
        assert client.identify(f"Bearer {lame}").org_ids == {first, second}
        assert emulator.emulator.requests == []


@pytest.mark.parametrize("odd", ODD_IDS)
def test_only_an_id_of_propelauth_may_stand_in_a_path(odd: str) -> None:
    with pytest.raises(Invalid):
        checked(odd)
    with pytest.raises(NotFound):
        known(odd)


def test_an_id_of_propelauth_is_let_through() -> None:
    assert checked(ONE) == known(ONE) == ONE


def test_times_are_utc() -> None:
    assert moment("1700000000") == moment(1700000000.9) == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize("odd", [None, "soon", [], {}, float("inf"), float("nan"), 10**18, -(10**18)])
def test_a_time_that_is_none_is_an_error_of_the_kinds_that_are_expected(odd: Any) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError, OSError)):
        moment(odd)


@pytest.mark.parametrize(
    "metadata", [{}, {"displayName": None, "description": 5}, {"displayName": "", "description": {}}]
)
def test_texts_that_are_no_texts_are_none(metadata: dict[str, Any]) -> None:
    facts = OrganizationFacts(ONE, "Ours", metadata=metadata)
    assert (facts.display_name, facts.description) == (None, None)
