"""What a restoration takes."""

from pydantic import BaseModel

from switchboard.agents.schemas import STRICT


class AgentRestore(BaseModel):
    """`without_number`: if another agent has its number by now."""

    model_config = STRICT

    without_number: bool = False
