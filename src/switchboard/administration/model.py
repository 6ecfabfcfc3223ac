"""Organizations as a whole: what a new one is made of, and what goes when one is deleted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from switchboard.errors import Forbidden
from switchboard.organizations.model import Organization


class MayNotCreate(Forbidden):
    code = "may_not_create_organizations"
    message = "You may not create organizations."


@dataclass(frozen=True)
class NewOrganization:
    """`texts` are `display_name` and `description`, as far as they are given."""

    name: str
    texts: Mapping[str, Any]


@dataclass(frozen=True)
class Deletion:
    """What goes with an organization: counts by kind."""

    organization: Organization
    goes: Mapping[str, int]
