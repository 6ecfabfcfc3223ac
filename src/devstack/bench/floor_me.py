"""The floor of `me`: the barest handler that verifies the same token, does the same find_one and returns the same JSON.

Started like ours: one uvicorn worker on uvloop and httptools.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import uvicorn
from motor.motor_asyncio import AsyncIOMotorClient
from propelauth_py import TokenVerificationMetadata, init_base_async_auth
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FIELDS = ("user_id", "email", "first_name", "last_name", "username", "picture_url")
FLAGS = ("email_confirmed", "can_create_orgs", "welcome_form_completed")


async def me(request: Request) -> Response:
    user = request.app.state.auth.validate_access_token_and_get_user(request.headers["authorization"])
    stored: dict[str, Any] = await request.app.state.users.find_one({"user_id": user.user_id})
    body = {name: stored.get(name) for name in FIELDS} | {name: bool(stored.get(name)) for name in FLAGS}
    granted = "https://www.googleapis.com/auth/calendar.readonly" in stored.get("scope", ())
    body |= {"timezone": stored.get("timezone", "Asia/Kolkata"), "timezone_locked": granted}
    body |= {"has_calendar_access": granted, "created_at": stored.get("created_at")}
    return Response(orjson.dumps(body), media_type="application/json")


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    address = os.environ["PROPELAUTH_AUTH_URL"]
    issuer = f"https://{address.removeprefix('http://')}"
    metadata = TokenVerificationMetadata(os.environ["PROPELAUTH_VERIFIER_KEY"], issuer)
    app.state.auth = init_base_async_auth(address, os.environ["PROPELAUTH_API_KEY"], metadata)
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(os.environ["MONGODB_URI"])
    app.state.users = client[os.environ["MONGODB_DATABASE"]]["users"]
    yield
    client.close()


app = Starlette(routes=[Route("/v1/me", me)], lifespan=lifespan)

if __name__ == "__main__":
    port = int(os.environ["SERVER_PORT"])
    uvicorn.run(app, port=port, loop="uvloop", http="httptools", log_level="warning", access_log=False)
