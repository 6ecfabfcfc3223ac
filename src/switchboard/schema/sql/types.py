"""Types of columns that each dialect keeps in a way of its own."""

import json
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

MILLISECONDS: Final = 3  # digits: what a date of MongoDB has


class Moment(TypeDecorator[datetime]):
    """A time in UTC to the millisecond.

    PostgreSQL has a type for it. MySQL's TIMESTAMP ends in 2038, so there it is a DATETIME that is read as UTC; SQLite
    has no dates, and keeps ISO 8601.
    """

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":  # the dialect's own descriptor would forget the precision
            return postgresql.TIMESTAMP(timezone=True, precision=MILLISECONDS)
        own = mysql.DATETIME(fsp=MILLISECONDS) if dialect.name == "mysql" else sa.Text()
        return dialect.type_descriptor(own)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if dialect.name == "sqlite":
            return as_text(value)
        return value.replace(tzinfo=None) if dialect.name == "mysql" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        found: datetime = datetime.fromisoformat(value) if dialect.name == "sqlite" else value
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


class JsonText(TypeDecorator[Any]):
    """JSON for SQLite. Its own columns of that name read a number in them as one, and round it."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, _: Dialect) -> str | None:
        return None if value is None else as_json(value)

    def process_result_value(self, value: str | None, _: Dialect) -> Any:
        return None if value is None else json.loads(value)


def as_json(value: object) -> str:
    """JSON as it is stored: letters of all alphabets as they are."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def as_text(moment: datetime) -> str:
    """ISO 8601 to the millisecond, of a time in UTC. The year always has four digits."""
    return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
