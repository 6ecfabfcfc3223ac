"""What has to be right about the entities and their diagrams, a line each, and a function that looks for what is not.

A line says nothing by itself: it is ticked when its function finds no fault in this registry and these diagrams.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from switchboard.schema.diagrams import checklist_diagrams as drawn
from switchboard.schema.diagrams import checklist_entities as entities
from switchboard.schema.diagrams import checklist_relations as relations
from switchboard.schema.diagrams.texts import Diagrams
from switchboard.schema.registry import Registry

Check = Callable[[Registry, Diagrams], Iterator[str]]

# A group is looked at only when those before it are without fault, for it builds on them.
GROUPS: Final[dict[str, dict[str, Check]]] = {
    "Entities": {
        "All nine entities are there": entities.nine,
        "Every entity has a purpose": entities.purposes,
        "Every entity has a key of its own fields, and no two documents share it": entities.keys,
        "Every field has a type, and defaults, choices and bounds agree with it": entities.types,
        "The tokens stand flat in the documents of their users, under the same key": entities.tokens,
        "Every field named like a secret is marked as one, and none of them is a key": entities.secrets,
        "Every index names fields that there are": entities.indexes,
        "Every reference names an entity and a field that there are": entities.references,
    },
    "Relations": {
        "Both ends of every reference have the same type": relations.types,
        "Cardinality is as the indexes and lists have it": relations.cardinality,
        "Every junction has one key out of two references, both required, and stands for an M:N": relations.junctions,
        "Delete rules can be kept: only what may be null is emptied, and no key is": relations.delete_rules,
        "Each of the nine has a relation to another one": relations.connected,
    },
    "Diagrams": {
        "Every entity is in every diagram, once": drawn.boxes,
        "Every field shown has its name, type, key marks, required and secret in every diagram": drawn.rows,
        "Every relation is a line in every diagram, with field and cardinality": drawn.lines,
        "Stored references are solid, conceptual ones dashed": drawn.styles,
        "In the picture no boxes overlap": drawn.apart,
        "In the picture no line runs through a box": drawn.around,
        "In the picture every line leads from its field to what that refers to": drawn.leading,
        "In the picture no two lines run into each other": drawn.distinct,
        "In the picture no text leaves its box, nor runs into another one": drawn.fitting,
        "The picture has a legend of all marks": drawn.legend,
    },
}


class Ticked(NamedTuple):
    """A line of the checklist, and what is wrong with it; nothing when it is ticked."""

    group: str
    line: str
    faults: tuple[str, ...]


def checklist(registry: Registry, diagrams: Diagrams) -> list[Ticked]:
    """Every line, looked at now."""
    found: list[Ticked] = []
    for group, lines in GROUPS.items():
        waits = any(each.faults for each in found)
        for line, check in lines.items():
            faults = ("waits for the lines above",) if waits else tuple(check(registry, diagrams))
            found.append(Ticked(group, line, faults))
    return found
