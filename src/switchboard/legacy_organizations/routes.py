"""Old paths for organizations and people; what each means here stands in docs/decisions/0014."""

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Annotated, Any, Final, Literal, TypeVar

from fastapi import APIRouter, Body, Query, Response

from switchboard.administration import service as administration
from switchboard.administration.model import MayNotCreate
from switchboard.clients.propelauth_errors import PropelAuthUnavailable, RefusedByPropelAuth
from switchboard.clients.propelauth_organizations import NameRefused, PersonRefused
from switchboard.errors import Malformed, Refusal, Unauthenticated
from switchboard.http.deps import AnyCaller, Caller, Now, Running, ServiceCaller
from switchboard.http.envelopes import Answer, Told
from switchboard.http.errors import problems
from switchboard.invites import service as invites
from switchboard.invites.model import AlreadyMember, DomainKeptOut, InvitePending, TooManyMails
from switchboard.legacy_organizations import schemas, service
from switchboard.legacy_organizations.model import FellowNotFound, LegacyIdFixed, Page, UnboundKey, WorkspaceTaken
from switchboard.members.model import MemberNotFound
from switchboard.memberships.model import ChangeUnderWay, LastOwner
from switchboard.organizations import service as organizations
from switchboard.organizations.model import (
    DomainMissing,
    FreeMailDomain,
    OrganizationFull,
    OrganizationNotFound,
    TooFewSeats,
)
from switchboard.roles.model import AboveOwnRole, MissingPermission
from switchboard.services import MissingScope
from switchboard.users.model import InvalidEmail

Handler = TypeVar("Handler", bound=Callable[..., object])
Done = Answer[Literal[True]]

COMMON: Final = (Unauthenticated, OrganizationNotFound, MissingPermission)
VENDOR: Final = (ChangeUnderWay, RefusedByPropelAuth, PropelAuthUnavailable)
INVITING: Final = (
    *(AboveOwnRole, InvalidEmail, DomainKeptOut, AlreadyMember, InvitePending, OrganizationFull, TooManyMails),
)
OF_ALL: Final = (Unauthenticated, OrganizationNotFound, MissingScope, UnboundKey, PropelAuthUnavailable)

router = APIRouter(tags=["legacy"], deprecated=True, route_class=Told)


def _old(
    paths: tuple[str, ...], summary: str, successor: str, *refusals: type[Refusal], **more: Any
) -> Callable[[Handler], Handler]:
    """Register a handler at old paths, by POST unless `more` says otherwise."""
    described: dict[str, Any] = {"summary": summary, "description": f"Successor: {successor}"}
    each = {"methods": ("POST",), "responses": problems(Malformed, *refusals), **described, **more}
    places = tuple(product(paths, each.pop("methods")))

    def registered(handler: Handler) -> Handler:
        for path, method in places:
            router.add_api_route(path, handler, methods=[method], **each)
        return handler

    return registered


def _org(name: str) -> tuple[str, ...]:
    return (f"/api/org/{name}",)


def _user(name: str) -> tuple[str, ...]:
    """One era of front ends has a base address for these that ends before /api."""
    return f"/api/user/{name}", f"/user/{name}"


@_old(
    _org("create-org"),
    "Create an organization with me as its Owner",
    "POST /v1/orgs",
    *(Unauthenticated, MayNotCreate, NameRefused, RefusedByPropelAuth, PropelAuthUnavailable),
    status_code=201,
)
async def create_org(
    caller: Caller, body: schemas.CreateOrg, services: Running, now: Now
) -> Answer[schemas.CreatedOrg]:
    made = await administration.create(services, caller, body.new(), now)
    shown = schemas.CreatedOrg.model_validate(made.organization)
    return Answer[schemas.CreatedOrg].of(shown, "Organization created successfully", now)


@_old(
    _org("add-user"),
    "Raise a member's role, or invite somebody I know",
    "POST /v1/orgs/{org_id}/invites",
    *(*COMMON, FellowNotFound, MemberNotFound, LastOwner, *INVITING, *VENDOR),
)
async def add_user(caller: AnyCaller, body: schemas.MemberRole, services: Running, now: Now) -> Done:
    await service.add_user(services, caller, body.org_id, body.who(), now)
    return Done.of(True, "User added to the organization, or invited to it", now)


@_old(_org("invite-user"), "Invite somebody", "POST /v1/orgs/{org_id}/invites", *COMMON, *INVITING, *VENDOR)
async def invite_user(caller: AnyCaller, body: schemas.InviteUser, services: Running, now: Now) -> Done:
    await invites.create(services, caller, body.org_id, body.wanted(), now)
    return Done.of(True, "User invited to the organization successfully", now)


@_old(_org("fetch-users"), "Who belongs to it", "GET /v1/orgs/{org_id}/members", *COMMON)
async def fetch_users(
    caller: AnyCaller, body: schemas.OrgPage, services: Running, now: Now
) -> Answer[schemas.OrgMembers]:
    page = await service.members_page(services, caller, body.org_id, body.paging(), now)
    shown = schemas.OrgMembers.of(page, schemas.OrgMember.of)
    return Answer[schemas.OrgMembers].of(shown, "Users fetched successfully", now)


@_old(_org("fetch-pending-invites"), "Its pending invites", "GET /v1/orgs/{org_id}/invites?status=pending", *COMMON)
async def fetch_pending_invites(
    caller: AnyCaller, body: schemas.OrgPage, services: Running, now: Now
) -> Answer[schemas.Invites]:
    page, organization = await service.invites_page(services, caller, body.org_id, body.paging(), now)
    shown = schemas.Invites.of(page, partial(schemas.Invite.of, organization=organization))
    return Answer[schemas.Invites].of(shown, "Pending invites fetched successfully", now)


