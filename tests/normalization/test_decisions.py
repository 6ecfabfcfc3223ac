"""What is changed in a document, shape by shape, with plain objects."""

from datetime import UTC, datetime, timedelta
from typing import Any

import bson
import pytest
from bson import DatetimeMS, Int64, ObjectId
from bson.codec_options import CodecOptions, DatetimeConversion
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devstack.old_shapes import BASIC, CALENDAR, SHAPES, old_user
from switchboard.merging.model import variant
from switchboard.normalization.model import FIELDS, OBSOLETE, TO_LOOK_AT, Change, Options, Tally, decide
from switchboard.users.model import User

Json = dict[str, Any]

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
MADE = datetime(2025, 7, 1, 9, 30, 15, tzinfo=UTC)
SCOPES = [*BASIC, *CALENDAR]
AS_IT_IS = Options()
DROPPING = Options(drop_obsolete=True, client_id="ours")
CODEC: CodecOptions[Json] = CodecOptions(tz_aware=True, datetime_conversion=DatetimeConversion.DATETIME_AUTO)


def document(**fields: object) -> Json:
    return {"_id": ObjectId.from_datetime(MADE), "user_id": "u", "created_at": MADE, **fields}


def decided(options: Options = AS_IT_IS, **fields: object) -> Change:
    return decide(document(**fields), options, NOW)


def changed(stored: Json, change: Change) -> Json:
    """The document once the change is made."""
    kept = {name: value for name, value in stored.items() if name not in change.before}
    return {**kept, **change.after}


def names(change: Change) -> dict[str, str]:
    return {name: kind for kind, name in change.kinds}


def to_look_at(change: Change) -> list[str]:
    return [name for finding, name in change.findings if finding in TO_LOOK_AT]


LIST, ACCESS, CREATED = "scope_to_list", "access_from_scopes", "created_at_from_id"


@pytest.mark.parametrize(
    ("number", "name", "changes"),
    [
        (1, "v1_with_names", {"scope": LIST, "created_at": CREATED}),
        (10, "v1", {"scope": LIST, "created_at": CREATED}),
        (12, "v1_refreshed", {"scope": LIST}),
        (13, "v2", {"created_at": CREATED}),
        (14, "v3", {"created_at": CREATED, "has_calendar_access": ACCESS}),
        (5, "v2_then_v3", {"created_at": CREATED, "token_expiration": "expiration_to_int"}),
        (6, "welcome_only", {"created_at": CREATED}),
        (17, "welcome_then_sign_in", {"created_at": CREATED, "has_calendar_access": ACCESS}),
        (18, "v3", {"created_at": CREATED, "has_calendar_access": ACCESS}),
        (9, "guide", {}),
    ],
)
def test_each_of_the_ten_shapes_has_its_name_and_what_is_changed_in_it(
    number: int, name: str, changes: dict[str, str]
) -> None:
    stored = old_user(number)

    change = decide(stored, AS_IT_IS, NOW)

    assert variant(stored) == name
    assert names(change) == changes
    assert not to_look_at(change)
    clean = changed(stored, change)
    assert set(clean) == set(stored) | {"created_at"}
    assert isinstance(clean.get("scope", []), list)
    assert clean["created_at"] <= stored["_id"].generation_time


def test_the_ninth_shape_is_two_documents_of_one_user_id() -> None:
    first, second = old_user(14, duplicates=True), old_user(18, duplicates=True)

    assert first["user_id"] == second["user_id"] != old_user(18)["user_id"]
    assert first["_id"] != second["_id"]


def test_documents_of_this_service_are_told_apart_and_clean() -> None:
    stored = document(email="a@example.com", email_confirmed=True, updated_at=MADE, enabled=True)

    assert (variant(stored), decide(stored, AS_IT_IS, NOW).kinds) == ("switchboard", ())


