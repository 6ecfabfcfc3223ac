"""Each line of the checklist turns red for what it is about, and for nothing else."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from switchboard.annotations import Reference
from switchboard.schema.diagrams.artefacts import diagrams_of
from switchboard.schema.diagrams.checklist import GROUPS, checklist
from switchboard.schema.diagrams.texts import Diagrams
from switchboard.schema.reading import read_registry
from switchboard.schema.registry import Field, Registry, Relation
from tests.schema.broken import entity, field, registry_with

RIGHT = read_registry()
DIAGRAMS = diagrams_of(RIGHT)
Break = Callable[[], tuple[Registry, Diagrams]]


def of(*changed: Any, without: str = "") -> Break:
    """A broken registry with diagrams of the right one; only lines about entities and relations look at it alone."""
    return lambda: (registry_with(*changed, without=without), DIAGRAMS)


def text(name: str, old: str, new: str) -> Break:
    """A diagram that says something else."""

    def broken() -> tuple[Registry, Diagrams]:
        was = DIAGRAMS.texts[name]
        assert old in was
        return RIGHT, Diagrams({**DIAGRAMS.texts, name: was.replace(old, new, 1)}, DIAGRAMS.drawing)

    return broken


def moved(name: str, **fields: Any) -> Break:
    """A box that stands elsewhere, with the lines drawn as they would be then."""

    def broken() -> tuple[Registry, Diagrams]:
        drawing = diagrams_of(RIGHT).drawing
        boxes = {**drawing.boxes, name: replace(drawing.boxes[name], **fields)}
        return RIGHT, Diagrams(DIAGRAMS.texts, replace(drawing, boxes=boxes))

    return broken


def rerouted(change: Callable[[Any], None]) -> Break:
    """Lines that run otherwise."""

    def broken() -> tuple[Registry, Diagrams]:
        diagrams = diagrams_of(RIGHT)
        change(diagrams.drawing.routing)
        return RIGHT, diagrams

    return broken


def lane_lost(routing: Any) -> None:
    """Two trunks in one lane."""
    names = max(routing.orders.values(), key=len)
    routing.lane_x = lambda channel, _: 500.0 + channel * 400
    assert len(names) > 1


def through_boxes(routing: Any) -> None:
    routing.lane_x = lambda *_: routing.boxes["User"].x + 20


def piece_lost(routing: Any) -> None:
    whole = routing.segments
    routing.segments = lambda net: set(sorted(whole(net))[1:])


class Unjoined(Registry):
    """Says of every relation that it is 1:N, and of junctions nothing."""

    @property
    def relations(self) -> list[Relation]:  # type: ignore[override]
        return [replace(each, cardinality="1:N") for each in super().relations if each.through is None]


class Alone(Registry):
    """Agents' configurations hold nothing."""

    @property
    def relations(self) -> list[Relation]:  # type: ignore[override]
        return [each for each in super().relations if each.holder != "AgentConfiguration"]


def other(kind: type[Registry]) -> Break:
    return lambda: (kind(list(RIGHT)), DIAGRAMS)


