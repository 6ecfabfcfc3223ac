"""Organizations: made, changed, deleted."""

from typing import Any, TypedDict, Unpack

from devstack.propelauth.base import Base
from devstack.propelauth.model import Org, is_id, new_id
from devstack.propelauth.refusals import Refused, invalid


class OrgFields(TypedDict, total=False):
    max_users: int | None
    metadata: dict[str, Any]
    domain: str | None
    extra_domains: list[str]
    domain_autojoin: bool
    domain_restrict: bool
    can_setup_saml: bool
    is_saml_configured: bool
    is_saml_in_test_mode: bool
    custom_role_mapping_name: str | None
    legacy_org_id: str | None
    require_2fa_by: str | None
    password_rotation_enabled: bool
    password_rotation_history_size: int
    password_rotation_period: int


class OrgActions(Base):
    def add_org(self, name: str, *, org_id: str | None = None, **fields: Unpack[OrgFields]) -> Org:
        """Nobody is added to it. Event org.created."""
        if not self.settings.organizations_enabled:
            raise Refused(426)
        if org_id is not None and (not is_id(org_id) or org_id in self.world.orgs):
            raise invalid("org_id", "Not a free version 4 UUID")
        self._check_org(name, fields.get("custom_role_mapping_name"), None)
        if (fields.get("domain_autojoin") or fields.get("domain_restrict")) and not fields.get("domain"):
            raise invalid("domain", "A domain is needed to join or restrict by it")
        org = Org(org_id or new_id(), name, self.clock.now(), **fields)
        self.world.orgs[org.org_id] = org
        self.webhooks.emit("org.created", org_id=org.org_id, name=org.name)
        return org

    def update_org(self, org_id: str, *, name: str | None = None, **fields: Unpack[OrgFields]) -> Org:
        """Metadata are replaced as a whole. Event org.updated."""
        org = self.org(org_id)
        self._check_org(name if name is not None else org.name, fields.get("custom_role_mapping_name"), org_id)
        changes = {**fields, "name": name} if name is not None else dict(fields)
        for attribute, value in changes.items():
            setattr(org, attribute, value)
        self.webhooks.emit("org.updated", org_id=org_id)
        return org

    def delete_org(self, org_id: str) -> None:
        """Its memberships and invites go with it, without events of their own. Event org.deleted."""
        self.org(org_id)
        del self.world.orgs[org_id]
        self.world.memberships = [m for m in self.world.memberships if m.org_id != org_id]
        self.world.invites = [invite for invite in self.world.invites if invite.org_id != org_id]
        self.webhooks.emit("org.deleted", org_id=org_id)

    def _check_org(self, name: str, mapping: str | None, org_id: str | None) -> None:
        if not name.strip():
            raise invalid("name", "Name must not be empty")
        taken = any(org.name.lower() == name.lower() and org.org_id != org_id for org in self.world.orgs.values())
        if taken and self.settings.unique_org_names:
            raise invalid("name", "An organization with this name already exists")
        if mapping is not None and mapping not in self.settings.custom_role_mappings:
            raise invalid("custom_role_mapping_name", "Unknown role mapping")