@pytest.mark.parametrize(
    ("fields", "after"),
    [
        ({"scope": " ".join(SCOPES)}, {"scope": SCOPES, "has_calendar_access": True}),
        ({"scope": [" ".join(SCOPES)]}, {"scope": SCOPES, "has_calendar_access": True}),
        ({"scope": "openid", "has_calendar_access": False}, {"scope": ["openid"]}),
        ({"scopes": SCOPES}, {"scope": SCOPES, "scopes": SCOPES, "has_calendar_access": True}),
        ({"scope": None, "scopes": "openid"}, {"scope": ["openid"], "scopes": "openid", "has_calendar_access": False}),
        (
            {"scope": "", "scopes": ["openid"]},
            {"scope": ["openid"], "scopes": ["openid"], "has_calendar_access": False},
        ),
        ({"scope": SCOPES, "has_calendar_access": False}, {"scope": SCOPES, "has_calendar_access": True}),
        ({"scope": SCOPES, "has_calendar_access": 1}, {"scope": SCOPES, "has_calendar_access": True}),
        ({"scope": [], "has_calendar_access": True}, {"scope": [], "has_calendar_access": False}),
        ({"scope": [], "scopes": SCOPES, "has_calendar_access": False}, {}),
        ({"scope": None, "has_calendar_access": True}, {}),
        ({"has_calendar_access": True, "scopes": []}, {}),
        ({"token_expiration": 1_751_365_000.7}, {"token_expiration": 1_751_365_000}),
        ({"token_expiration": "1751365000"}, {"token_expiration": 1_751_365_000}),
        ({"token_expiration": MADE}, {"token_expiration": int(MADE.timestamp())}),
        ({"token_expiration": Int64(1_751_365_000)}, {}),
        ({"token_expiration": None}, {}),
        ({"created_at": MADE + timedelta(days=3)}, {"created_at": MADE}),
        ({"created_at": None}, {"created_at": MADE}),
        ({"created_at": MADE - timedelta(days=3)}, {}),
        ({"created_at": MADE + timedelta(seconds=1)}, {}),
        ({"created_at": "2025-06-01T00:00:00Z"}, {"created_at": datetime(2025, 6, 1, tzinfo=UTC)}),
        ({"created_at": "2025-08-01T00:00:00Z"}, {"created_at": MADE}),
        ({"updated_at": MADE.timestamp()}, {"updated_at": MADE}),
        ({"refresh_token": None, "expires_in": 3599, "timezone": "Mars/Olympus", "anything": {"a.b": 1}}, {}),
    ],
)
def test_values_become_what_they_are_read_as(fields: Json, after: Json) -> None:
    change = decided(**fields)

    assert change.after == after
    assert not to_look_at(change)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("scope", value) for value in (" ", "", [""], ["openid", None], 5, {"a": 1})),
        *(("token_expiration", value) for value in (True, float("nan"), "soon", 1_751_365_000_000, 2.0**60)),
        *(("created_at", value) for value in ("yesterday", DatetimeMS(2**62), True)),
        *(("updated_at", value) for value in ("yesterday", [])),
        *(("email", 5), ("first_name", ["Ada"]), ("welcome_form_completed", "yes"), ("enabled", 0), ("scopes", [1])),
        *(("has_calendar_access", "yes"), ("access_token", {"token": "x"})),
    ],
)
def test_a_value_that_reads_as_absent_is_shown_to_a_person_and_stays(name: str, value: object) -> None:
    change = decided(**{name: value})

    assert ("odd_value", name) in change.findings
    assert name not in {changed for _, changed in change.kinds}


def test_a_disconnect_is_neither_written_nor_undone() -> None:
    """An empty list says that the person disconnected the calendar: a refresh under way then stores nothing."""
    for scope in ("", " ", None, [" "]):
        assert decided(scope=scope, refresh_token="r").after.get("scope") != []
    assert "scope" not in names(decided(scope=[], scopes=SCOPES))


@pytest.mark.parametrize(
    "made_by_hand", ["text", 7, ObjectId("000000000000000000000001"), ObjectId("ffffffff0000000000000000"), None]
)
def test_an_id_that_holds_no_time_says_nothing_of_the_creation(made_by_hand: object) -> None:
    with_time = decide({"_id": made_by_hand, "user_id": "u", "created_at": MADE}, AS_IT_IS, NOW)
    without = decide({"_id": made_by_hand, "user_id": "u"}, AS_IT_IS, NOW)

    assert (with_time.kinds, without.kinds) == ((), ())
    assert without.findings == (("no_creation_time", "created_at"),)


@pytest.mark.parametrize("user_id", [None, "", 7, {"a": 1}])
def test_a_document_without_a_user_id_is_shown_to_a_person(user_id: object) -> None:
    assert ("no_user_id", "user_id") in decided(user_id=user_id).findings


def test_what_was_looked_at_is_part_of_the_write() -> None:
    """Otherwise a disconnect between read and write, which leaves the flag as it is, would end in a granted flag."""
    image = decided(scope=SCOPES, has_calendar_access=False)

    assert image.before == {"scope": SCOPES, "has_calendar_access": False}
    assert decided(scopes="openid").before["scopes"] == "openid"
    assert decided(DROPPING, scope=["openid"], scopes="x", has_calendar_access=False).before["scope"] == ["openid"]


def test_obsolete_fields_go_only_on_request_and_only_those_that_nobody_reads() -> None:
    fields = {"propels_access_token": "p", "expires_in": 5, "scope": ["openid"], "scopes": ["x"], "user_info": {}}
    ours = {**fields, "client_id": "ours", "client_secret": "s", "name": "Ada", "has_calendar_access": False}

    assert decided(**ours).kinds == ()
    dropping = decided(DROPPING, **ours)
    assert set(dropping.before) - set(dropping.after) == set(OBSOLETE)
    another = decided(DROPPING, **{**ours, "client_id": "another"})
    assert set(another.before) - set(another.after) == {"propels_access_token", "expires_in", "scopes"}
    assert another.findings == (("another_client", "client_id"),)
    unknown = decided(DROPPING, scope=None, scopes=5)
    assert "scopes" not in unknown.before


