"""What a model says of its fields beside their types: what they refer to, which are secret, how no value reads.

Written into a field's `Annotated`; the registry (`switchboard.schema`) reads it from there. The delete rules of people
are carried out as they stand (`switchboard.erasure`): a new `Reference("User", "cascade")` deletes documents. For all
other entities a function of the feature does, and tests hold the two together.
"""

from dataclasses import dataclass
from typing import Final, Literal

DeleteRule = Literal["cascade", "restrict", "nullify", "keep"]


@dataclass(frozen=True)
class Reference:
    """That a field holds the key of another entity, named by its model, or a list of such keys.

    `on_delete` says what becomes of the holder when the other is deleted: it goes as well (`cascade`), it stands
    against that (`restrict`), its field is emptied (`nullify`), or it stays and names what is no more (`keep`). With a
    `field` it is not the key that is held, but another field's value: nothing then holds the two together.
    """

    entity: str
    on_delete: DeleteRule
    field: str | None = None


@dataclass(frozen=True)
class Secret:
    """That a field is never shown, logged or exported unasked. `sealed`: nor ever stored in the clear."""

    sealed: bool = False


@dataclass(frozen=True)
class Flat:
    """That a field's model is an entity of its own, whose fields stand in the document beside those of its owner."""


@dataclass(frozen=True)
class ReadAs:
    """What a field without a value is read as by everybody; nothing is stored for it."""

    value: str


SECRET: Final = Secret()
SEALED: Final = Secret(sealed=True)
FLAT: Final = Flat()
