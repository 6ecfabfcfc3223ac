"""Looking for a text: found in what is seen whole, and never a way to learn what is kept back."""

from typing import Any

import pytest

from switchboard.organization_calendars import documents
from tests.organization_calendars.conftest import Make


@pytest.mark.parametrize("text", ["kick-off", "KICK-OFF", "Kick", "room 7", "agenda:", "f", "(v2)"])
async def test_a_text_is_found_in_title_place_and_description_whatever_its_case(diaries: Make, text: str) -> None:
    found = await diaries()
    found.put(found.org.member, "Kick-off (v2)", 10, location="Room 7, first floor", description="Agenda: none yet")
    found.put(found.org.admin, "Else", 11)
    assert await found.titles(found.org.owner, text=text) == ["Kick-off (v2)"]


@pytest.mark.parametrize("text", ["ÜBER", "über", "привет", "ПРИВЕТ", "日本"])
async def test_letters_of_any_alphabet_are_found(diaries: Make, text: str) -> None:
    found = await diaries("Owner")
    found.put(found.org.owner, "Über Привет 日本")
    assert await found.titles(found.org.owner, text=text) == ["Über Привет 日本"]


@pytest.mark.parametrize(
    "text",
    [".*", ".", "^S", "p$", "S|x", "(?i)s", "[S]", "\\w", "{$gt: 1}", "$where", "Standup\\E.*", "\\QStandup", "%", "*"],
)
async def test_a_text_is_never_an_operator(diaries: Make, text: str) -> None:
    found = await diaries("Owner")
    found.put(found.org.owner, "Standup")
    assert await found.titles(found.org.owner, text=text) == []
    found.put(found.org.owner, f"with {text} in it")
    assert await found.titles(found.org.owner, text=text) == [f"with {text} in it"]


FIELDS: dict[str, dict[str, Any]] = {
    "title": {"summary": "canary"},
    "location": {"location": "canary"},
    "description": {"description": "canary"},
}


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(("shows", "visibility"), [("details", "private"), ("busy", "default"), ("nothing", "default")])
async def test_what_is_kept_back_is_not_found_by_text(diaries: Make, field: str, shows: str, visibility: str) -> None:
    found = await diaries()
    org = found.org
    found.put(org.member, **{"title": "Hidden", "visibility": visibility, **FIELDS[field]})
    found.put(org.admin, "Seen canary", 12)
    await found.share(org.member, shows)
    for text in ("canary", "c", "absent"):
        for params in ({}, {"member": [org.member.user_id, org.admin.user_id]}):
            page = await found.page(org.owner, text=text, **params)
            assert [event["title"] for event in page["events"]] == (["Seen canary"] if text != "absent" else [])
            assert page["next_cursor"] is None
        assert (await found.page(org.owner, text=text, member=org.member.user_id))["events"] == []
    assert len(await found.titles(org.member, text="canary")) == 2


@pytest.mark.parametrize("field", ["attendees", "organizer", "id", "iCalUID", "hangoutLink"])
async def test_other_fields_are_not_looked_into(diaries: Make, field: str) -> None:
    found = await diaries("Owner")
    values: dict[str, Any] = {"attendees": [{"email": "canary@example.com"}], "organizer": {"email": "canary@x.com"}}
    found.put(found.org.owner, "Standup", **{field: values.get(field, "https://canary")})
    assert await found.titles(found.org.owner, text="canary") == []


@pytest.mark.parametrize("visibility", ["private", "confidential", "known to a newer version", "default"])
async def test_pages_by_text_are_as_long_for_what_is_kept_back_as_for_what_is_not_there(
    diaries: Make, monkeypatch: pytest.MonkeyPatch, visibility: str
) -> None:
    """How far a search got tells how much it looked through, not what it found there."""
    monkeypatch.setattr(documents, "SEARCHED", 3)
    monkeypatch.setattr(documents, "FEWEST", 1)
    found = await diaries()
    for hour in range(10):
        found.put(found.org.member, "canary" if hour > 1 else "Else", hour, visibility=visibility)
    await found.share(found.org.member, "busy" if visibility == "default" else "details")
    lengths = {}
    for text in ("canary", "absent"):
        pages = await found.pages(found.org.owner, text=text, limit=1)
        assert all(page == [] for page in pages)
        lengths[text] = len(pages)
    assert lengths["canary"] == lengths["absent"] > 2


async def test_a_search_goes_on_where_a_page_found_nothing(diaries: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "SEARCHED", 2)
    found = await diaries()
    for hour in range(9):
        found.put(found.org.member, "Needle" if hour == 8 else "Hay", hour)
    found.put(found.org.member, "Long needle", -50, 60)
    pages = await found.pages(found.org.owner, text="needle", limit=1)
    assert len(pages) > 3
    assert [event["title"] for page in pages for event in page] == ["Long needle", "Needle"]


async def test_a_choice_made_in_between_holds_for_the_next_page_of_a_search(diaries: Make) -> None:
    found = await diaries()
    for hour in range(4):
        found.put(found.org.member, "canary", hour)
    first = await found.page(found.org.owner, text="canary", limit=2)
    await found.share(found.org.member, "busy")
    rest = await found.page(found.org.owner, text="canary", limit=2, cursor=first["next_cursor"])
    assert (len(first["events"]), rest["events"], rest["next_cursor"]) == (2, [], None)


async def test_a_visibility_that_nobody_knows_keeps_an_event_back(diaries: Make) -> None:
    found = await diaries()
    found.put(found.org.member, "canary", visibility="known to a newer version")
    assert await found.titles(found.org.owner, text="canary") == []
    assert await found.titles(found.org.owner) == [None]
