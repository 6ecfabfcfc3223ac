"""How the emulated server says no. Texts are ours; statuses and field names are those the official SDKs handle."""


class Refused(Exception):
    """An answer other than 200: `status` and the JSON body."""

    def __init__(self, status: int, body: dict[str, object] | None = None) -> None:
        super().__init__(f"{status} {body or {}}")
        self.status = status
        self.body = body or {}


def invalid(field: str, message: str) -> Refused:
    """400 with the field-level body `{field: [message]}`."""
    return Refused(400, {field: [message]})


def not_found() -> Refused:
    return Refused(404)
