"""What changes of some organizations and their people, here and at PropelAuth, from one look to the next."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from tests.routes.companies import Company
from tests.world import World

# Where an organization and all that belongs to it is kept.
KEPT = (
    *("organizations", "user_organizations", "pending_invites", "membership_changes", "audit_log"),
    *("agents", "agent_configurations", "organization_agents", "agent_revisions", "agent_changes"),
    "calendar_sharing",
)


class Watch:
    def __init__(self, world: World, companies: Sequence[Company]) -> None:
        self._world = world
        self._org_ids = [company.org_id for company in companies]
        self._user_ids = {person.user_id for company in companies for person in company.people.values()}
        self._seen = self._look()

    def changes(self) -> list[str]:
        """What is different from the last look."""
        before, self._seen = self._seen, self._look()
        return [f"changed {name}" for name in sorted({*before, *self._seen}) if before[name] != self._seen[name]]

    def _look(self) -> defaultdict[str, list[Any]]:
        first, *others = ([{"$match": self._ours(name)}, {"$set": {"kept_in": name}}] for name in KEPT)
        unions = [{"$unionWith": {"coll": name, "pipeline": p}} for name, p in zip(KEPT[1:], others, strict=True)]
        found = defaultdict[str, list[Any]](list)
        for document in self._world.database[KEPT[0]].aggregate([*first, *unions]):
            found[document.pop("kept_in")].append(document)
        vendor, mine = self._world.propelauth.world, set(self._org_ids)
        people = [each for each in vendor.memberships if each.org_id in mine or each.user_id in self._user_ids]
        found["members at PropelAuth"] = [repr(each) for each in people]
        found["invites at PropelAuth"] = [repr(each) for each in vendor.invites if each.org_id in mine]
        found["organizations at PropelAuth"] = [repr(vendor.orgs[i]) for i in self._org_ids if i in vendor.orgs]
        return found

    def _ours(self, name: str) -> dict[str, Any]:
        """What is theirs in a collection; their agents are watched wherever they are given to."""
        mine = {"org_id": {"$in": self._org_ids}}
        if name == "agent_changes":
            return {"org_ids": {"$in": self._org_ids}}
        if name != "organization_agents":
            return mine
        agents = self._world.database["agents"].distinct("agent_id", mine)
        return {"$or": [mine, {"agent_id": {"$in": agents}}]}
