"""What SQL databases refuse, as sentences a person can act on. None quotes a statement, a value or an address."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import sqlalchemy.exc as sa

from switchboard.errors import Conflict, Misconfigured, SwitchboardError, Unavailable

LOGIN: Final = "The SQL database refused the user or the password of the address."
NO_DATABASE: Final = "The SQL database of the address does not exist; create it, then export again."
NO_RIGHT: Final = "The user of the address lacks a right on the SQL database: it creates and fills tables."
FULL: Final = "The disk of the SQL database is full: nothing was exported. Make room, then export again."
SILENT: Final = "The SQL database does not answer at the address, or refuses connections."
BUSY: Final = "The SQL database is locked by another program. Try again when that is done."
TWICE: Final = (
    "A value that must be unique is there twice, so the SQL database refused it; 'switchboard doctor' finds it."
)
TOO_LARGE: Final = "A row is larger than the SQL database takes at once: raise max_allowed_packet there."
NOT_SQLITE: Final = "The file of the address is not a SQLite database."
NO_FILE: Final = "The file of the address cannot be opened: is its folder there, and may it be written?"

Said = tuple[type[SwitchboardError], str]
_SAID: Final[dict[str | int, Said]] = {
    **dict.fromkeys((1045, 1698, "28P01", "28000"), (Misconfigured, LOGIN)),
    **dict.fromkeys((1049, "3D000"), (Misconfigured, NO_DATABASE)),
    **dict.fromkeys((1044, 1142, 1227, 1370, "42501", "SQLITE_READONLY", "SQLITE_PERM"), (Misconfigured, NO_RIGHT)),
    **dict.fromkeys((1021, 1114, "53100", "SQLITE_FULL"), (Unavailable, FULL)),
    **dict.fromkeys((2003, 2002, 2005, 2006, 2013, 1040, "53300", "57P01", "57P03", "57014"), (Unavailable, SILENT)),
    **dict.fromkeys((1205, 1213, "55P03", "40P01", "SQLITE_BUSY", "SQLITE_LOCKED"), (Unavailable, BUSY)),
    **dict.fromkeys(
        (1062, "23505", "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE"),
        (Conflict, TWICE),
    ),
    1153: (Misconfigured, TOO_LARGE),
    "SQLITE_NOTADB": (Misconfigured, NOT_SQLITE),
    "SQLITE_CANTOPEN": (Misconfigured, NO_FILE),
}
# psycopg knows no code of a refusal that comes before the connection stands.
_WORDS: Final = (("authentication failed", LOGIN), ("no password", LOGIN), ("does not exist", NO_DATABASE))


@contextmanager
def told() -> Iterator[None]:
    """Whatever the SQL database refuses comes out as an error of ours."""
    try:
        yield
    except sa.DBAPIError as error:
        raise as_our_error(error.orig) from None
    except sa.SQLAlchemyError as error:
        raise SwitchboardError(f"The SQL database cannot be used for this ({type(error).__name__}).") from None


def as_our_error(error: Any) -> SwitchboardError:
    """`error` is that of the driver."""
    code = _code(error)
    if code in _SAID:
        kind, sentence = _SAID[code]
        return kind(sentence)
    for words, sentence in _WORDS:
        if code is None and words in str(error):
            return Misconfigured(sentence)
    if code is None and type(error).__name__ == "OperationalError":
        return Unavailable(SILENT)
    return SwitchboardError(f"The SQL database refused the export ({type(error).__name__} {code or '-'}).")


def _code(error: Any) -> str | int | None:
    """SQLite's name, PostgreSQL's SQLSTATE or MySQL's number of an error."""
    arguments = getattr(error, "args", ())
    if arguments and isinstance(arguments[0], int):
        return arguments[0]
    found = getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None)
    return None if found is None else str(found)


@contextmanager
def told_of_files(place: str) -> Iterator[None]:
    """Whatever goes wrong with files comes out as an error of ours."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise Unavailable(f"The disk of {place} is full: nothing was exported. Make room, then again.") from None
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise Misconfigured(f"{place} may not be written by this user.") from None
        raise Misconfigured(f"{place} cannot be used: {error.strerror or type(error).__name__}.") from None
