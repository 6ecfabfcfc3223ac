"""The organizations that callers are sent to, and those that they may change."""

import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp

from switchboard.comparison import service as comparison
from switchboard.runtime import service as service_keys
from switchboard.runtime.service import Grant
from tests.routes.agents import Documents, documents_of, fields, plant
from tests.routes.client import Answer, Client, Headers
from tests.routes.companies import (
    ADDITIONAL,
    BOUND_KEYS,
    GRANTEE_KEYS,
    GRANTEES,
    INVITED,
    MEMBERS,
    PERSONS,
    REMOVED,
    UNKNOWN_ROLE,
    Company,
    new_company,
)
from tests.routes.row import AGENT_KINDS, Child
from tests.world import Person, World

GIVEN_TO = {"use": "using", "edit": "editing", None: "former"}
FULL = 500  # as many changes of agents as one answer may hold


@dataclass
class Workshop:
    """Where somebody may change agents: those of `owner`, which the caller's organization owns or was given."""

    caller: Company
    owner: Company

    @property
    def hidden(self) -> set[str]:
        """What the caller must not be told of the owner."""
        agents = {text for agent in self.owner.agents.values() for text in agent.told}
        return {*self.owner.told} - agents - {*self.caller.told}


@dataclass
class Aside:
    """Organizations that nobody is sent to: agents are given to `guest`, and not yet to `stranger`."""

    guest: Company
    stranger: Company
    pattern: Documents


@dataclass
class Stage:
    """The organizations that callers are sent to.

    Most callers belong to `home`. Nobody of them belongs to `elsewhere`; one is Owner of `rival`; `gone` was deleted
    when everybody belonged to it; in `second` the members of `home` are Owners. The agents of `home` were given to
    `using` and `editing`, and to `former` until that was revoked. `whole`: every target is asked for by everybody.
    """

    client: Client
    aside: Aside
    home: Company
    elsewhere: Company
    rival: Company
    gone: Company
    second: Company
    using: Company
    editing: Company
    former: Company
    feed: str = ""  # where the feed of changes was before all of that
    whole: bool = True
    scoped: dict[tuple[str, str | None], str] = field(default_factory=dict)
    workshops: dict[str, Workshop] = field(default_factory=dict)

    @property
    def companies(self) -> tuple[Company, ...]:
        given = self.using, self.editing, self.former
        return (self.home, self.elsewhere, self.rival, self.gone, self.second, *given)

    def named(self, name: str) -> Company:
        company: Company = getattr(self, name)
        return company

    def grantee(self, caller: str) -> Company:
        """The organization of somebody whose organization was given the agents of `home`."""
        return self.named(GIVEN_TO[GRANTEES[caller]])

    def seen_by(self, caller: str) -> tuple[Company, ...]:
        """The organizations that somebody may be told of."""
        if caller in MEMBERS:
            return self.home, self.second
        if caller in BOUND_KEYS or caller in ("invitee", "joiner"):
            return (self.home,)
        if caller in GRANTEES:
            return (self.grantee(caller),)
        return (self.rival,) if caller in ("owner of another organization", "key of another organization") else ()

    async def headers(self, caller: str) -> Headers:
        if caller == "key of another organization":
            return await self.rival.headers("key as Admin")
        if caller in GRANTEE_KEYS:
            return await self.grantee(caller).headers("key as Owner")
        return await self.home.headers(caller)

    async def scoped_key(self, scope: str, bound: str | None) -> Headers:
        """What a service with one scope sends, bound to the organization of this name."""
        if (scope, bound) not in self.scoped:
            limits = (self.named(bound).org_id, "Owner") if bound else (None, None)
            _, text = await service_keys.create(scope, Grant([scope], *limits), datetime.now(UTC))
            self.scoped[scope, bound] = text
        return {"X-API-Key": self.scoped[scope, bound]}

    async def fresh(self, caller: str, child: str | None) -> Company:
        """An organization to throw away, with somebody in the role that they have at `home`, and what is needed."""
        members = {name: MEMBERS[name] for name in MEMBERS if name == caller}
        return await new_company(self.client, members, invited=INVITED if child in ("invite", "mine") else ())

    async def workshop(self, caller: str) -> Workshop:
        """One for each caller, for all that they may do with agents."""
        if caller not in self.workshops:
            members = {caller: MEMBERS.get(caller, ("Owner", ()))} if caller not in (*BOUND_KEYS, *GRANTEE_KEYS) else {}
            company = await new_company(self.client, members, invited=())
            owner = await new_company(self.client, {}, invited=()) if caller in GRANTEES else company
            self.workshops[caller] = Workshop(company, owner)
        return self.workshops[caller]

    def agent_for(self, caller: str, kind: Child) -> None:
        """A new agent in somebody's workshop, in place of the one before."""
        shop = self.workshops[caller]
        access = {shop.caller.org_id: str(GRANTEES[caller])} if caller in GRANTEES else {}
        owner = shop.owner.owns({self.aside.guest.org_id: "use", **access})
        shop.owner.agents[kind] = plant(self.client.world, self.aside.pattern, kind, owner)

    async def renew(self) -> None:
        """New organizations in place of those that were changed."""
        vars(self).update(vars(await new_stage(self.client)))


