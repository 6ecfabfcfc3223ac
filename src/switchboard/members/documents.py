"""Members as they are shown: memberships with what is known of the people. Never a token of theirs."""

import re
from dataclasses import dataclass
from typing import Any, Final

from switchboard.memberships.documents import UserOrganizationDocument
from switchboard.memberships.model import UserOrganization
from switchboard.mongo import Place, collection, first_page, query, readable
from switchboard.users.documents import UserDocument
from switchboard.users.model import User

# `user_info` holds the names of older documents.
_SHOWN: Final = (
    *("user_id", "email", "first_name", "last_name", "username", "picture_url", "enabled", "locked", "user_info"),
    *("email_confirmed", "created_at", "last_active_at"),
)
_SEARCHED: Final = ("email", "first_name", "last_name", "username")


@dataclass(frozen=True)
class Member:
    """A membership with what is known of the person."""

    membership: UserOrganization
    user: User


@dataclass(frozen=True)
class MembersAsked:
    """Which members: in this role, with this in a name or the e-mail, after this place, so many at most."""

    role: str | None
    search: str | None
    after: Place | None
    limit: int


@dataclass(frozen=True)
class Fellow:
    """Somebody with their memberships in organizations that were asked about, the first on top."""

    user: User
    memberships: list[UserOrganization]


@dataclass(frozen=True)
class FellowsAsked:
    """Which people: this one, or all; with this in a name or the e-mail; so many at most after so many."""

    user_id: str | None = None
    search: str | None = None
    skip: int = 0
    limit: int = 1


@query
async def fellows(org_ids: list[str], asked: FellowsAsked) -> tuple[list[Fellow], int]:
    """The people of several organizations, each once, in the order they joined the first; and how many there are."""
    one = {} if asked.user_id is None else {"user_id": asked.user_id}
    together = {"_id": "$user_id", "joined_at": {"$first": "$joined_at"}, "memberships": {"$push": "$$ROOT"}}
    stages: list[dict[str, Any]] = [
        {"$match": {"org_id": {"$in": org_ids}, **one}},
        {"$sort": {"joined_at": 1, "org_id": 1}},
        {"$group": together},
        {"$sort": {"joined_at": 1, "_id": 1}},
        {"$set": {"user_id": "$_id"}},
    ]
    named = [] if asked.search is None else [*_with_user(), _with_name(asked.search)]
    shown = [{"$skip": asked.skip}, {"$limit": asked.limit}, *([] if named else _with_user())]
    parts = {"people": shown, "total": [{"$count": "people"}]}
    found = collection(UserOrganizationDocument).aggregate([*stages, *named, {"$facet": parts}])
    (answer,) = [each async for each in found]
    return [_fellow(each) for each in answer["people"]], sum(each["people"] for each in answer["total"])


def _fellow(stored: dict[str, Any]) -> Fellow:
    who = {"user_id": stored["user_id"]}
    users = readable(User, [{**who, **stored.get("user", {})}])
    return Fellow(users[0] if users else User(**who), readable(UserOrganization, stored["memberships"]))


@query
async def page(org_id: str, asked: MembersAsked) -> tuple[list[Member], Place | None]:
    """Members in the order they joined, and where more begin."""
    stored = [each async for each in collection(UserOrganizationDocument).aggregate(_members(org_id, asked))]
    found, more = first_page(stored, asked.limit, "joined_at", "user_id")
    people = readable(User, [{"user_id": each["user_id"], **each.get("user", {})} for each in found])
    by_id = {user.user_id: user for user in people}
    memberships = readable(UserOrganization, found)
    return [Member(each, by_id.get(each.user_id, User(user_id=each.user_id))) for each in memberships], more


@query
async def find(org_id: str, user_id: str) -> Member | None:
    stages = [{"$match": {"org_id": org_id, "user_id": user_id}}, *_with_user()]
    found = [stored async for stored in collection(UserOrganizationDocument).aggregate(stages)]
    if not found:
        return None
    user = User.model_validate({"user_id": user_id, **found[0].get("user", {})})
    return Member(UserOrganization.model_validate(found[0]), user)


def _members(org_id: str, asked: MembersAsked) -> list[dict[str, Any]]:
    matched: dict[str, Any] = {"org_id": org_id, **({} if asked.role is None else {"role_in_org": asked.role})}
    if asked.after is not None:
        joined_at, user_id = asked.after
        matched["$or"] = [{"joined_at": {"$gt": joined_at}}, {"joined_at": joined_at, "user_id": {"$gt": user_id}}]
    stages: list[dict[str, Any]] = [{"$match": matched}, {"$sort": {"joined_at": 1, "user_id": 1}}]
    if asked.search is None:
        return [*stages, {"$limit": asked.limit + 1}, *_with_user()]
    return [*stages, *_with_user(), _with_name(asked.search), {"$limit": asked.limit + 1}]


def _with_name(search: str) -> dict[str, Any]:
    part = re.compile(re.escape(search), re.IGNORECASE)
    places = [*_SEARCHED, *(f"user_info.{name}" for name in _SEARCHED)]
    return {"$match": {"$or": [{f"user.{at}": part} for at in places]}}


def _with_user() -> list[dict[str, Any]]:
    lookup = {
        "from": collection(UserDocument).name,
        "localField": "user_id",
        "foreignField": "user_id",
        "pipeline": [{"$project": {"_id": 0, **dict.fromkeys(_SHOWN, 1)}}],
        "as": "user",
    }
    return [{"$lookup": lookup}, {"$set": {"user": {"$first": "$user"}}}]
