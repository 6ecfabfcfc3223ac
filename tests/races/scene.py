"""An organization with its people at PropelAuth, the calls they make, and what must hold whatever they do."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from switchboard.users.model import fold_email
from tests.races.cluster import Cluster
from tests.world import Person

Document = dict[str, Any]

ENDING = ("role", "transfer", "remove", "leave")  # kinds of a change that may end ownership
PAUSE_SECONDS = 0.01


@dataclass(frozen=True)
class Call:
    """One caller. `kind` says what it wants. It starts `after` so many seconds, and asks again when `again` says so of
    the status it was answered.
    """

    kind: str
    person: Person | None
    method: str
    path: str
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    after: float = 0.0
    again: Callable[[int], bool] = lambda _: False

    async def make(self, api: httpx.AsyncClient) -> "Answer":
        headers = {**self.headers, **(self.person.headers if self.person else {})}
        sent = {"content": self.body} if isinstance(self.body, bytes) else {"json": self.body}
        await asyncio.sleep(self.after)
        while True:
            response = await api.request(self.method, self.path, headers=headers, **sent)
            if not self.again(response.status_code):
                return Answer.of(self.kind, self.person, response)


@dataclass(frozen=True)
class Answer:
    kind: str
    person: Person | None
    status: int
    code: str = ""
    body: Any = None

    @classmethod
    def of(cls, kind: str, person: Person | None, response: httpx.Response) -> "Answer":
        body = response.json() if response.content else None
        return cls(kind, person, response.status_code, body["code"] if response.is_error else "", body)

    def __str__(self) -> str:
        return " ".join(filter(None, (self.kind, str(self.status), self.code)))


@dataclass
class Scene:
    """`owner` is one of `members`, all of whom the mirror knows; `strangers` are people who are not in it."""

    org_id: str
    members: list[Person]
    strangers: list[Person]
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def at(self) -> str:
        return f"/v1/orgs/{self.org_id}"

    @property
    def owner(self) -> Person:
        return self.members[0]


async def scene(cluster: Cluster, roles: list[str], strangers: int = 0, **fields: Any) -> Scene:
    """A new organization with a member for each role, the first one an Owner, mirrored by the API itself.

    `fields` are the organization's at PropelAuth; everybody's e-mail is at a domain of its own.
    """
    domain = f"{uuid4().hex[:12]}.example"
    users = [cluster.propelauth.add_user(f"{number}@{domain}") for number in range(len(roles) + strangers)]
    if fields.get("domain_autojoin"):
        fields["domain"] = domain
    org = cluster.propelauth.add_org(f"Org {domain}", **fields)
    for user, role in zip(users, roles, strict=False):
        cluster.propelauth.add_member(org.org_id, user.user_id, role)
    people = [Person(user.user_id, user.email, cluster.propelauth.access_token(user.user_id)) for user in users]
    made = Scene(org.org_id, people[: len(roles)], people[len(roles) :])
    await _see(cluster.apis[0], made.at, made.owner)  # the organization first: who comes next needs it
    await asyncio.gather(
        *(_see(cluster.apis[i % len(cluster.apis)], made.at, each) for i, each in enumerate(made.members[1:]))
    )
    found = [*rules(await documents(cluster, made.org_id)), *await settled(cluster, made.org_id)]
    assert not found, found
    return made


async def _see(api: httpx.AsyncClient, at: str, person: Person) -> None:
    """The token claims a membership that the mirror lacks, so PropelAuth is asked, and the mirror knows it."""
    (await api.get(at, headers=person.headers)).raise_for_status()


async def invited(cluster: Cluster, scene: Scene, person: Person, role: str = "Member") -> str:
    """The id of a pending invite for this person."""
    body = {"email": person.email, "role_in_org": role}
    made = await cluster.apis[0].post(f"{scene.at}/invites", headers=scene.owner.headers, json=body)
    return str(made.raise_for_status().json()["invite_id"])


@dataclass(frozen=True)
class Documents:
    """All of one organization at one moment."""

    organization: Document | None
    memberships: list[Document]
    changes: list[Document]
    invites: list[Document]

    @property
    def pending(self) -> list[Document]:
        return [invite for invite in self.invites if invite["status"] == "pending"]

    @property
    def roles(self) -> dict[str, str]:
        return {each["user_id"]: each["role_in_org"] for each in self.memberships}

    def member(self, person: Person) -> bool:
        return person.user_id in self.roles


async def documents(cluster: Cluster, org_id: str) -> Documents:
    """What one snapshot of MongoDB holds: no transaction is seen in half."""
    database, which = cluster.database, {"org_id": org_id}
    async with cluster.mongo.start_session(snapshot=True) as session:
        organization = await database["organizations"].find_one(which, session=session)
        names = ("user_organizations", "membership_changes", "pending_invites")
        found = [await database[name].find(which, session=session).to_list() for name in names]
    return Documents(organization, *found)


async def audit(cluster: Cluster, org_id: str) -> Counter[str]:
    """How many entries of each action there are."""
    return Counter([entry["action"] async for entry in cluster.database["audit_log"].find({"org_id": org_id})])


def rules(found: Documents) -> Iterator[str]:
    """What must hold at any moment, in the middle of a race as well; a sentence for each rule that is broken."""
    if found.organization is None:
        yield "the organization is gone"
        return
    changing = {each["user_id"]: each for each in found.changes}
    owners = [user_id for user_id, role in found.roles.items() if role == "Owner" and not _ends(changing.get(user_id))]
    if "Owner" not in found.roles.values():
        yield "the mirror has no Owner"
    if found.organization["owner_count"] != len(owners):
        yield f"owner_count is {found.organization['owner_count']}, Owners are {len(owners)}"
    yield from _seats(found, found.organization)
    if len(found.roles) != len(found.memberships):
        yield "somebody is a member twice"
    waiting = Counter(invite["email_key"] for invite in found.pending)
    if any(times > 1 for times in waiting.values()):
        yield f"{max(waiting.values())} invites are pending for one e-mail"


def _ends(change: Document | None) -> bool:
    return change is not None and change["kind"] in ENDING and change["role_in_org"] != "Owner"


def _seats(found: Documents, organization: Document) -> Iterator[str]:
    joining = [each for each in found.changes if each["kind"] == "join" and each["user_id"] not in found.roles]
    taken = len(found.memberships) + len(joining) + len(found.pending)
    limit = organization["max_users"]
    if organization["seats_used"] != taken:
        yield f"seats_used is {organization['seats_used']}, taken are {taken}"
    if limit is not None and taken > limit:
        yield f"{taken} seats are taken, max_users is {limit}"


def rules_at_propelauth(cluster: Cluster, org_id: str) -> Iterator[str]:
    """What must hold there at any moment."""
    org, members = cluster.propelauth.org(org_id), cluster.propelauth.members(org_id)
    if not any(member.role == "Owner" for member in members):
        yield "PropelAuth has no Owner"
    if org.max_users is not None and len(members) > org.max_users:
        yield f"PropelAuth has {len(members)} members, max_users is {org.max_users}"


async def settled(cluster: Cluster, org_id: str) -> list[str]:
    """What is wrong once all callers are answered and all webhooks delivered."""
    found = await documents(cluster, org_id)
    truth = {member.user_id: member.role for member in cluster.propelauth.members(org_id)}
    theirs = {fold_email(invite.invitee_email) for invite in cluster.propelauth.pending_invites(org_id)}
    ours = {invite["email_key"] for invite in found.pending}
    wrong = []
    if found.roles != truth:
        wrong.append(f"the mirror says {_told(found.roles)}, PropelAuth {_told(truth)}")
    if ours != theirs:
        wrong.append(f"{len(ours)} invites are pending here, {len(theirs)} at PropelAuth")
    wrong += [f"a change was left over: {each['kind']} {each['role_in_org']}" for each in found.changes]
    waiting = await cluster.database["webhook_deliveries"].count_documents({"org_id": org_id, "state": {"$ne": "done"}})
    if waiting:
        wrong.append(f"{waiting} webhooks could not be acted on")
    return wrong


def _told(roles: dict[str, str]) -> dict[str, int]:
    return dict(Counter(roles.values()))


class Watch:
    """Looks at the rules, and at `more` of them, again and again while the callers run."""

    def __init__(self, cluster: Cluster, org_id: str, more: Callable[[], Awaitable[Iterable[str]]]) -> None:
        self.found: set[str] = set()
        self.looks = 0
        self._cluster, self._org_id, self._more = cluster, org_id, more
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Watch":
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def look(self) -> None:
        self.found.update(rules_at_propelauth(self._cluster, self._org_id))
        self.found.update(rules(await documents(self._cluster, self._org_id)))
        self.found.update(await self._more())
        self.looks += 1

    async def _run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(PAUSE_SECONDS)
