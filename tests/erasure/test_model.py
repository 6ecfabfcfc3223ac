"""What goes with a person is read from the registry's delete rules."""

import pytest

from switchboard.annotations import DeleteRule, Reference
from switchboard.erasure.model import (
    ErasureBlocked,
    Part,
    Rule,
    actors_in,
    check_nothing_blocks,
    nobody,
    rules_of,
)
from switchboard.schema.reading import read_registry
from switchboard.schema.registry import Entity, Field, Registry
from switchboard.users.model import InvalidEmail, fold_email


def entity(name: str, *fields: Field) -> Entity:
    return Entity(name, "", name.lower(), ("id",), (Field("id", "string"), *fields), ())


def naming(target: str, on_delete: DeleteRule, *, many: bool = False) -> Field:
    return Field(target.lower(), "string", many=many, reference=Reference(target, on_delete))


def told(rules: tuple[Rule, ...]) -> list[object]:
    return [(rule.holder.name, rule.on_delete, told(rule.within)) for rule in rules]


def test_what_hangs_on_what_goes_goes_before_it() -> None:
    registry = Registry(
        [
            entity("User"),
            entity("Pet", naming("User", "cascade")),
            entity("Toy", naming("Pet", "cascade")),
            entity("Photo", naming("Pet", "keep")),
        ]
    )
    assert told(rules_of(registry)) == [("Pet", "cascade", [("Toy", "cascade", [])])]


def test_what_stays_takes_nothing_with_it() -> None:
    registry = Registry(
        [
            entity("User"),
            entity("Letter", naming("User", "nullify")),
            entity("Stamp", naming("Letter", "cascade")),
            entity("Club", naming("User", "cascade", many=True)),
            entity("Room", naming("Club", "cascade")),
            entity("Log", naming("User", "keep")),
        ]
    )
    rules = rules_of(registry)
    assert told(rules) == [("Letter", "nullify", []), ("Club", "cascade", []), ("Log", "keep", [])]
    assert [rule.takes_documents for rule in rules] == [False, False, False]
    assert [Part(rule, (), "ada", 1).becomes for rule in rules] == ["emptied", "out of the list", "kept"]


def test_those_that_refer_to_each_other_are_told_of_once() -> None:
    registry = Registry(
        [entity("User"), entity("Egg", naming("User", "cascade"), naming("Hen", "cascade")),
         entity("Hen", naming("Egg", "cascade"))]
    )  # fmt: skip
    assert told(rules_of(registry)) == [("Egg", "cascade", [("Hen", "cascade", [])])]


def test_a_document_that_may_not_lose_its_person_stands_against_it() -> None:
    registry = Registry([entity("User"), entity("Flat", naming("User", "restrict"))])
    (rule,) = rules_of(registry)
    check_nothing_blocks([Part(rule, ("ada",), "ada", 0)])
    with pytest.raises(ErasureBlocked, match=r"may not lose the person: 2 of flat\.user\. Hand them over"):
        check_nothing_blocks([Part(rule, ("ada",), "ada", 0), Part(rule, ("ada",), "ada", 2)])


def test_what_names_the_person_itself_is_not_told_of_twice() -> None:
    registry = Registry(
        [entity("User"), entity("Pet", naming("User", "cascade")),
         entity("Toy", naming("User", "cascade"), naming("Pet", "cascade"))]
    )  # fmt: skip
    pets, toys = rules_of(registry)
    (hanging,) = pets.within
    assert Part(toys, ("ada",), "ada").which == {"user": {"$in": ["ada"]}}
    assert Part(hanging, ("rex",), "ada").which == {"pet": {"$in": ["rex"]}, "user": {"$ne": "ada"}}


def test_every_place_that_tells_who_did_something_is_known() -> None:
    assert {"audit_log": "actor", "agent_revisions": "author", "membership_changes": "actor"}.items() <= dict(
        actors_in(read_registry())
    ).items()


def test_of_the_real_registry_all_that_cascades_goes_and_events_go_before_their_calendars() -> None:
    registry = read_registry()
    rules = rules_of(registry)
    direct = {
        (relation.holder, relation.on_delete)
        for relation in registry.relations
        if relation.target == "User" and relation.stored and registry[relation.holder].owner is None
    }
    assert {(rule.holder.name, rule.on_delete) for rule in rules} == direct
    (calendars,) = (rule for rule in rules if rule.holder.name == "Calendar")
    assert [rule.holder.name for rule in calendars.within] == ["CalendarEvent"]
    assert {"Connection", "WorkingHours", "UserOrganization"} <= {r.holder.name for r in rules if r.takes_documents}


def test_an_anonymised_person_has_an_address_that_is_nobodys_and_always_the_same() -> None:
    assert nobody("ada") == nobody("ada") != nobody("bob")
    assert nobody("ada").endswith("@anonymised.invalid")
    assert "ada" not in nobody("ada")
    with pytest.raises(InvalidEmail):  # nobody is ever invited by it
        fold_email(nobody("ada"))
