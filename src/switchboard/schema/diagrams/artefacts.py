"""The diagrams and the page about the data, as files: their names and what has to be in them."""

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Final

from switchboard.schema.diagrams.checklist import Ticked, checklist
from switchboard.schema.diagrams.data_model import data_model
from switchboard.schema.diagrams.dbml import dbml
from switchboard.schema.diagrams.dot import dot
from switchboard.schema.diagrams.drawing import colours_of, draw
from switchboard.schema.diagrams.mermaid import mermaid
from switchboard.schema.diagrams.outline import outline
from switchboard.schema.diagrams.png_file import note_of
from switchboard.schema.diagrams.svg import svg
from switchboard.schema.diagrams.texts import Diagrams
from switchboard.schema.registry import Registry

PAGE: Final = "data-model.md"


def diagrams_of(registry: Registry) -> Diagrams:
    """Every diagram of the registry but the PNG."""
    shown = outline(registry)
    drawing, colours = draw(shown), colours_of(shown)
    texts = {
        "er.mmd": mermaid(shown), "er.dbml": dbml(shown, colours), "er.dot": dot(shown, colours), "er.svg": svg(drawing)
    }  # fmt: skip
    return Diagrams(texts, drawing)


@dataclass(frozen=True)
class Artefacts:
    """What `switchboard er` writes of a registry, into a folder of this name and beside it."""

    registry: Registry
    folder: str = "er"

    @cached_property
    def diagrams(self) -> Diagrams:
        return diagrams_of(self.registry)

    @cached_property
    def checklist(self) -> list[Ticked]:
        return checklist(self.registry, self.diagrams)

    @cached_property
    def page(self) -> str:
        return data_model(self.registry, self.checklist, self.folder)

    @property
    def texts(self) -> dict[str, str]:
        """By the path from where the folder stands."""
        return {PAGE: self.page, **{f"{self.folder}/{name}": text for name, text in self.diagrams.texts.items()}}

    @property
    def picture_path(self) -> str:
        return f"{self.folder}/er.png"

    @property
    def note(self) -> str:
        """What the PNG carries, so that it is known which drawing it shows."""
        return sha256(self.diagrams.texts["er.svg"].encode()).hexdigest()

    def picture(self) -> bytes:
        """The PNG; ModuleNotFoundError without Pillow."""
        from switchboard.schema.diagrams.png import png

        return png(self.diagrams.drawing, self.note)

    def differing(self, kept: dict[str, bytes]) -> list[str]:
        """Of the files, by path, those that are missing or not what the code says."""
        found = [path for path, text in self.texts.items() if kept.get(path) != text.encode()]
        same = note_of(kept.get(self.picture_path, b"")) == self.note
        return found if same else [*found, self.picture_path]
