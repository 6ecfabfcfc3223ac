"""The floor of `runtime`: the barest handler that does the same queries, opens the same secrets, returns the same JSON.

Two queries when the caller has the version already, and else two more: the configuration, and an entry for the audit
log. Started like ours: one uvicorn worker on uvloop and httptools.
"""

import base64
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson
import uvicorn
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from motor.motor_asyncio import AsyncIOMotorClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FIELDS = ("agent_id", "status", "updated_at", "name", "phone_number", "chatbot_api", "initial_message")
KEY = AESGCM(base64.b64decode(os.environ["SEALING_KEYS"].partition(":")[2]))


async def runtime(request: Request) -> Response:
    database, agent_id = request.app.state.database, request.path_params["agent_id"]
    digest = hashlib.sha256(request.headers["x-api-key"].encode()).hexdigest()
    key: dict[str, Any] = await database["service_keys"].find_one({"key_hash": digest})
    agent: dict[str, Any] = await database["agents"].find_one({"agent_id": agent_id})
    etag = f'"{agent["etag"]}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"ETag": etag})
    beside: dict[str, Any] = await database["agent_configurations"].find_one({"agent_id": agent_id})
    body = {name: agent[name] for name in FIELDS} | {"conversation": beside["conversation"]}
    body["chatbot_key"] = _opened(agent["chatbot_key"], "agents", agent_id, "chatbot_key")
    for group, name in (("tts_config", "tts_api_key"), ("stt_config", "api_key")):
        kept = beside[group]
        opened = _opened(kept[name], "agent_configurations", agent_id, f"{group}.{name}")
        body[group] = {**kept, name: opened}
    entry = {"entry_id": uuid4().hex, "org_id": agent["org_id"], "at": datetime.now(UTC), "key": key["name"]}
    await database["audit_log"].insert_one({**entry, "action": "agent.secrets_read", "target": agent_id})
    return Response(orjson.dumps(body), headers={"ETag": etag}, media_type="application/json")


def _opened(sealed: str, *place: str) -> str:
    data = base64.urlsafe_b64decode(sealed.rpartition(":")[2])
    parts = [part.encode() for part in ("enc:v1:", *place)]
    bound = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return KEY.decrypt(data[:12], data[12:], bound).decode()


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
        os.environ["MONGODB_URI"], w="majority", journal=True
    )
    app.state.database = client[os.environ["MONGODB_DATABASE"]]
    yield
    client.close()


app = Starlette(routes=[Route("/internal/v1/agents/{agent_id}/runtime", runtime)], lifespan=lifespan)

if __name__ == "__main__":
    port = int(os.environ["SERVER_PORT"])
    uvicorn.run(app, port=port, loop="uvloop", http="httptools", log_level="warning", access_log=False)
