"""What is stored of an organization beside what PropelAuth holds of it."""

from typing import Any

from devstack.propelauth import PropelAuthEmulator
from switchboard.users.model import fold_email

Document = dict[str, Any]

ENDING = ("role", "transfer", "remove", "leave")  # kinds of a change that may end ownership


def here(database: Any, org_id: str) -> Document | None:
    """The mirror's fields, members with roles, and pending invites by e-mail and role."""
    organization = database["organizations"].find_one({"org_id": org_id})
    if organization is None:
        return None
    members = {each["user_id"]: _rights(each) for each in database["user_organizations"].find({"org_id": org_id})}
    waiting = database["pending_invites"].find({"org_id": org_id, "status": "pending", "sent_at": {"$ne": None}})
    invites = {each["email_key"]: _rights(each) for each in waiting}
    names = ("name", "display_name", "description", "domain", "extra_domains", "enable_auto_joining_by_domain")
    names += ("members_must_have_matching_domain", "max_users", "can_setup_saml", "legacy_org_id")
    return {**{name: organization[name] for name in names}, "members": members, "invites": invites}


def there(emulator: PropelAuthEmulator, org_id: str) -> Document | None:
    """The same as PropelAuth has it."""
    org = emulator.world.orgs.get(org_id)
    if org is None:
        return None
    return {
        "name": org.name,
        "display_name": org.metadata.get("displayName") or None,
        "description": org.metadata.get("description") or None,
        "domain": org.domain,
        "extra_domains": org.extra_domains,
        "enable_auto_joining_by_domain": org.domain_autojoin,
        "members_must_have_matching_domain": org.domain_restrict,
        "max_users": org.max_users,
        "can_setup_saml": org.can_setup_saml,
        "legacy_org_id": org.legacy_org_id,
        "members": {each.user_id: (each.role, each.additional_roles) for each in emulator.members(org_id)},
        "invites": {
            fold_email(each.invitee_email): (each.role, each.additional_roles)
            for each in emulator.pending_invites(org_id)
        },
    }


def miscounted(database: Any, org_id: str) -> list[str]:
    """What the counts of an organization say beside its documents; a sentence for each that differs."""
    organization = database["organizations"].find_one({"org_id": org_id})
    names = ("user_organizations", "membership_changes", "pending_invites")
    members, changes, invites = (list(database[name].find({"org_id": org_id})) for name in names)
    if organization is None:
        return [
            f"{len(left)} {name} are left"
            for name, left in zip(names, (members, changes, invites), strict=True)
            if left
        ]
    changing = {each["user_id"]: each for each in changes}
    joining = changing.keys() - {each["user_id"] for each in members}
    owners = sum(each["role_in_org"] == "Owner" and not _ends(changing.get(each["user_id"])) for each in members)
    joins = sum(changing[user_id]["kind"] == "join" for user_id in joining)
    seats = len(members) + joins + sum(each["status"] == "pending" for each in invites)
    told = {"owner_count": owners, "seats_used": seats}
    return [
        f"{name} is {organization[name]}, not {count}" for name, count in told.items() if organization[name] != count
    ]


def _ends(change: Document | None) -> bool:
    return change is not None and change["kind"] in ENDING and change["role_in_org"] != "Owner"


def _rights(document: Document) -> tuple[str, list[str]]:
    return document["role_in_org"], document["additional_roles_in_org"]
