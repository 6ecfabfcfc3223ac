"""The table of who may do what: data in one place, and the rules that keep anyone from giving more than they have."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

from switchboard.errors import Forbidden, Invalid

Role = Literal["Owner", "Admin", "Member"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)  # the highest first

OWNER: Final = "Owner"
ADMIN: Final = "Admin"
AGENT_EDITOR: Final = "agent_editor"


@dataclass(frozen=True)
class Permission:
    """`additional` names the additional roles that give it as well."""

    name: str
    title: str
    roles: tuple[Role, ...]
    additional: tuple[str, ...] = ()


_ALL: Final = ROLES
_MANAGERS: Final[tuple[Role, ...]] = ("Owner", "Admin")
_OWNER: Final[tuple[Role, ...]] = ("Owner",)

PERMISSIONS: Final = (
    Permission("org.read", "See the organization", _ALL),
    Permission("org.update", "Change its names and description", _MANAGERS),
    Permission("org.update_access", "Change domains, joining by domain, seats and the SAML flag", _OWNER),
    Permission("org.delete", "Delete it", _OWNER),
    Permission("org.transfer", "Hand it over to another member", _OWNER),
    Permission("members.read", "See its members", _ALL),
    Permission("members.change_role", "Change roles of members; an Admin only below their own rank", _MANAGERS),
    Permission("members.remove", "Remove members; an Admin only below their own rank", _MANAGERS),
    Permission("invites.read", "See its invites", _MANAGERS),
    Permission("invites.create", "Invite people, with at most one's own role", _MANAGERS),
    Permission("invites.resend", "Send an invite again", _MANAGERS),
    Permission("invites.revoke", "Take an invite back", _MANAGERS),
    Permission("agents.read", "See its agents", _ALL),
    Permission("agents.write", "Create and change agents", _MANAGERS, (AGENT_EDITOR,)),
    Permission("agents.activate", "Activate and deactivate agents", _MANAGERS),
    Permission("agents.delete", "Delete agents", _MANAGERS),
    Permission("agents.restore", "Restore deleted agents", _MANAGERS),
    Permission("agents.share", "Share agents with other organizations", _MANAGERS),
    Permission("agents.bind_number", "Give an agent its phone number", _MANAGERS),
    Permission("calendar.read", "See the organization's calendar", _ALL),
    Permission("audit.read", "See what everybody did", _MANAGERS),
    Permission("audit.read_own", "See what one did oneself", _ALL),
)
KNOWN_ADDITIONAL: Final = frozenset(name for permission in PERMISSIONS for name in permission.additional)


class UnknownRole(Invalid):
    code = "unknown_role"
    message = f"A role is one of {', '.join(ROLES)}."


class MissingPermission(Forbidden):
    code = "missing_permission"
    message = "Your role in this organization does not allow this."


class AboveOwnRole(Forbidden):
    code = "above_own_role"
    message = "You can only give roles that are at most your own, and only change members below you."


@dataclass(frozen=True)
class Rights:
    """What a role with additional roles may do in its organization. An unknown role permits nothing."""

    role: str
    additional_roles: tuple[str, ...] = ()

    @property
    def rank(self) -> int:
        """The higher the more; 0 for an unknown role."""
        return len(ROLES) - ROLES.index(self.role) if self.role in ROLES else 0

    @property
    def is_owner(self) -> bool:
        return self.role == OWNER

    @property
    def permissions(self) -> frozenset[str]:
        own = {self.role}
        held = set(self.additional_roles) if self.rank else set()
        return frozenset(p.name for p in PERMISSIONS if own & set(p.roles) or held & set(p.additional))

    def check(self, permission: str) -> None:
        """Raise `MissingPermission` unless this is permitted."""
        if permission not in self.permissions:
            raise MissingPermission

    def check_grants(self, given: "Rights", before: "Rights | None" = None) -> None:
        """Raise `UnknownRole` or `AboveOwnRole` unless these may be given to someone who had `before`.

        Additional roles count: one that is new to the person must be one's own, or permit nothing one has not.
        """
        if not given.rank:
            raise UnknownRole(fields={"role_in_org": UnknownRole.message})
        new = set(given.additional_roles) - set(before.additional_roles if before else ())
        if given.rank > self.rank or not all(self._may_give(name) for name in new):
            raise AboveOwnRole

    def check_manages(self, other: "Rights") -> None:
        """Raise `AboveOwnRole` unless a member with these rights may be changed or removed."""
        if self.is_owner:
            return
        if other.rank >= self.rank or not other.permissions <= self.permissions:
            raise AboveOwnRole

    def at_least(self, other: "Rights") -> "Rights":
        """The higher role of both with the additional roles of both: nobody is lowered by it."""
        higher = self if self.rank >= other.rank else other
        return Rights(higher.role, tuple(sorted({*self.additional_roles, *other.additional_roles})))

    def _may_give(self, additional: str) -> bool:
        if self.is_owner or additional in self.additional_roles:
            return True
        return additional in KNOWN_ADDITIONAL and _given_by(additional) <= self.permissions


def _given_by(additional: str) -> frozenset[str]:
    return frozenset(permission.name for permission in PERMISSIONS if additional in permission.additional)
