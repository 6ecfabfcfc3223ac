"""Organizations, their members and invites."""

from typing import Any

from aiohttp import web

from devstack.propelauth import bodies, shapes
from devstack.propelauth.http import BACKEND, check_paging, done, paging, path_id, read
from devstack.propelauth.model import Org
from devstack.propelauth.refusals import Refused, invalid, not_found
from devstack.propelauth.tokens import TokenActions

_RENAMED = {"autojoin_by_domain": "domain_autojoin", "restrict_to_domain": "domain_restrict"}
_ORDERS = ("CREATED_AT_ASC", "CREATED_AT_DESC", "NAME")


class OrgRoutes:
    def __init__(self, auth: TokenActions) -> None:
        self.auth = auth

    def table(self) -> list[web.RouteDef]:
        path = f"{BACKEND}/org"
        return [
            web.post(f"{path}/", self.create),
            web.get(f"{path}/query", self.query),
            web.post(f"{path}/query", self.query),
            web.post(f"{path}/add_user", self.add_user),
            web.post(f"{path}/remove_user", self.remove_user),
            web.post(f"{path}/change_role", self.change_role),
            web.get(f"{path}/{{org_id}}", self.fetch),
            web.put(f"{path}/{{org_id}}", self.update),
            web.delete(f"{path}/{{org_id}}", self.delete),
            web.get(f"{BACKEND}/custom_role_mappings", self.custom_role_mappings),
            web.post(f"{BACKEND}/invite_user", self.invite_by_email),
            web.post(f"{BACKEND}/invite_user_by_id", self.invite_by_id),
            web.get(f"{BACKEND}/pending_org_invites", self.pending_invites),
            web.delete(f"{BACKEND}/pending_org_invites", self.revoke_invite),
        ]

    async def create(self, request: web.Request) -> web.Response:
        self._need_organizations()
        body = await read(request, bodies.CreateOrg)
        org = self.auth.add_org(
            body.name,
            domain_autojoin=body.enable_auto_joining_by_domain,
            domain_restrict=body.members_must_have_matching_domain,
            domain=body.domain,
            max_users=body.max_users,
            legacy_org_id=body.legacy_org_id,
            custom_role_mapping_name=body.custom_role_mapping_name,
        )
        return done({"org_id": org.org_id, "name": org.name})

    async def fetch(self, request: web.Request) -> web.Response:
        self._need_organizations()
        return done(shapes.org(self.auth.org(path_id(request, "org_id"))))

    async def update(self, request: web.Request) -> web.Response:
        """Fields that are null or absent stay as they are."""
        self._need_organizations()
        org_id = self.auth.org(path_id(request, "org_id")).org_id
        changes = (await read(request, bodies.UpdateOrg)).model_dump(exclude_none=True)
        self.auth.update_org(org_id, **{_RENAMED.get(name, name): value for name, value in changes.items()})
        return done()

    async def delete(self, request: web.Request) -> web.Response:
        self._need_organizations()
        self.auth.delete_org(path_id(request, "org_id"))
        return done()

    async def query(self, request: web.Request) -> web.Response:
        """`name` is part of the name, whatever the case; the domain and the legacy id match exactly."""
        self._need_organizations()
        wanted = await self._wanted(request)
        number_and_size = check_paging(wanted.page_number, wanted.page_size)
        found = [shapes.org_in_query(org) for org in self.auth.world.orgs.values() if _matches(org, wanted)]
        return done(shapes.page("orgs", _ordered(found, wanted.order_by), *number_and_size))

    async def add_user(self, request: web.Request) -> web.Response:
        self._need_organizations()
        body = await read(request, bodies.MemberRole)
        self.auth.add_member(body.org_id, body.user_id, body.role, body.additional_roles)
        return done()

    async def remove_user(self, request: web.Request) -> web.Response:
        self._need_organizations()
        body = await read(request, bodies.RemoveMember)
        self.auth.remove_member(body.org_id, body.user_id)
        return done()

    async def change_role(self, request: web.Request) -> web.Response:
        self._need_organizations()
        body = await read(request, bodies.MemberRole)
        self.auth.change_role(body.org_id, body.user_id, body.role, body.additional_roles)
        return done()

    async def custom_role_mappings(self, _: web.Request) -> web.Response:
        self._need_organizations()
        names = [org.custom_role_mapping_name for org in self.auth.world.orgs.values()]
        mappings = [
            {"custom_role_mapping_name": name, "num_orgs_subscribed": names.count(name)}
            for name in self.auth.settings.custom_role_mappings
        ]
        return done({"custom_role_mappings": mappings})

    async def invite_by_email(self, request: web.Request) -> web.Response:
        self._need_organizations()
        body = await read(request, bodies.InviteByEmail)
        self.auth.invite(body.email, body.org_id, body.role, body.additional_roles)
        return done()

    async def invite_by_id(self, request: web.Request) -> web.Response:
        self._need_organizations()
        body = await read(request, bodies.MemberRole)
        email = self.auth.user(body.user_id).email
        self.auth.invite(email, body.org_id, body.role, body.additional_roles)
        return done()

    async def pending_invites(self, request: web.Request) -> web.Response:
        self._need_organizations()
        org_id = request.query.get("org_id")
        if org_id is not None:
            self.auth.org(org_id)
        invites = [shapes.pending_invite(self.auth, invite) for invite in self.auth.pending_invites(org_id)]
        return done(shapes.page("invites", invites, *paging(request)))

    async def revoke_invite(self, request: web.Request) -> web.Response:
        self._need_organizations()
        body = await read(request, bodies.RevokeInvite)
        if body.org_id not in self.auth.world.orgs:
            raise not_found()
        self.auth.revoke_invite(body.org_id, body.invitee_email)
        return done()

    def _need_organizations(self) -> None:
        if not self.auth.settings.organizations_enabled:
            raise Refused(426)

    @staticmethod
    async def _wanted(request: web.Request) -> bodies.QueryOrgs:
        if request.method == "POST":
            return await read(request, bodies.QueryOrgs)
        number, size = paging(request)
        texts = {name: request.query[name] for name in request.query if not name.startswith("page_")}
        return bodies.QueryOrgs.model_validate({**texts, "page_number": number, "page_size": size})


def _matches(org: Org, wanted: bodies.QueryOrgs) -> bool:
    named = (wanted.name or "").lower() in org.name.lower()
    in_domain = wanted.domain is None or org.has_domain(wanted.domain)
    return named and in_domain and wanted.legacy_org_id in (None, org.legacy_org_id)


def _ordered(orgs: list[dict[str, Any]], order: str) -> list[dict[str, Any]]:
    if order not in _ORDERS:
        raise invalid("order_by", f"Unknown order: {order}")
    if order == "NAME":
        return sorted(orgs, key=lambda org: org["name"].lower())
    by_time = sorted(orgs, key=lambda org: org["created_at"])
    return by_time[::-1] if order == "CREATED_AT_DESC" else by_time
