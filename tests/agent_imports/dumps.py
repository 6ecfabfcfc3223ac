"""Records of the old agents service, and what an import of them stored."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from switchboard.agent_imports import service as agent_imports
from switchboard.agent_imports.model import Given, Organizations, Row
from switchboard.agent_imports.schemas import records_of
from switchboard.agent_imports.service import Import
from switchboard.configurations.model import SECRETS, Safe
from switchboard.crypto import KeyRing
from switchboard.services import Services
from tests.operators import Operator

CANARY = "canary-7c1e"
Record = dict[str, Any]


@dataclass
class Stored:
    """What is stored of the agents of an organization."""

    database: Any
    org_id: str
    ring: KeyRing

    def agent(self, legacy_id: str) -> Any:
        return self.database["agents"].find_one({"org_id": self.org_id, "legacy_id": legacy_id})

    def beside(self, name: str, agent_id: str) -> list[Any]:
        return list(self.database[name].find({"agent_id": agent_id}))

    def secrets(self, legacy_id: str) -> list[str]:
        """The three keys of an agent, opened."""
        agent = self.agent(legacy_id)
        (kept,) = self.beside("agent_configurations", agent["agent_id"])
        safe = Safe(self.ring, agent["agent_id"])
        sealed = (agent["chatbot_key"], kept["tts_config"]["tts_api_key"], kept["stt_config"]["api_key"])
        return [safe.open(path, value) for path, value in zip(SECRETS, sealed, strict=True)]

    def everything(self) -> str:
        """All that the database holds, as text."""
        return str([list(self.database[name].find()) for name in self.database.list_collection_names()])


@dataclass
class Importer:
    """An import in this process, into an organization of its own, called Acme there."""

    services: Services
    stored: Stored
    operator: Operator
    runs: list[str] = field(default_factory=list)

    async def imported(self, records: object, *, update: bool = False) -> list[Row]:
        self.runs.append(uuid4().hex)
        return await self._brought(records, run_id=self.runs[-1], update=update)

    async def dry(self, records: object, *, update: bool = False) -> list[Row]:
        with self.operator.untouched():
            return await self._brought(records, run_id=None, update=update)

    async def resumed(self, records: object) -> list[Row]:
        """The last run, gone on with."""
        return await self._brought(records, run_id=self.runs[-1], resumed=True)

    async def _brought(self, records: object, **options: Any) -> list[Row]:
        given: Sequence[Given] = list(records_of(records))
        organizations = Organizations({"Acme": self.stored.org_id}, {self.stored.org_id})
        work = Import(self.services, organizations, lambda: given, now, **options)
        return await agent_imports.bring(work, _done)

    async def taken_back(self, run_id: str) -> list[str]:
        with self.operator.untouched():
            dry = await agent_imports.take_back(self.services, run_id, now, dry_run=True)
        real = await agent_imports.take_back(self.services, run_id, now, dry_run=False)
        assert dry == real
        return sorted(each.outcome for each in real)


async def _done(_: int) -> None: ...


def now() -> datetime:
    return datetime.now(UTC)


def new_number() -> str:
    """One that no other test has."""
    return f"+4930{random.randrange(10**7, 10**8)}"


def stored_organization(database: Any, name: str) -> str:
    org_id = str(uuid4())
    times = dict.fromkeys(("created_at", "updated_at", "confirmed_at"), now())
    database["organizations"].insert_one({"org_id": org_id, "name": name, "confirmed_by": "backfill", **times})
    return org_id


def written(folder: Path, name: str, document: object) -> str:
    """A file of a dump; of a list with a name for JSON lines, a record a line."""
    path = folder / name
    lines = document if isinstance(document, list) and name.endswith(".jsonl") else [document]
    path.write_text("".join(f"{json.dumps(each)}\n" for each in lines))
    return str(path)


def mapping(folder: Path, org_id: str) -> str:
    path = folder / "organizations.csv"
    path.write_text(f"organization,org_id\nAcme,{org_id}\n")
    return str(path)


def outcomes(rows: Sequence[Row]) -> Mapping[str, str]:
    return {row.id: row.outcome for row in rows}


def row(rows: Sequence[Row], name: str) -> Row:
    return next(row for row in rows if row.id == name)
