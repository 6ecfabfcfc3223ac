"""The calls of the older pages, and what each of them reads."""

import re
from dataclasses import dataclass
from typing import Any

import httpx

from tests.world import Person, World

Caller = Person | dict[str, str] | None
Json = dict[str, Any]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@dataclass
class Pages:
    world: World

    async def org(self, name: str, caller: Caller, method: str = "POST", /, **body: Any) -> httpx.Response:
        return await self.call(method, f"/api/org/{name}", caller, json=body)

    async def user(self, name: str, caller: Caller, prefix: str = "/api/user", /, **body: Any) -> httpx.Response:
        return await self.call("POST", f"{prefix}/{name}", caller, json=body)

    async def call(self, method: str, path: str, caller: Caller, **more: Any) -> httpx.Response:
        headers = caller.headers if isinstance(caller, Person) else caller
        return await self.world.api.request(method, path, headers=headers, **more)


def data(answer: httpx.Response, status: int = 200) -> Any:
    """What is in both envelopes."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body.keys() == {"success", "status", "message", "data", "timestamp"}
    assert body["success"] is True
    assert body["status"] == "success"
    assert isinstance(body["message"], str)
    assert body["message"]
    assert TIME.fullmatch(body["timestamp"])
    return body["data"]


def refused(answer: httpx.Response) -> tuple[int, str]:
    """The status and what the page shows; the rest is as every failure of these paths is."""
    body = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["success"] is False
    assert body["status"] == answer.status_code
    assert TIME.fullmatch(body["timestamp"])
    assert body["message"] == body["detail"]
    assert body["detail"]
    return answer.status_code, body["error"]


def code(answer: httpx.Response) -> tuple[int, str]:
    refused(answer)
    return answer.status_code, str(answer.json()["code"])
