"""Entries of the audit log as plain objects."""

from datetime import UTC, datetime

import pytest

from switchboard.audit.model import OUTSIDE, Actor, AuditEntry, Target, differences, new_entry

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NINA = Target(kind="member", id="nina")


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({}, {}, ({}, {})),
        ({"a": 1, "b": 2}, {"a": 1, "b": 2}, ({}, {})),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, ({"b": 2}, {"b": 3})),
        ({"a": 1}, {}, ({"a": 1}, {"a": None})),
        ({}, {"a": 1}, ({"a": None}, {"a": 1})),
        ({"a": None}, {}, ({}, {})),
        ({"a": ["x", "y"]}, {"a": ["x"]}, ({"a": ["x", "y"]}, {"a": ["x"]})),
        ({"a": False}, {"a": None}, ({"a": False}, {"a": None})),
    ],
)
def test_only_fields_that_differ_are_told(before: dict, after: dict, told: tuple[dict, dict]) -> None:
    assert differences(before, after) == told


def test_ids_grow_so_that_entries_of_one_moment_keep_their_order() -> None:
    entries = [new_entry("member.left", "org", NINA, OUTSIDE, NOW) for _ in range(200)]
    ids = [entry.entry_id for entry in entries]

    assert ids == sorted(ids)
    assert len(set(ids)) == 200


def test_an_entry_says_who_did_what_where_and_when() -> None:
    olivia = Actor(kind="user", id="olivia", name="olivia@northwind.example")

    entry = new_entry("member.removed", "org", NINA, olivia, NOW, before={"role_in_org": "Admin"}, request_id="r")

    assert AuditEntry.model_validate(entry.model_dump()) == entry
    assert (entry.org_id, entry.at, entry.actor, entry.target, entry.action) == (
        *("org", NOW, olivia, NINA),
        "member.removed",
    )
    assert (entry.before, entry.after, entry.request_id) == ({"role_in_org": "Admin"}, None, "r")
