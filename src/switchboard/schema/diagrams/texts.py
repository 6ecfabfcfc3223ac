"""The diagrams that were made, and what is read back from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from switchboard.schema.diagrams import dbml, dot, mermaid
from switchboard.schema.diagrams.drawing import Drawing
from switchboard.schema.diagrams.written import Diagram


@dataclass(frozen=True)
class Diagrams:
    """The texts by their files' names, and the drawing that the pictures show."""

    texts: Mapping[str, str]
    drawing: Drawing

    @cached_property
    def read(self) -> dict[str, Diagram]:
        """What the texts say that name every field and line; a picture says it in places and shapes."""
        readers = {"er.mmd": mermaid.read, "er.dbml": dbml.read, "er.dot": dot.read}
        return {name: read(self.texts[name]) for name, read in readers.items()}
