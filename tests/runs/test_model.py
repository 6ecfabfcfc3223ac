"""Decisions about runs and their images, with plain objects."""

from datetime import UTC, datetime, timedelta

import pytest

from switchboard.runs.model import Image, OtherOptions, Run, Undone

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def run(**fields: object) -> Run:
    times = {"leased_until": NOW + timedelta(seconds=30), "begun_at": NOW, "updated_at": NOW}
    return Run.model_validate({"run_id": "r1", "name": "normalize-users", "holder": "host:1", **times, **fields})


def test_an_image_of_changed_fields_finds_the_document_only_as_it_was_read() -> None:
    image = Image(7, {"scope": "a b", "old": 1}, {"scope": ["a", "b"], "new": 2})

    assert image.still_before() == {
        "_id": 7,
        "scope": {"$eq": "a b", "$not": {"$type": "array"}},
        "old": {"$eq": 1, "$not": {"$type": "array"}},
        "new": {"$exists": False},
    }
    assert image.change() == {"$set": {"scope": ["a", "b"], "new": 2}, "$unset": {"old": ""}}


def test_undoing_is_the_change_the_other_way_round() -> None:
    image = Image(7, {"scope": "a b", "old": 1}, {"scope": ["a", "b"], "new": 2})
    back = Image(7, image.after, image.before)

    assert image.undo() == back.change()
    assert image.still_after() == back.still_before()


def test_an_attempt_after_one_of_its_own_finds_what_is_as_it_was_read_and_what_is_changed_already() -> None:
    held = "a long text"
    image = Image(7, {"scope": "a", "held": held, "old": None}, {"scope": ["a"], "held": held})

    assert image.still_before_or_after() == {
        "_id": 7,
        "held": {"$eq": held, "$not": {"$type": "array"}},
        "$or": [
            {
                "scope": {"$eq": "a", "$not": {"$type": "array"}},
                "old": {"$eq": None, "$exists": True, "$not": {"$type": "array"}},
            },
            {"scope": {"$eq": ["a"], "$not": {"$elemMatch": {"$eq": ["a"]}}}, "old": {"$exists": False}},
        ],
    }


def test_a_null_is_not_the_same_as_nothing() -> None:
    assert Image(7, {"scope": None}, {}).still_before()["scope"]["$exists"] is True
    assert Image(7, {}, {"scope": None}).still_before()["scope"] == {"$exists": False}


def test_a_run_goes_on_by_the_same_options_only() -> None:
    run(arguments={"drop": True}).check_options({"drop": True})
    with pytest.raises(OtherOptions, match=r"\(drop=True\).*runs abandon r1"):
        run(arguments={"drop": True}).check_options({"drop": False})


def test_images_never_show_what_documents_held() -> None:
    assert "s3cret" not in repr(Image(7, {"access_token": "s3cret"}, {}))


def test_a_document_that_goes_whole_is_found_only_without_fields_that_others_added() -> None:
    removed, inserted = Image(7, {"_id": 7, "a": 1}, None), Image(7, None, {"_id": 7, "a": 1})
    size = {"$expr": {"$eq": [{"$size": {"$objectToArray": "$$ROOT"}}, 2]}}

    same = {"$not": {"$type": "array"}}
    whole = {"_id": {"$eq": 7, **same}, "a": {"$eq": 1, **same}, **size}
    assert removed.still_before() == inserted.still_after() == whole
    assert "$expr" not in Image(7, {"a": 1}, {"a": 2}).still_before()


@pytest.mark.parametrize(
    ("undone", "told"),
    [
        (Undone(3, 0, 0), "3 changes were taken back."),
        (Undone(1, 2, 4), "1 changes were taken back; 2 were back already; 4 stay, for others changed them since."),
    ],
)
def test_what_was_undone_is_told_without_what_there_was_none_of(undone: Undone, told: str) -> None:
    assert undone.told() == told
