"""A small old system: its database, its dump of agents, and PropelAuth with the people who are signed in there."""

import json
from dataclasses import dataclass
from typing import Any

from bson import ObjectId

from devstack.old_shapes import old_sessions, old_users
from devstack.propelauth import PropelAuthEmulator
from tests.operations.old_backend import OldBackend
from tests.operators import Operator
from tests.users.variants import v3
from tests.variants.stored import ELEVENLABS, OPENAI_B, OPENAI_D

PEOPLE = 12


@dataclass
class OldSystem:
    operator: Operator
    user_ids: list[str]
    org_ids: list[str]

    @property
    def users(self) -> Any:
        return self.operator.database["users"]

    def backend(self) -> OldBackend:
        """It serves people of PropelAuth, and some that only the database knows."""
        others = [stored["user_id"] for stored in self.users.find({"token_expiration": {"$exists": True}}, limit=200)]
        return OldBackend(self.users, [*self.user_ids, *dict.fromkeys(others)])

    def content(self, *collections: str) -> dict[str, list[dict[str, Any]]]:
        return {name: list(self.operator.database[name].find(sort=[("_id", 1)])) for name in collections}


def old_system(operator: Operator, propelauth: PropelAuthEmulator, users: int) -> OldSystem:
    """Documents of all shapes with duplicates, sessions, agents of the first service; organizations at PropelAuth."""
    database = operator.database
    database["users"].insert_many(old_users(users, duplicates=True))
    database["sessions"].insert_many(old_sessions(30))
    database["agents"].insert_many({"_id": ObjectId(), "agentId": f"first_{number}", "__v": 0} for number in range(3))
    people = [propelauth.add_user(f"person-{number}@clinic.example", first_name="Ada") for number in range(PEOPLE)]
    database["users"].insert_many({**v3(each.user_id), "email": each.email} for each in people)
    org_ids = []
    for number in range(3):
        org = propelauth.add_org(f"Clinic {number}")
        members = people[number::3]
        for place, each in enumerate(members):
            propelauth.add_member(org.org_id, each.user_id, ("Owner", "Admin", "Member", "Member")[place])
        propelauth.invite(f"guest-{number}@clinic.example", org.org_id, "Member")
        org_ids.append(org.org_id)
    (operator.folder / "agents.json").write_text(json.dumps(dump()), "utf-8")
    named = {f"Clinic {number}": org_id for number, org_id in enumerate(org_ids)}
    (operator.folder / "organizations.json").write_text(json.dumps(named), "utf-8")
    return OldSystem(operator, [each.user_id for each in people], org_ids)


def dump() -> dict[str, Any]:
    """What `GET /agents/all` of the older service answers: a map, here with a record of each variant."""
    shared = {"chatbot_api": "https://bot.clinic.example/chat", "chatbot_key": "bot-secret"}
    deepgram = {"provider": "deepgram", "deepgram": {"api_key": "dg", "model": "nova-3", "language": "en"}}
    flat = {"voice_id": "anna", "tts_api_key": "cartesia-secret", "model": "sonic-2", "speed": 1.0}
    texts = {
        "reception_a": {"tts_config": flat, "stt_config": {"api_key": "dg", "model": "nova-2", "language": "en"}},
        "reception_b": {"tts_config": {"provider": "openai", "openai": OPENAI_B}, "stt_config": deepgram},
        "reception_c": {"tts_config": {"provider": "elevenlabs", "elevenlabs": ELEVENLABS}, "stt_config": deepgram},
        "reception_d": {"tts_config": {"provider": "openai", "openai": OPENAI_D}, "stt_config": deepgram},
        "reception_e": {
            "tts_config": {"provider": "cartesian", "cartesian": flat, "openai": None},
            "stt_config": deepgram,
            "created_at": 1_758_000_000.25,
        },
    }
    return {
        name: {**shared, **config, "organization_id": f"Clinic {number % 3}", "phone_number": f"+49301234{number:02}"}
        for number, (name, config) in enumerate(texts.items())
    }