@_old(
    _org("remove-user"),
    "Remove a member, or leave it",
    "DELETE /v1/orgs/{org_id}/members/{user_id}, POST /v1/orgs/{org_id}/leave",
    *(*COMMON, MemberNotFound, AboveOwnRole, LastOwner, *VENDOR),
)
async def remove_user(caller: AnyCaller, body: schemas.OneMember, services: Running, now: Now) -> Done:
    await service.remove_user(services, caller, body.org_id, body.user_id, now)
    return Done.of(True, "User removed from the organization successfully", now)


@_old(
    _org("change-user-role"),
    "Change a member's role",
    "PATCH /v1/orgs/{org_id}/members/{user_id}",
    *(*COMMON, MemberNotFound, AboveOwnRole, LastOwner, *VENDOR),
)
async def change_user_role(caller: AnyCaller, body: schemas.MemberRole, services: Running, now: Now) -> Done:
    await service.change_role(services, caller, body.org_id, body.who(), now)
    return Done.of(True, "User role changed successfully", now)


@_old(
    _org("update-org"),
    "Change an organization: flat, or in `updates`",
    "PATCH /v1/orgs/{org_id}",
    *(*COMMON, NameRefused, TooFewSeats, DomainMissing, FreeMailDomain, LegacyIdFixed, *VENDOR),
    methods=("POST", "PUT"),
)
async def update_org(caller: AnyCaller, body: schemas.UpdateOrg, services: Running, now: Now) -> Done:
    await service.update(services, caller, body.org_id, body.changes(), now)
    return Done.of(True, "Organization updated successfully", now)


@_old(_org("fetch-org-details"), "An organization", "GET /v1/orgs/{org_id}", *COMMON)
async def fetch_org_details(
    caller: AnyCaller, body: schemas.OneOrg, services: Running, now: Now
) -> Answer[schemas.Org]:
    acting = await organizations.read(services, caller, body.org_id, now)
    return Answer[schemas.Org].of(schemas.Org.of(acting.organization), "Organization fetched successfully", now)


@_old(_org("fetch-orgs-query"), "My organizations", "GET /v1/orgs", *OF_ALL)
async def fetch_orgs_query(
    caller: AnyCaller, services: Running, now: Now, body: schemas.OrgsQuery | None = None
) -> Answer[schemas.Orgs]:
    body = body or schemas.OrgsQuery()
    page = await service.organizations_page(services, caller, body.asked(), body.paging(), now)
    return Answer[schemas.Orgs].of(schemas.Orgs.of(page, schemas.Org.of), "Organizations fetched successfully", now)


@_old(
    _user("fetch-user-mail"),
    "Somebody I share an organization with, by e-mail; null for anybody else",
    "GET /v1/orgs/{org_id}/members?search=...",
    *(*OF_ALL, InvalidEmail, RefusedByPropelAuth),
    methods=("GET",),
)
async def fetch_user_mail(
    caller: AnyCaller,
    services: Running,
    now: Now,
    email: Annotated[str | None, Query(max_length=254)] = None,
    body: Annotated[schemas.UserMail | None, Body()] = None,
) -> Answer[schemas.Fellow | None]:
    wanted = email or (body.email if body else None)
    if not wanted:
        raise Malformed("Missing email")
    known = await service.known_by_email(services, caller, wanted, now)
    shown = None if known is None else schemas.Fellow.of(known, now)
    return Answer[schemas.Fellow | None].of(shown, "User fetched successfully", now)


@_old(_user("fetch-users-query"), "The members of my organizations", "GET /v1/orgs/{org_id}/members", *OF_ALL)
async def fetch_users_query(
    caller: AnyCaller, services: Running, now: Now, body: schemas.UsersQuery | None = None
) -> Answer[schemas.Fellows]:
    body = body or schemas.UsersQuery()
    known, total = await service.known_people(services, caller, body.asked(), now)
    fellow = partial(schemas.Fellow.of, now=now, orgs=body.include_orgs)
    shown = schemas.Fellows.of(Page(known, total, body.paging()), fellow)
    return Answer[schemas.Fellows].of(shown, "Users fetched successfully", now)


@_old(
    _user("create-user"),
    "Sign somebody up, with an organization of their own; for a service that acts as Owner",
    "PropelAuth's sign-up page, then POST /v1/orgs",
    *(Unauthenticated, MissingScope, UnboundKey, MissingPermission, OrganizationNotFound, PersonRefused),
    *(WorkspaceTaken, *VENDOR),
    status_code=201,
)
async def create_user(
    caller: ServiceCaller, body: schemas.CreateUser, services: Running, now: Now, response: Response
) -> Answer[schemas.UserAndOrg]:
    response.headers["Cache-Control"] = "no-store"  # so that no digest of a body with a password is kept
    made = await service.sign_up(services, caller, body.new(), now)
    return Answer[schemas.UserAndOrg].of(schemas.UserAndOrg.of(made), "User created successfully", now)


@_old(
    _user("update-profile"),
    "Change my names",
    "PATCH /v1/me",
    *(Unauthenticated, PersonRefused, RefusedByPropelAuth, PropelAuthUnavailable),
)
async def update_profile(caller: Caller, body: schemas.UpdateProfile, services: Running, now: Now) -> Done:
    await service.change_names(services, caller, body.names(), now)
    return Done.of(True, "Profile updated successfully", now)
