"""Races for agents: a number has one, editors never overwrite each other, and nothing of an agent is left behind."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random
from typing import Any, ClassVar
from uuid import uuid4

from devstack.emulator import Fault
from tests.races.cluster import Cluster
from tests.races.kept import LIVE, Agents, Document, agents, rules
from tests.races.play import CALLERS, End, Race, Start
from tests.races.scene import Call, Scene, scene

HALF = CALLERS // 2
ANY = {"If-Match": "*"}
ACTIONS = {
    "edit": "agent.updated",
    "edit one version": "agent.updated",
    "delete": "agent.deleted",
    "restore": "agent.restored",
    "activate": "agent.activated",
    "deactivate": "agent.deactivated",
}


def create(scene: Scene, number: str, by: int = 0) -> Call:
    body = {"name": "Reception", "phone_number": number, "chatbot_key": "sk-of-the-bot", "tts_config": {"model": "a"}}
    return Call("create", scene.members[by % len(scene.members)], "POST", f"{scene.at}/agents", body)


def some_number() -> str:
    return f"+4930{uuid4().int % 10**8:08d}"


class AgentRace(Race):
    """The organization, and another one beside it, which is in `extra`."""

    async def prepare(self, start: Start) -> Scene:
        made = await scene(start.cluster, ["Owner", "Admin", "Admin"])
        made.extra["other"] = await scene(start.cluster, ["Owner"])
        made.extra["number"] = some_number()
        return made

    async def agent(self, start: Start, scene: Scene, **more: Any) -> str:
        """A new one, by its path."""
        call = create(scene, scene.extra["number"])
        answer = await replace(call, body={**call.body, **more}).make(start.cluster.apis[0])
        assert answer.status == 201, answer
        return f"{scene.at}/agents/{answer.body['agent_id']}"

    def delays(self, chance: Random) -> list[Fault]:  # noqa: ARG002  (PropelAuth has no part in it)
        return []

    async def kept(self, cluster: Cluster, scene: Scene) -> Agents:
        org_ids = scene.org_id, scene.extra["other"].org_id
        return await agents(cluster.mongo, cluster.database.name, org_ids)

    def rules(self, kept: Agents) -> Iterable[str]:
        return rules(kept)


class CreateOnOneNumber(AgentRace):
    """Two organizations want the same number, with a hundred clicks: one of them is a new agent."""

    name = "create_on_one_number"
    callers: ClassVar[int] = 100

    def calls(self, scene: Scene) -> Sequence[Call]:
        number = scene.extra["number"]
        sides = scene, scene.extra["other"]
        return [create(sides[i % 2], number, i // 2) for i in range(self.callers)]

    def violations(self, end: End) -> list[str]:
        wrong = []
        if end.told != {"create 201": 1, "create 409 phone_number_taken": self.callers - 1}:
            wrong.append(f"the answers were {dict(end.told)}")
        found: Agents = end.kept
        made = {name: len(documents) for name, documents in vars(found).items()}
        if set(made.values()) != {1}:
            wrong.append(f"one number was given to {made}")
        told = [str(each.body) for each in end.answers if each.status == 409]
        hidden = [text for each in found.agents for text in (each["agent_id"], each["org_id"], each["phone_number"])]
        if any(text in body for body in told for text in hidden):
            wrong.append("a conflict told whose the number is")
        return wrong


class RestoreAgainstCreate(AgentRace):
    """A deleted agent is to come back while others want the number it had: one of them has it."""

    name = "restore_against_create"

    async def prepare(self, start: Start) -> Scene:
        made = await super().prepare(start)
        path = made.extra["path"] = await self.agent(start, made)
        gone = await Call("delete", made.owner, "DELETE", path, headers=ANY).make(start.cluster.apis[0])
        assert gone.status == 204, gone
        return made

    def calls(self, scene: Scene) -> Sequence[Call]:
        restores = [
            Call("restore", scene.members[i % 3], "POST", f"{scene.extra['path']}/restore") for i in range(HALF)
        ]
        return [*restores, *[create(scene.extra["other"], scene.extra["number"])] * HALF]

    def violations(self, end: End) -> list[str]:
        live = [each for each in end.kept.agents if each["status"] in LIVE]
        restored, created = end.statuses("restore"), end.statuses("create")
        back = end.scene.org_id in {each["org_id"] for each in live}
        if len(live) == 1 and (restored[200], created[201]) == (back, not back) and created.keys() <= {201, 409}:
            return []
        return [f"{len(live)} agents have the number after restores {dict(restored)} and creates {dict(created)}"]


class ChangeOneAgent(AgentRace):
    """Everything that can be done to an agent is done to it at once; some go by the version that all of them read."""

    name = "change_one_agent"

    async def prepare(self, start: Start) -> Scene:
        made = await super().prepare(start)
        keys = {"tts_config": {"model": "sonic-2", "voice_id": "anna", "tts_api_key": "sk-of-the-voice"}}
        keys["stt_config"] = {"model": "nova-3", "api_key": "sk-of-the-ear"}
        made.extra["path"] = await self.agent(start, made, chatbot_api="https://bot.northwind.example/chat", **keys)
        (kept,) = (await self.kept(start.cluster, made)).agents
        made.extra["version"] = {"If-Match": f'"{kept["etag"]}-owner"'}
        return made

    def calls(self, scene: Scene) -> Sequence[Call]:
        path, by, other = scene.extra["path"], scene.members, scene.extra["other"].org_id
        at = f"{path}/grants/{other}"
        edits = [Call("edit", by[i % 3], "PATCH", path, {"name": f"Edit {i}"}, ANY) for i in range(6)]
        versions = [
            Call("edit one version", by[i % 3], "PATCH", path, {"name": f"Version {i}"}, scene.extra["version"])
            for i in range(6)
        ]
        steps = [Call(step, by[0], "POST", f"{path}/{step}", headers=ANY) for step in ("activate", "deactivate")] * 2
        life = [
            Call("delete", by[0], "DELETE", path, headers=ANY),
            Call("restore", by[1], "POST", f"{path}/restore"),
        ] * 2
        grants = [
            Call("grant", by[0], "POST", f"{path}/grants", {"org_id": other}),
            Call("grant", by[1], "POST", f"{path}/grants", {"org_id": other, "access": "edit"}),
            Call("change", by[2], "PATCH", at, {"access": "edit"}),
            Call("revoke", by[0], "DELETE", at),
        ]
        return [*edits, *versions, *steps, *life, *grants]

    def violations(self, end: End) -> list[str]:
        (agent,) = end.kept.agents
        wrong = list(_disorder(end.kept, agent))
        edited = end.statuses("edit")[200] + end.statuses("edit one version")[200]
        if agent["revision"] != 1 + edited:
            wrong.append(f"{edited} edits succeeded, and the agent is at revision {agent['revision']}")
        if end.statuses("edit one version")[200] > 1:
            wrong.append("two editors of one version both succeeded")
        for action in {*ACTIONS.values()}:
            done = sum(_done(end, kind) for kind, its in ACTIONS.items() if its == action)
            least = 0 if action.endswith("activated") else done  # who asks for the state it is in changes nothing
            if not least <= end.audit[action] <= done:
                wrong.append(f"{action} succeeded {done} times, the audit log has it {end.audit[action]} times")
        return wrong


def _disorder(kept: Agents, agent: Document) -> Iterable[str]:
    """Whether the history of an agent runs backwards."""
    revisions = sorted(kept.revisions, key=lambda each: each["number"])
    times = [each["at"] for each in revisions]
    if times != sorted(times):
        yield "a revision is older than the one before it"
    if revisions[-1]["configuration"]["name"] != agent["name"]:
        yield "the agent is not as its last revision says"


def _done(end: End, kind: str) -> int:
    return sum(times for status, times in end.statuses(kind).items() if status < 300)
