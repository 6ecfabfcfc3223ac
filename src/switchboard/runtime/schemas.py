"""Services on the wire."""

from pydantic import BaseModel

from switchboard.services import Service


class ServiceSelf(BaseModel):
    """What the calling service is known as and may do; without an organization it is bound to none."""

    key_id: str
    name: str
    scopes: list[str]
    org_id: str | None
    role: str | None

    @classmethod
    def of(cls, service: Service) -> "ServiceSelf":
        return cls(
            key_id=service.key_id,
            name=service.name,
            scopes=sorted(service.scopes),
            org_id=service.org_id,
            role=service.role,
        )
