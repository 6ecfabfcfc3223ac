"""Roles of a project and what they permit."""

from collections.abc import Iterable, Sequence

SINGLE_ROLE = "single_role_in_hierarchy"
MULTI_ROLE = "multi_role"

# Highest first. The Owner's permissions are those of a real token.
DEFAULT_ROLES: dict[str, list[str]] = {
    "Owner": [
        "propelauth::can_invite",
        "propelauth::can_change_roles",
        "propelauth::can_remove_users",
        "propelauth::can_setup_saml",
        "propelauth::can_manage_api_keys",
        "propelauth::can_edit_org_access",
        "propelauth::can_update_org_metadata",
        "propelauth::can_view_other_members",
        "propelauth::can_delete_org",
    ],
    "Admin": ["propelauth::can_invite"],
    "Member": [],
}


def inherited(roles: Sequence[str], role: str, additional: Iterable[str], structure: str) -> list[str]:
    """The role and those it includes: the lower ones of a hierarchy, or the additional ones where there is none."""
    if structure == MULTI_ROLE:
        return [role, *additional]
    return list(roles[roles.index(role) :])


def permissions(table: dict[str, list[str]], roles: Iterable[str]) -> list[str]:
    """What any of the roles permits, each once, in the order of the table."""
    return list(dict.fromkeys(permission for role in roles for permission in table[role]))
