"""All stored things together, and their journey to JSON and back."""

from copy import deepcopy
from dataclasses import asdict, dataclass, field
from typing import Any

from devstack.propelauth.clock import Clock
from devstack.propelauth.model import Invite, MagicLink, Membership, Org, Session, Settings, SocialLogin, User


@dataclass
class World:
    settings: Settings = field(default_factory=Settings)
    clock: Clock = field(default_factory=Clock)
    users: dict[str, User] = field(default_factory=dict)
    orgs: dict[str, Org] = field(default_factory=dict)
    memberships: list[Membership] = field(default_factory=list)
    invites: list[Invite] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    magic_links: list[MagicLink] = field(default_factory=list)
    social_logins: list[SocialLogin] = field(default_factory=list)

    def snapshot(self) -> dict[str, Any]:
        return {
            "settings": asdict(self.settings),
            "clock_offset": self.clock.offset,
            "users": [asdict(user) for user in self.users.values()],
            "orgs": [asdict(org) for org in self.orgs.values()],
            "memberships": [asdict(membership) for membership in self.memberships],
            "invites": [asdict(invite) for invite in self.invites],
            "sessions": [asdict(session) for session in self.sessions],
            "magic_links": [asdict(link) for link in self.magic_links],
            "social_logins": [asdict(login) for login in self.social_logins],
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Replace the contents in place: others hold a reference to this object. `data` stays as it is."""
        data = deepcopy(data)
        self.settings = Settings(**data["settings"])
        self.clock.offset = data["clock_offset"]
        self.users = {user["user_id"]: User(**user) for user in data["users"]}
        self.orgs = {org["org_id"]: Org(**org) for org in data["orgs"]}
        self.memberships = [Membership(**membership) for membership in data["memberships"]]
        self.invites = [Invite(**invite) for invite in data["invites"]]
        self.sessions = [Session(**session) for session in data["sessions"]]
        self.magic_links = [MagicLink(**link) for link in data["magic_links"]]
        self.social_logins = [SocialLogin(**login) for login in data["social_logins"]]
