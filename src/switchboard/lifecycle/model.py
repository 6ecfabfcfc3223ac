"""What an agent's status does not allow."""

from switchboard.errors import Conflict


class NotDeleted(Conflict):
    code = "agent_not_deleted"
    message = "This agent is not deleted, so there is nothing to restore."
