"""Documents that their model cannot read: such a one is left out of every list, and its own route fails."""

from collections.abc import AsyncIterator
from typing import Any, Final

from beanie import Document
from pydantic import BaseModel, ValidationError

from switchboard.schema.documents import DOCUMENTS
from switchboard.schema.integrity.findings import Examination, Fault, Kind
from switchboard.schema.integrity.walk import pieces, size_of

MODELS: Final[dict[type[Document], type[BaseModel]]] = {
    document: document.__mro__[1] if document.__mro__[1] is not Document else document for document in DOCUMENTS
}


async def size(examination: Examination) -> int:
    return sum([await size_of(examination.database[_name(document)]) for document in MODELS])


async def run(examination: Examination) -> AsyncIterator[Fault]:
    for document, model in MODELS.items():
        name = _name(document)
        kind = Kind(
            f"unreadable.{name}",
            name,
            "The model cannot read it, so it is left out wherever it belongs.",
            advice=f"'switchboard validators report --only {name}' names fields of a wrong type.",
        )
        async for piece in pieces(examination.database[name]):
            async for batch in piece.find({}):
                for stored in batch:
                    fields = unreadable(model, stored)
                    if fields is not None:
                        yield Fault(kind, (f"{stored['_id']} ({', '.join(fields)})",))
            examination.advance(piece.size)


def unreadable(model: type[BaseModel], stored: dict[str, Any]) -> list[str] | None:
    """Which fields a model cannot read; None when it reads the document."""
    try:
        model.model_validate(stored)
    except ValidationError as error:
        return sorted({str(item["loc"][0]) for item in error.errors(include_input=False) if item["loc"]})
    return None


def _name(document: type[Document]) -> str:
    return str(vars(document)["Settings"].name)
