"""JSON the server answers with (the letters are those of the wire contract: U, M, ORG, O, PI)."""

import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from devstack.propelauth.base import Base
from devstack.propelauth.model import Invite, Membership, Org, User
from devstack.propelauth.roles import inherited, permissions

Json = dict[str, Any]
_PRIVATE = ("unconfirmed_email", "signup_query_parameters")


def slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def member_info(base: Base, membership: Membership) -> Json:
    """M: what a membership looks like in tokens and user answers."""
    org, settings = base.world.orgs[membership.org_id], base.settings
    roles = inherited(list(settings.roles), membership.role, membership.additional_roles, settings.role_structure)
    info = {
        "org_id": org.org_id,
        "org_name": org.name,
        "url_safe_org_name": slug(org.name),
        "org_metadata": org.metadata,
        "user_role": membership.role,
        "inherited_user_roles_plus_current_role": roles,
        "org_role_structure": settings.role_structure,
        "additional_roles": membership.additional_roles,
        "user_permissions": permissions(settings.roles, [membership.role, *membership.additional_roles]),
    }
    return {**info, "legacy_org_id": org.legacy_org_id} if org.legacy_org_id else info


def member_infos(base: Base, user_id: str) -> Json:
    return {m.org_id: member_info(base, m) for m in base.memberships_of(user_id)}


def user(base: Base, who: User, include_orgs: bool) -> Json:
    """U."""
    shape = {name: value for name, value in asdict(who).items() if name not in _PRIVATE}
    return {**shape, "org_id_to_org_info": member_infos(base, who.user_id)} if include_orgs else shape


def org(what: Org) -> Json:
    """ORG, of GET /org/{id}; it has no created_at."""
    shape = {name: value for name, value in asdict(what).items() if name not in ("created_at", "require_2fa_by")}
    return {**shape, "url_safe_org_slug": slug(what.name)}


def org_in_query(what: Org) -> Json:
    """O, of /org/query."""
    names = ["org_id", "name", "max_users", "is_saml_configured", "legacy_org_id", "metadata"]
    names += ["custom_role_mapping_name", "created_at"]
    return {name: getattr(what, name) for name in names}


def pending_invite(base: Base, invite: Invite) -> Json:
    """PI."""
    inviter = base.world.users.get(invite.inviter_user_id or "")
    return {
        "invitee_email": invite.invitee_email,
        "org_id": invite.org_id,
        "org_name": base.world.orgs[invite.org_id].name,
        "role_in_org": invite.role,
        "additional_roles_in_org": invite.additional_roles,
        "created_at": invite.created_at,
        "expires_at": invite.expires_at,
        "inviter_email": inviter.email if inviter else None,
        "inviter_user_id": inviter.user_id if inviter else None,
    }


def page(kind: str, items: Sequence[Json], page_number: int, page_size: int) -> Json:
    """One page (numbered from 0) of `items`; `kind` is the plural the keys are made of."""
    first = page_number * page_size
    return {
        kind: list(items[first : first + page_size]),
        f"total_{kind}": len(items),
        "current_page": page_number,
        "page_size": page_size,
        "has_more_results": first + page_size < len(items),
    }