def test_scopes_that_move_may_go_at_once() -> None:
    change = decided(DROPPING, scopes=["openid"], has_calendar_access=False)

    assert (change.before["scopes"], change.after) == (["openid"], {"scope": ["openid"]})


def test_samples_show_ids_and_sizes_and_never_a_text() -> None:
    tally = Tally()
    for _ in range(9):
        told = {"scope": "s3cret openid", "access_token": {"s3cret": 1}, "timezone": "s3cret@example.com"}
        tally.look(decided(**told, created_at="2031-01-01"))

    assert tally.counts["looked_at"] == tally.counts["change_scope_to_list"] == 9
    assert [len(samples) for samples in tally.samples.values()] == [3] * len(tally.samples)
    assert "s3cret" not in str(tally.samples)
    sample = tally.samples["change_scope_to_list"][0]
    assert (sample["user_id"], sample["before"], sample["after"]) == ("u", "text of 13 characters", "list of 2")


ODD: tuple[Any, ...] = (
    *(
        None,
        "",
        " ",
        "text",
        "openid  profile",
        " ".join(SCOPES),
        "1751365000",
        "9" * 400,
        "2025-01-02T03:04:05.678901Z",
    ),
    *(
        "0001-01-01T00:00:00+23:59",
        0,
        1,
        -1,
        2**31,
        Int64(5),
        2**63 - 1,
        True,
        False,
        1.5,
        1_751_365_000.9,
        -0.0,
        1e308,
    ),
    *(float("nan"), float("inf"), [], [""], ["a", 1, None], [[["deep"]]], SCOPES, [" ".join(SCOPES)], BASIC[:1]),
    *({}, {"a": {"b": 1}}, {"$set": 2, "a.b": 1}, MADE, MADE + timedelta(days=9), DatetimeMS(2**62), ObjectId()),
)
DIRTY = (*(name for name in FIELDS if "." not in name and name != "user_id"), "user_info", "welcome_form_data", "other")
documents = st.builds(
    lambda number, odd, given_id: bson.decode(bson.encode({**old_user(number), **odd, **given_id}), CODEC),
    st.integers(0, 20 * SHAPES),
    st.dictionaries(st.sampled_from(DIRTY), st.sampled_from(ODD), max_size=8),
    st.sampled_from(({}, {"_id": 7}, {"_id": ObjectId("000000000000000000000001")})),
)
REPAIRED = {"created_at": True, "token": {"created_at", "has_calendar_access"}}


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    documents,
    st.sampled_from((AS_IT_IS, DROPPING, Options(drop_obsolete=True, client_id="old-client.apps.example.com"))),
)
def test_any_document_is_clean_after_one_change_and_read_as_before(stored: Json, options: Options) -> None:
    change = decide(stored, options, NOW)
    clean = changed(stored, change)

    again = decide(clean, options, NOW)
    assert again.kinds == ()
    assert again.findings == change.findings
    gone = set(stored) - set(clean)
    assert gone <= (set(OBSOLETE) if options.drop_obsolete else set())
    touched = {name for _, name in change.kinds}
    same = {name for name in stored if name not in touched}
    assert bson.encode({name: clean[name] for name in same}) == bson.encode({name: stored[name] for name in same})

    before, after = User.model_validate(stored), User.model_validate(clean)
    client = {"client_id", "client_secret"} if options.drop_obsolete else set()
    excluded: Any = {**REPAIRED, "token": REPAIRED["token"] | client}
    assert before.model_dump(exclude=excluded) == after.model_dump(exclude=excluded)
    assert before.token.reads_calendar == after.token.reads_calendar
    assert (before.token.scope == []) or (after.token.has_calendar_access == after.token.reads_calendar)
    if before.created_at is not None and after.created_at is not None:
        assert after.created_at <= before.created_at


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents)
def test_a_decision_looks_at_nothing_but_the_fields_that_are_read_for_it(stored: Json) -> None:
    shown = {name: value for name, value in stored.items() if name in {"_id", *FIELDS}}
    if isinstance(stored.get("user_info"), dict):
        shown["user_info"] = {name: value for name, value in stored["user_info"].items() if name == "id"}

    for options in (AS_IT_IS, DROPPING):
        whole, part = decide(stored, options, NOW), decide(shown, options, NOW)
        assert repr((whole.before, whole.after, whole.kinds)) == repr((part.before, part.after, part.kinds))
        assert sorted(whole.findings) == sorted(part.findings)
