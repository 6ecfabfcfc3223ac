"""Organizations with everybody who may call: members in each role, strangers, services."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from switchboard.clients.propelauth_errors import PropelAuthUnavailable
from switchboard.comparison import service as comparison
from switchboard.memberships.model import Look
from switchboard.organizations import service as organizations
from switchboard.runtime import service as service_keys
from switchboard.runtime.service import Grant
from tests.routes.agents import PLANTED, Owner, Planted, new_number
from tests.routes.client import Client, Headers
from tests.routes.row import Child
from tests.world import Person, World

Rights = tuple[str, tuple[str, ...]]  # a role, additional roles

ADDITIONAL = ("agent_editor", "analyst")  # the second is one that only PropelAuth knows
UNKNOWN_ROLE = "Auditor"  # known at PropelAuth, not here: it permits nothing

MEMBERS: dict[str, Rights] = {
    "auditor": (UNKNOWN_ROLE, ()),
    "member": ("Member", ()),
    "editor": ("Member", ("agent_editor",)),
    "admin": ("Admin", ()),
    "owner": ("Owner", ()),
}
BOUND_KEYS: dict[str, Rights] = {
    "key as Member": ("Member", ()),
    "key as Admin": ("Admin", ()),
    "key as Owner": ("Owner", ()),
}
INVITED = ("invitee", "newcomer")  # the second has not confirmed their e-mail and may not create organizations
REMOVED = ("removed member", "member removed just now")  # their tokens still claim the membership
# In organizations that were given the agents of this one: what they may do with them, None once that was revoked.
GRANTEES: dict[str, str | None] = {
    "owner where agents are used": "use",
    "owner where agents are edited": "edit",
    "owner where agents were used": None,
    "key where agents are used": "use",
    "key where agents are edited": "edit",
}
GRANTEE_KEYS = tuple(caller for caller in GRANTEES if caller.startswith("key"))
GIVEN = tuple(caller for caller in GRANTEES if caller not in GRANTEE_KEYS)
OTHER_KEYS = ("key of another organization", "key without organization", "key without the scope", *GRANTEE_KEYS)
LIVE_KEYS = (*BOUND_KEYS, *OTHER_KEYS)
STRANGERS = ("stranger", "owner of another organization", *GIVEN, *REMOVED, *INVITED, "joiner")
PERSONS = (*STRANGERS, *MEMBERS)
UNKNOWN = (
    *("anonymous", "malformed token", "expired token", "token of another issuer"),
    *("unknown key", "revoked key", "expired key", "malformed token beside a key"),
)
BESIDE = "stranger's token beside a key"  # the token counts
CALLERS = (*UNKNOWN, *PERSONS, BESIDE, *LIVE_KEYS)

# There in every organization: another Owner, so that one can go, and somebody whom things happen to.
ALWAYS: dict[str, Rights] = {"co-owner": ("Owner", ()), "target": ("Member", ())}
MINUTE = timedelta(minutes=1)


@dataclass
class Company:
    """An organization and its callers. `invites` are the ids of pending ones, by invitee."""

    client: Client
    org_id: str
    name: str
    domain: str
    people: dict[str, Person]
    invites: dict[str, str] = field(default_factory=dict)
    keys: dict[str, tuple[str, str]] = field(default_factory=dict)  # id and text, by caller
    agents: dict[Child, Planted] = field(default_factory=dict)

    @property
    def world(self) -> World:
        return self.client.world

    @property
    def told(self) -> tuple[str, ...]:
        """What in an answer tells of it."""
        target, author = self.people["target"], self.people["co-owner"]
        agents = [text for agent in self.agents.values() for text in agent.told]
        told = self.org_id, self.name, target.user_id, target.email, author.email
        return (*told, *self.invites.values(), *agents)

    @property
    def an_owner(self) -> Person:
        return self.people.get("owner", self.people["co-owner"])

    def child(self, kind: Child | None, caller: str) -> str:
        """What of it a row names: its target, an agent, its invite, or the invite for who is calling."""
        if kind in self.agents:
            return self.agents[kind].agent_id
        if kind in ("invite", "mine"):
            return self.invites.get(caller if kind == "mine" else "invitee", self.invites["invitee"])
        return self.people["target"].user_id

    async def headers(self, caller: str) -> Headers:
        """What somebody sends to say who is calling."""
        token = self.world.propelauth.access_token
        if caller == "anonymous":
            return {}
        if caller == "expired token":
            return _bearer(token(self.an_owner.user_id, issued_at=time.time() - 7200))
        if caller == "token of another issuer":
            return _bearer(token(self.an_owner.user_id, iss="https://other.example.com"))
        if caller == "malformed token":
            return _bearer("not.a.token")
        if caller == "malformed token beside a key":
            return {**_bearer("not.a.token"), "X-API-Key": await self._key("key as Admin")}
        if caller == BESIDE:
            return {**await self.headers("stranger"), "X-API-Key": await self._key("key as Admin")}
        if caller not in self.people:
            return {"X-API-Key": await self._key(caller)}
        person = self.people[caller]
        person.token = person.token or token(person.user_id)
        return person.headers

    async def _key(self, caller: str) -> str:
        """The text of a service's key, made when it is first asked for."""
        if caller not in self.keys:
            now = datetime.now(UTC)
            key, text = await service_keys.create(caller, self._grant(caller), now)
            if caller == "revoked key":
                await service_keys.revoke(key.key_id, now)
            self.keys[caller] = key.key_id, text[:-1] if caller == "unknown key" else text
        return self.keys[caller][1]

    def _grant(self, caller: str) -> Grant:
        role = BOUND_KEYS.get(caller, ("Admin", ()))[0]
        if caller == "key without organization":
            return Grant(["organizations"])
        if caller == "key without the scope":
            return Grant(["agents.runtime"], self.org_id, role)
        return Grant(["organizations"], self.org_id, role, -1 if caller == "expired key" else None)

    def names(self, caller: str) -> dict[str, str]:
        """What `{names}` in a row stand for; those that are new are so each time."""
        new = uuid4().hex[:12]
        acting = self.people.get(caller, self.people["target"]).user_id
        return {
            "self": self.keys[caller][0] if caller in self.keys else acting,
            "owner": self.an_owner.user_id,
            "new_name": f"New {new}",
            "new_domain": f"{new}.example",
            "new_email": f"new-{new}@elsewhere.example",
            "new_number": new_number(),
            "new_key": f"{PLANTED}-{new}",
            "now": datetime.now(UTC).isoformat(),
        }

    def owns(self, given: Mapping[str, str]) -> Owner:
        """For agents of it; whose author is one of its Owners."""
        author = self.people["co-owner"]
        return Owner(self.org_id, author.user_id, author.email, given)

    async def look(self, *callers: str) -> None:
        """Mirror how these people stand at PropelAuth now."""
        for caller in callers:
            look = Look("webhook", datetime.now(UTC))
            await organizations.refresh_member(self.world.services, self.org_id, self.people[caller].user_id, look)

    async def mirror(self) -> None:
        """Mirror all of it, and let its invites be mailed long enough ago to be mailed again."""
        for tries_left in (2, 1, 0):  # a hundred callers at once may keep the emulator busy for a second
            try:
                await comparison.compare(self.world.services, self.org_id, datetime.now(UTC))
                break
            except PropelAuthUnavailable:
                if not tries_left:
                    raise
        invites = self.world.database["pending_invites"]
        invites.update_many({"org_id": self.org_id}, {"$set": {"last_sent_at": datetime.now(UTC) - 2 * MINUTE}})
        found = {invite["invitee_email"]: invite["invite_id"] for invite in invites.find({"org_id": self.org_id})}
        emails = {person.email: caller for caller, person in self.people.items()}
        self.invites = {emails.get(email, email): invite_id for email, invite_id in found.items()}


