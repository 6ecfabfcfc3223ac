"""A revision as an organization may see it."""

from switchboard.agents.model import AgentRevision, Holding
from switchboard.audit.model import Actor
from switchboard.configurations.model import Configuration
from switchboard.errors import NotFound


class RevisionNotFound(NotFound):
    code = "revision_not_found"
    message = "The agent has no such revision. List its revisions to see which there are."


def author_for(held: Holding, revision: AgentRevision) -> Actor:
    """Who made it; members of another organization are told by id alone."""
    own = revision.author_org_id == held.acting.org_id
    return revision.author if own else revision.author.model_copy(update={"name": None})


def brought_back(held: Holding, revision: AgentRevision) -> Configuration:
    """The configuration of then with the number of now: another agent may have the old one."""
    return revision.configuration.model_copy(update={"phone_number": held.configuration.phone_number})
