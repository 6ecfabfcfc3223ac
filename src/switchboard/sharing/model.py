"""What may be shared, and with whom."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from switchboard.agents.model import Access, Holding, OrganizationAgent, Step
from switchboard.audit.model import Action
from switchboard.errors import Conflict, NotFound

Given = Literal["edit", "use"]


class OwnOrganization(Conflict):
    code = "own_organization"
    message = "The agent belongs to this organization already."


class GrantNotFound(NotFound):
    code = "grant_not_found"
    message = "The agent is not shared with this organization."


class GranteeNotFound(NotFound):
    code = "grantee_not_found"
    message = "There is no organization with this id. Ask the people there for it."


@dataclass(frozen=True)
class Wanted:
    """What an organization is to have; access None takes it away. `new`: it need not have anything yet."""

    org_id: str
    access: Given | None
    new: bool = False

    def step(self, held: Holding, before: Access | None, now: datetime) -> Step:
        """How it comes to that from the access it has; raises `OwnOrganization`, `GrantNotFound`."""
        if self.org_id == held.agent.org_id:
            raise OwnOrganization if self.new else GrantNotFound
        if before is None and not self.new:
            raise GrantNotFound
        action: Action = "agent.share_changed" if before else "agent.shared"
        return Step(
            held,
            action if self.access else "agent.share_revoked",
            ("sharing",),
            {"org_ids": self._org_ids(held.agent.org_ids)},
            now,
            before=self._told(before),
            after=self._told(self.access),
            others=(self.org_id,),
        )

    def _org_ids(self, org_ids: list[str]) -> list[str]:
        left = [each for each in org_ids if each != self.org_id]
        return [*left, self.org_id] if self.access else left

    def _told(self, access: Access | None) -> dict[str, str] | None:
        return None if access is None else {"org_id": self.org_id, "access": access}


def shared(links: list[OrganizationAgent]) -> list[OrganizationAgent]:
    """The grants among them."""
    return [link for link in links if link.access != "owner"]