async def new_company(
    client: Client,
    members: Mapping[str, Rights],
    people: Mapping[str, Person] | None = None,
    invited: Iterable[str] = INVITED,
) -> Company:
    """An organization with these members, and with everybody who does not belong to it; `people` are there already."""
    vendor, unique = client.world.propelauth, uuid4().hex[:12]
    org = vendor.add_org(f"Company {unique}")
    domain = f"{unique}.example"
    company = Company(client, org.org_id, org.name, domain, dict(people or {}))
    roles = {**ALWAYS, **members}
    for caller in {*STRANGERS, *roles} - company.people.keys():
        company.people[caller] = _person(client.world, caller, domain)
    for caller, (role, additional) in roles.items():
        vendor.add_member(org.org_id, company.people[caller].user_id, role, additional)
    vendor.update_org(org.org_id, domain=domain, domain_autojoin=True)
    for caller in invited:
        vendor.invite(company.people[caller].email, org.org_id, "Member")
    await company.mirror()
    return company


def _person(world: World, caller: str, domain: str) -> Person:
    """Members and whoever may join have an address at the organization's domain, all others have not."""
    inside = caller not in STRANGERS or caller in (*REMOVED, "joiner")
    email = f"{uuid4().hex[:12]}@{domain if inside else 'elsewhere.example'}"
    newcomer = caller == "newcomer"
    user = world.propelauth.add_user(email, email_confirmed=not newcomer, can_create_orgs=not newcomer)
    return Person(user.user_id, email, "")


def _bearer(token: str) -> Headers:
    return {"Authorization": f"Bearer {token}"}
