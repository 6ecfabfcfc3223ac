"""Organizations and people at PropelAuth, and what a back-fill told of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from devstack.propelauth import Org, PropelAuthEmulator, User
from switchboard.backfill import service as backfill
from switchboard.backfill.model import Drift, Position
from switchboard.backfill.service import Backfill
from switchboard.clients.patience import Patience
from switchboard.services import Services
from switchboard.settings import Settings
from tests.mirror import here, there
from tests.operators import Ended, Operator
from tests.world import World

FAST = ("--requests-per-second", "100")


@dataclass
class Project:
    propelauth: PropelAuthEmulator
    operator: Operator

    @property
    def database(self) -> Any:
        return self.operator.database

    def person(self, name: str, **fields: Any) -> User:
        return self.propelauth.add_user(f"{name.lower()}@example.com", first_name=name, last_name="Lovelace", **fields)

    def organization(self, name: str, **fields: Any) -> Org:
        """With an Owner, a Member and a pending invite."""
        org = self.propelauth.add_org(name, **fields)
        for role in ("Owner", "Member"):
            self.propelauth.add_member(org.org_id, self.person(f"{role}.of.{name}").user_id, role)
        self.propelauth.invite(f"invited.by.{name.lower()}@example.com", org.org_id, "Admin")
        return org

    async def filled(self, *arguments: str, **variables: str) -> Ended:
        return await self.operator.run("backfill", "--json", *FAST, *arguments, **variables)

    def is_mirrored(self) -> bool:
        """Whether every organization is here as it is there."""
        known = {each["org_id"] for each in self.database["organizations"].find()}
        everywhere = self.propelauth.world.orgs.keys() | known
        return all(here(self.database, org_id) == there(self.propelauth, org_id) for org_id in everywhere)

    def stored(self, user: User) -> Any:
        return self.database["users"].find_one({"user_id": user.user_id})

    def let_time_pass(self) -> None:
        """So much that a run whose process died may be taken over, and a mail is not new any more."""
        past = datetime.now(UTC) - timedelta(minutes=1)
        self.database["runs"].update_many({}, {"$set": {"leased_until": past}})
        self.database["pending_invites"].update_many({}, {"$set": {"last_sent_at": past}})


@dataclass
class Inside:
    """A back-fill in this process, on the project's database."""

    project: Project
    services: Services

    async def dry(self) -> Position:
        with self.project.operator.untouched():
            return await self._gone_on(None)

    async def filled(self) -> Position:
        return await self._gone_on(_kept)

    async def _gone_on(self, keep: Any) -> Position:
        self.services.propelauth.be_patient(Patience(1_000, 3.0))
        work = Backfill(self.services, Position(), lambda: datetime.now(UTC), _bar, keep)
        await backfill.go_on(work)
        return work.position


async def _kept(_: dict[str, Any]) -> None: ...


@contextmanager
def _bar(_: int, __: str) -> Iterator[Callable[[int], None]]:
    yield lambda _: None


def settings_of(project: Project, world: World) -> Settings:
    auth = project.propelauth
    own = {
        "auth_url": auth.auth_url,
        "api_address": auth.url,
        "api_key": SecretStr(auth.api_key),
        "verifier_key": auth.verifier_key_pem,
    }
    mongodb = world.settings.mongodb.model_copy(update={"database": project.operator.name})
    propelauth = world.settings.propelauth.model_copy(update=own)
    return world.settings.model_copy(update={"mongodb": mongodb, "propelauth": propelauth})


def told(lines: list[dict[str, Any]]) -> dict[tuple[str, str, str], int]:
    """What a report says of each entity, field and kind."""
    return {(line["entity"], line["field"], line["kind"]): line["count"] for line in lines}


def counts(drift: Drift) -> dict[tuple[str, str, str], int]:
    return told(drift.model_dump()["lines"])