async def new_stage(client: Client) -> Stage:
    vendor = client.world.propelauth
    everybody = {**MEMBERS, **dict.fromkeys(REMOVED, ("Member", ()))}
    owner = {"owner": ("Owner", ())}
    elsewhere = await new_company(client, {})
    others = {name: await new_company(client, owner, invited=()) for name in ("rival", *GIVEN_TO.values())}
    outside = {caller: others[GIVEN_TO[access]].people["owner"] for caller, access in GRANTEES.items()}
    known = {**_persons(outside), "owner of another organization": others["rival"].people["owner"]}
    home = await new_company(client, everybody, known)
    second = await new_company(client, dict.fromkeys(MEMBERS, ("Owner", ())), _those(home, MEMBERS))
    gone = await new_company(client, everybody, _those(home, PERSONS))
    for caller, person in home.people.items():  # as long as everybody is in
        issued_at = time.time() - (0 if caller == "member removed just now" else 60)
        person.token = vendor.access_token(person.user_id, issued_at=issued_at)
    stage = Stage(client, await _aside(client), home, elsewhere, gone=gone, second=second, **others)
    await _with_agents(stage)
    for caller in REMOVED:
        vendor.remove_member(home.org_id, home.people[caller].user_id)
    await home.look(*REMOVED)
    vendor.delete_org(gone.org_id)
    await comparison.compare(client.world.services, gone.org_id, datetime.now(UTC))
    return stage


async def _aside(client: Client) -> Aside:
    guest, stranger = [await new_company(client, {}, invited=()) for _ in range(2)]
    made = await _asked(stranger, "POST", "", fields())
    agent_id = made.json()["agent_id"]
    await _asked(stranger, "PATCH", f"/{agent_id}", {"initial_message": "Hello again!"})
    return Aside(guest, stranger, documents_of(client.world, agent_id))


async def _with_agents(stage: Stage) -> None:
    """Agents in each state for everybody; those of `home` are given away as somebody would."""
    following = await stage.scoped_key("changes.read", None)
    stage.feed = (await stage.client.ask(("GET", "/internal/v1/changes"), following)).json()["cursor"]
    for company in stage.companies:
        for kind in AGENT_KINDS:
            begins: Child = "agent" if company is stage.home else kind
            company.agents[kind] = plant(stage.client.world, stage.aside.pattern, begins, company.owns({}))
    for kind in AGENT_KINDS:
        path = f"/{stage.home.agents[kind].agent_id}"
        for access, name in GIVEN_TO.items():
            await _asked(
                stage.home, "POST", f"{path}/grants", {"org_id": stage.named(name).org_id, "access": access or "edit"}
            )
        await _asked(stage.home, "DELETE", f"{path}/grants/{stage.former.org_id}")
    await _asked(stage.home, "POST", f"/{stage.home.agents['active agent'].agent_id}/activate")
    await _asked(stage.home, "DELETE", f"/{stage.home.agents['deleted agent'].agent_id}")


async def _asked(company: Company, method: str, path: str, body: Mapping[str, object] | None = None) -> Answer:
    """What an Owner has done with the agents of their organization."""
    headers = {**await company.headers("co-owner"), "If-Match": "*"}
    there = method, f"/v1/orgs/{company.org_id}/agents{path}"
    answer = await company.client.ask(there, headers, body=body)
    assert answer.status < 300, answer.text
    return answer


def _persons(people: Mapping[str, Person]) -> dict[str, Person]:
    return {caller: person for caller, person in people.items() if caller not in GRANTEE_KEYS}


def _those(company: Company, callers: Iterable[str]) -> dict[str, Person]:
    return {caller: company.people[caller] for caller in callers}


@asynccontextmanager
async def staged(world: World, *, whole: bool = True) -> AsyncIterator[Stage]:
    """A stage in a project with additional roles; the project's settings are put back afterwards."""
    settings, webhooks_go_to = world.propelauth.settings, world.propelauth.webhook_url
    before = settings.multi_role, settings.roles, settings.max_orgs_per_user
    settings.multi_role, settings.max_orgs_per_user = True, 100
    world.propelauth.webhook_url = None  # a late one would change what must stay as it is
    settings.roles = {**settings.roles, **{name: [] for name in (*ADDITIONAL, UNKNOWN_ROLE)}}
    try:
        connector = aiohttp.TCPConnector(keepalive_timeout=2)  # the server closes what is idle for five seconds
        async with aiohttp.ClientSession(connector=connector) as session:
            stage = await new_stage(Client(world, session))
            stage.whole = whole
            yield stage
    finally:
        settings.multi_role, settings.roles, settings.max_orgs_per_user = before
        world.propelauth.webhook_url = webhooks_go_to