BROKEN: dict[str, list[Break]] = {
    "All nine entities are there": [of(without="PendingInvite")],
    "Every entity has a purpose": [of(entity("Turn", purpose=""))],
    "Every entity has a key of its own fields, and no two documents share it": [
        of(entity("Agent", indexes=())),
        of(entity("Calendar", key=())),
        of(entity("Calendar", key=("calendar",))),
    ],
    "Every field has a type, and defaults, choices and bounds agree with it": [
        of(field("Agent", "name", kind="text")),
        of(field("Agent", "status", default="asleep")),
        of(field("Agent", "revision", default="one")),
        of(field("AgentConfiguration", "tts_config", fields=())),
        of(field("AgentConfiguration", "revision", maximum=0)),
        of(field("Agent", "name", default="Ada")),
        of(field("Organization", "extra_domains", default="none")),
    ],
    "The tokens stand flat in the documents of their users, under the same key": [
        of(entity("UserToken", owner=None)),
        of(entity("UserToken", collection="user_tokens")),
        of(entity("UserToken", key=("client_id",))),
        of(entity("User", fields=(*RIGHT["User"].fields, Field("scope", "string")))),
    ],
    "Every field named like a secret is marked as one, and none of them is a key": [
        of(field("UserToken", "refresh_token", secret=None)),
        of(field("Agent", "chatbot_key", secret=None)),
        of(field("Agent", "agent_id", secret=RIGHT["Agent"].field("chatbot_key").secret)),
    ],
    "Every index names fields that there are": [
        of(entity("Calendar", fields=tuple(each for each in RIGHT["Calendar"].fields if each.name != "lane")))
    ],
    "Every reference names an entity and a field that there are": [
        of(field("Booking", "user_id", reference=Reference("Person", "cascade"))),
        of(field("Booking", "user_id", reference=Reference("User", "keep", "mail"))),
        of(field("Booking", "user_id", reference=Reference("UserOrganization", "cascade"))),
        of(without="Run"),
    ],
    "Both ends of every reference have the same type": [of(field("Booking", "user_id", kind="integer"))],
    "Cardinality is as the indexes and lists have it": [other(Unjoined)],
    "Every junction has one key out of two references, both required, and stands for an M:N": [
        of(field("UserOrganization", "org_id", reference=None)),
        of(field("OrganizationAgent", "agent_id", nullable=True)),
        other(Unjoined),
    ],
    "Delete rules can be kept: only what may be null is emptied, and no key is": [
        of(field("CalendarEvent", "user_id", reference=Reference("User", "nullify"))),
        of(field("PendingInvite", "invitee_email", reference=Reference("User", "cascade", "email"))),
    ],
    "Each of the nine has a relation to another one": [other(Alone)],
    "Every entity is in every diagram, once": [
        of(without="SealingCheck"),
        text("er.mmd", "  Agent {", "  Clerk {"),
        text("er.dbml", 'Table "Agent" [', 'Table "Clerk" ['),
        text("er.dot", '"Agent" [label', '"Clerk" [label'),
        text("er.svg", ">Agent<", ">Clerk<"),
    ],
    "Every field shown has its name, type, key marks, required and secret in every diagram": [
        of(field("Agent", "chatbot_api", required=True)),
        text("er.mmd", 'string chatbot_key "may be null, sealed"', 'string chatbot_key "may be null"'),
        text("er.dbml", '"invite_id" "string" [pk, ', '"invite_id" "string" ['),
        text("er.dot", '<B>calendar_id *</B></TD><TD ALIGN="LEFT">string', "<B>calendar_id *</B></TD><TD>json"),
        text("er.svg", ">chatbot_key<", ">chatbot_cat<"),
        text("er.svg", ">sealed<", ">secret<"),
        text("er.svg", ">PK FK<", ">PK<"),
    ],
    "Every relation is a line in every diagram, with field and cardinality": [
        of(field("Agent", "legacy_id", reference=Reference("Calendar", "keep"))),
        text("er.mmd", "User ||--o{ Consent", "User ||--o| Consent"),
        text("er.dbml", '"Turn"."user_id" - "User"', '"Turn"."user_id" > "User"'),
        text("er.dot", '"Channel":"calendar_id/out"', '"Channel":"user_id/out"'),
        rerouted(lambda routing: routing.nets.pop()),
    ],
    "Stored references are solid, conceptual ones dashed": [
        text("er.mmd", "||--o{ Consent", "||..o{ Consent"),
        text("er.dbml", 'Ref "conceptual by value"', "Ref"),
        text("er.dot", "style=dashed", "style=solid"),
        text("er.svg", ' stroke-dasharray="5 4"', ""),
    ],
    "In the picture no boxes overlap": [moved("Agent", y=DIAGRAMS.drawing.boxes["Organization"].y + 5)],
    "In the picture no line runs through a box": [rerouted(through_boxes), moved("PendingInvite", x=500)],
    "In the picture every line leads from its field to what that refers to": [
        rerouted(piece_lost),
        moved("Agent", x=DIAGRAMS.drawing.boxes["Agent"].x + 3),
    ],
    "In the picture no two lines run into each other": [rerouted(lane_lost)],
    "In the picture no text leaves its box, nor runs into another one": [
        text("er.svg", ">enable_auto_joining_by_domain<", f">{'enable_' * 12}<"),
        moved("User", width=120),
    ],
    "The picture has a legend of all marks": [text("er.svg", ">type[]<", "><")],
}


def test_everything_is_ticked_as_it_is() -> None:
    assert [each for each in checklist(RIGHT, DIAGRAMS) if each.faults] == []


def test_every_line_is_broken_here() -> None:
    assert set(BROKEN) == {line for lines in GROUPS.values() for line in lines}


@pytest.mark.parametrize(
    ("line", "number"), [(line, number) for line, breaks in BROKEN.items() for number in range(len(breaks))]
)
def test_a_line_turns_red(line: str, number: int) -> None:
    registry, diagrams = BROKEN[line][number]()
    [check] = [lines[line] for lines in GROUPS.values() if line in lines]
    assert list(check(registry, diagrams)) != []


def test_lines_wait_for_those_that_they_build_on() -> None:
    found = checklist(registry_with(field("Booking", "user_id", reference=Reference("Person", "cascade"))), DIAGRAMS)
    assert {each.group for each in found if each.faults == ("waits for the lines above",)} == {"Relations", "Diagrams"}
    assert [each.line for each in found if each.group == "Entities" and each.faults] == [
        "Every reference names an entity and a field that there are"
    ]
