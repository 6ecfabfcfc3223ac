"""The address of a SQL database, as operators write it."""

from pathlib import Path
from typing import Final, get_args

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from switchboard.errors import Misconfigured
from switchboard.schema.sql.tables import DRIVERS, DialectName

KNOWN: Final = "mysql, postgresql or sqlite"
# What people write for what the drivers here are called.
OTHER_NAMES: Final = {"mariadb": "mysql", "postgres": "postgresql"}
NO_ADDRESS: Final = (
    "This is no address of a database, such as postgresql://user:password@host/database or sqlite:///file."
)


def read_dialect(text: str) -> DialectName:
    """Raises `Misconfigured` for any other word."""
    for name in get_args(DialectName):
        if text == name:
            found: DialectName = name
            return found
    raise Misconfigured(f"The dialect has to be {KNOWN}.")


def read_address(text: str) -> tuple[sa.URL, DialectName]:
    """The address, with the driver that is installed for it unless it names one. Raises `Misconfigured`."""
    try:
        url = sa.make_url(text)
    except (ArgumentError, ValueError):  # its words quote the address, password included
        raise Misconfigured(NO_ADDRESS) from None
    backend, _, driver = url.drivername.partition("+")
    dialect = read_dialect(OTHER_NAMES.get(backend, backend))
    url = url.set(drivername=f"{dialect}+{driver}" if driver else DRIVERS[dialect])
    if dialect == "sqlite" and url.database in (None, "", ":memory:"):
        raise Misconfigured("A SQLite database needs a file: sqlite:///file.db")
    if dialect != "sqlite" and not url.database:
        raise Misconfigured(f"The address names no database: {dialect}://user:password@host/DATABASE")
    return url, dialect


def engine(url: sa.URL, **arguments: object) -> sa.Engine:
    """Raises `Misconfigured` when the driver is not installed."""
    try:
        return sa.create_engine(url, **arguments)
    except (ModuleNotFoundError, NoSuchModuleError):
        driver = url.drivername.partition("+")[2]
        raise Misconfigured(
            f"The driver {driver} is not installed. The extra 'sql' brings those for mysql:// and postgresql://: "
            "pip install 'switchboard[sql]'"
        ) from None
    except (ArgumentError, TypeError, ValueError):
        raise Misconfigured(NO_ADDRESS) from None


def place(url: sa.URL) -> str:
    """What may be shown of it: neither user, password nor options."""
    if url.host is None:
        return f"{url.get_backend_name()}:///{url.database}"
    return f"{url.get_backend_name()}://{url.host}{f':{url.port}' if url.port else ''}/{url.database}"


def file_of(url: sa.URL) -> Path | None:
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None
