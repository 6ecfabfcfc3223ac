"""What a running stack says of itself: in .data/devstack.json for programs, as a tour for people."""

import os
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from devstack.demo import TOUR
from devstack.propelauth import PropelAuthEmulator, User
from devstack.service_key import service_key

if TYPE_CHECKING:
    from devstack.stack import Stack

Json = dict[str, Any]
TOKEN_MINUTES = 7 * 24 * 60


async def described(stack: "Stack") -> Json:
    """Secrets included: the file is for its owner alone."""
    return {
        "pid": os.getpid(),
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "addresses": {
            "api": stack.api,
            "documentation": f"{stack.api}/docs",
            "front_end": f"http://127.0.0.1:{stack.ports['front_end']}",
            "propelauth": stack.propelauth.url,
            "google": stack.google.url,
            "mongodb": stack.mongodb_uri,
        },
        "logs": {name: str(stack.data.log(name)) for name in stack.children},
        "people": {role: _person(stack.propelauth, user) for role, user in _tour_people(stack.propelauth)},
        "environment": stack.environment(),
        "service_key": await service_key(stack.api, stack.data.service_key, stack.environment()),
    }


def _tour_people(propelauth: PropelAuthEmulator) -> list[tuple[str, User]]:
    found = ((role, propelauth.user_by_email(email)) for role, email in TOUR.items())
    return [(role, user) for role, user in found if user is not None]


def _person(propelauth: PropelAuthEmulator, user: User) -> Json:
    return {
        "user_id": user.user_id,
        "email": user.email,
        "name": f"{user.first_name} {user.last_name}",
        "organizations": [
            {"org_id": m.org_id, "name": propelauth.org(m.org_id).name, "role": m.role}
            for m in propelauth.memberships_of(user.user_id)
        ],
        "token": propelauth.access_token(user.user_id, minutes=TOKEN_MINUTES),
        "token_expires_at": int(time.time()) + TOKEN_MINUTES * 60,
    }


def tour(description: Json) -> str:
    """Addresses, tokens and first commands, ready to paste."""
    at, people = description["addresses"], description["people"]
    lines = ["", "Switchboard is running.", ""]
    lines += [f"  {words:<15}{at[name]}" for name, words in _ADDRESSES.items()]
    lines += [f"  {'Logs':<15}{'  '.join(description['logs'].values())}", ""]
    for role, person in people.items():
        where = ", ".join(f"{org['role']} of {org['name']}" for org in person["organizations"])
        lines.append(f"# {person['name']} <{person['email']}>, {where or 'in no organization'}")
        lines.append(f"export {role.upper()}={person['token']}")
    lines += ["# An internal service", f"export SERVICE_KEY={description['service_key']}"]
    lines += [f"export API={at['api']} GOOGLE={at['google']}", "", *_first_steps(people), ""]
    return "\n".join(lines)


_ADDRESSES = {
    "front_end": "Demo front end",
    "api": "API",
    "documentation": "Documentation",
    "propelauth": "PropelAuth",
    "google": "Google",
    "mongodb": "MongoDB",
}


def _first_steps(people: Json) -> list[str]:
    today = datetime.now(UTC).date()
    later = today + timedelta(days=14)
    steps = ["# A first tour", "curl -s $API/health/ready"]
    if "owner" in people:
        steps += ['curl -s $API/v1/me/bootstrap -H "Authorization: Bearer $OWNER"']
    if "admin" in people:
        bearer = '-H "Authorization: Bearer $ADMIN"'
        steps += [
            "# The Admin signed in with Google, so the calendar connects by that; the Owner can connect in a browser.",
            f"curl -s -X POST $API/v1/me/calendar/connect/propelauth {bearer}",
            f"curl -s -X POST $API/v1/me/calendar/sync {bearer}",
            'curl -s $API/internal/v1/self -H "X-API-Key: $SERVICE_KEY"',
            f'curl -s "$API/v1/me/events?from={today}T00:00:00Z&to={later}T00:00:00Z&limit=3" {bearer}',
        ]
    return steps
