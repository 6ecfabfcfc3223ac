"""The table of roles on the wire."""

from pydantic import BaseModel

from switchboard.roles.model import KNOWN_ADDITIONAL, PERMISSIONS, ROLES


class PermissionShown(BaseModel):
    """`roles` have it by themselves, `additional_roles` add it to any role."""

    name: str
    title: str
    roles: list[str]
    additional_roles: list[str]


class RoleTable(BaseModel):
    """`roles` from the highest to the lowest."""

    roles: list[str]
    additional_roles: list[str]
    permissions: list[PermissionShown]

    @classmethod
    def whole(cls) -> "RoleTable":
        return cls(
            roles=list(ROLES),
            additional_roles=sorted(KNOWN_ADDITIONAL),
            permissions=[
                PermissionShown(
                    name=permission.name,
                    title=permission.title,
                    roles=list(permission.roles),
                    additional_roles=list(permission.additional),
                )
                for permission in PERMISSIONS
            ],
        )
