"""Organizations that are made, changed and deleted, on the wire."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from switchboard.administration.model import Deletion, NewOrganization
from switchboard.organizations.model import MOST_DOMAINS
from switchboard.users.model import read_domain

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000, pattern=r"^[^\x00]*$")]
Domain = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=253), AfterValidator(read_domain)
]


class OrganizationCreate(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: Name = Field(examples=["Northwind Voice"])
    display_name: Text = Field(default="", examples=["Northwind"])
    description: Text = ""

    def new(self) -> NewOrganization:
        texts = self.model_dump(include={"display_name", "description"} & self.model_fields_set)
        return NewOrganization(self.name, {name: text for name, text in texts.items() if text})


class OrganizationUpdate(BaseModel):
    """A field left out stays as it is; PropelAuth cannot empty one by null. Fields from `domain` on are the Owner's."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: Name = Field(default="", examples=["Northwind Voice"])
    display_name: Text = ""
    description: Text = ""
    domain: Domain = Field(default="", examples=["northwind.example"])
    extra_domains: list[Domain] = Field(default=[], max_length=MOST_DOMAINS)
    enable_auto_joining_by_domain: bool = False
    members_must_have_matching_domain: bool = False
    max_users: int = Field(default=1, ge=1, le=1_000_000)
    can_setup_saml: bool = False

    def changes(self) -> dict[str, Any]:
        """The fields that were sent."""
        sent: dict[str, Any] = self.model_dump(include=self.model_fields_set)
        return sent


class DeletionPreview(BaseModel):
    """What goes with the organization when it is deleted: counts by kind."""

    org_id: str
    name: str
    goes: dict[str, int]

    @classmethod
    def of(cls, deletion: Deletion) -> "DeletionPreview":
        return cls(org_id=deletion.organization.org_id, name=deletion.organization.name, goes=dict(deletion.goes))
