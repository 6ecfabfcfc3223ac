"""Nothing that holds a secret shows it when it is printed, by itself or inside of something else."""

import dataclasses
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr, ValidationError

from switchboard import cli, worker
from switchboard.agents.documents import AgentConfigurationDocument, AgentDocument, AgentRevisionDocument
from switchboard.agents.model import Agent, AgentRevision, Holding, Step
from switchboard.audit.model import SYSTEM
from switchboard.configurations.model import Configuration, Safe
from switchboard.connections.model import Consent
from switchboard.crypto import KeyRing
from switchboard.delivery.model import Delivery, content_of
from switchboard.delivery.schemas import AgentRun
from switchboard.editing.model import told
from switchboard.editing.schemas import AgentCreate, AgentUpdate, SttSent, TtsSent
from switchboard.organizations.model import Acting, Organization
from switchboard.providers.model import SttConfig, TtsConfig
from switchboard.roles.model import Rights
from switchboard.rotation.model import Kept
from switchboard.runtime.model import CalendarToken
from switchboard.runtime.schemas import CalendarTokenShown
from switchboard.users.model import User, UserToken
from switchboard.variants.model import read_agent
from tests.secrets.canaries import Search, new
from tests.world import World

SECRET = new("a secret")
TEXT = SECRET.text
SEARCH = Search([SECRET])
NOW = datetime.now(UTC)

NAMES = frozenset({
    *("chatbot_key", "tts_api_key", "api_key", "access_token", "refresh_token", "propels_access_token", "id_token"),
    *("client_secret", "webhook_secret", "keys", "uri", "verifier", "nonce", "secret", "password", "token"),
})  # fmt: skip
# Their field of such a name is no secret: it says which fields are secret, or names keys of indexes and rows.
SAY_WHICH = {"Field.secret", "Row.secret", "Index.keys", "Fitting.keys"}
MASKS = {"ConfigurationShown", "TtsShown", "SttShown", "AgentRecord"}  # what these, and kinds of them, hold may be seen


def classes() -> dict[str, type]:
    """All models and dataclasses of what runs, by their full names."""
    found = {}
    for name, module in list(sys.modules.items()):
        for each in vars(module).values() if name.startswith("switchboard.") else ():
            if isinstance(each, type) and each.__module__ == name and _has_fields(each):
                found[f"{name}.{each.__qualname__}"] = each
    return found


def _has_fields(each: type) -> bool:
    return issubclass(each, BaseModel) or dataclasses.is_dataclass(each)


def _is_model(each: type, name: str) -> bool:
    """Whether a field holds a model, which is looked at by itself."""
    return issubclass(each, BaseModel) and each.model_fields[name].annotation is UserToken


def fields_of(each: type) -> list[str]:
    if issubclass(each, BaseModel):
        return list(each.model_fields)
    return [field.name for field in dataclasses.fields(each)]


def holding(each: type, name: str) -> Any:
    """One of this class whose only field is a secret, of the type that is declared."""
    if issubclass(each, BaseModel):
        return each.model_construct(**{name: _secret(repr(each.model_fields[name]))})
    made: Any = object.__new__(each)
    for field in dataclasses.fields(each):
        object.__setattr__(made, field.name, _secret(str(field.type)) if field.name == name else None)
    return made


def _secret(declared: str) -> object:
    return SecretStr(TEXT) if "SecretStr" in declared else TEXT


def test_every_model_with_a_field_for_a_secret_hides_it() -> None:
    shown, looked_at = set(), set()
    for each in classes().values():
        for name in NAMES.intersection(fields_of(each)):
            place = f"{each.__qualname__}.{name}"
            if (
                MASKS.intersection(kind.__name__ for kind in each.__mro__)
                or _is_model(each, name)
                or place in SAY_WHICH
            ):
                continue
            made = holding(each, name)
            looked_at.add(place)
            shown |= {place for text in (repr(made), str(made), f"{made}") if SEARCH.names(text.encode())}

    assert shown == set()
    assert {cli.__name__, worker.__name__} <= sys.modules.keys()  # they import all that runs
    models = {place.partition(".")[0] for place in looked_at}
    assert models >= {"Configuration", "Agent", "TtsConfig", "SttConfig", "TtsSent", "SttSent", "AgentUpdate"}
    assert models >= {"TtsRun", "SttRun", "AgentRun", "UserToken", "Consent", "CalendarToken", "SealingSettings"}


SENT: dict[str, Any] = {
    "name": "x",
    "chatbot_key": TEXT,
    "tts_config": {"provider": "elevenlabs", "tts_api_key": TEXT},
    "stt_config": {"api_key": TEXT},
}
OLDER = {**SENT, "tts_config": {"provider": "openai", "openai": {"api_key": TEXT}, "elevenlabs": {"api_key": TEXT}}}


def made(world: World) -> Iterator[Any]:
    """Everything a secret passes through, with secrets stored plain, as older programs left them."""
    ring = KeyRing([("k", TEXT.encode()[:32])])
    safe = Safe(ring, "agent")
    yield from (ring, safe, world.settings, *world.settings.model_dump().values(), world.services)
    yield from (AgentCreate(**SENT), AgentUpdate(**SENT), AgentUpdate(**OLDER), AgentUpdate(**OLDER).fields())
    yield from (TtsSent(**SENT["tts_config"]), SttSent(**SENT["stt_config"]))
    configuration = Configuration(**SENT)
    yield from (configuration, Configuration(name="x").changed(AgentUpdate(**SENT).fields(), safe))
    yield from (configuration.tts_config, configuration.stt_config, configuration.masked(safe))
    times = {"created_at": NOW, "updated_at": NOW}
    agent = Agent(agent_id="agent", org_id="org", org_ids=["org"], name="x", chatbot_key=TEXT, etag="e", **times)
    beside = agent.beside(configuration)
    author = {"agent_id": "agent", "org_id": "org", "number": 1, "at": NOW, "author": SYSTEM, "author_org_id": "org"}
    revision = AgentRevision(configuration=configuration, **author)
    yield from (agent, beside, revision, agent.configured(configuration, True))
    for document, model in (
        (AgentDocument, agent),
        (AgentConfigurationDocument, beside),
        (AgentRevisionDocument, revision),
    ):
        yield document(**model.model_dump())
    acting = Acting(SYSTEM, Rights("Owner"), Organization.model_construct(org_id="org", name="Org"))
    held = Holding(acting, agent, configuration, "owner")
    was, is_ = told({"chatbot_key": (None, TEXT), "stt_config.api_key": (TEXT, TEXT)})
    step = Step(held, "agent.updated", ("keys",), {}, NOW, revised=configuration, before=was, after=is_)
    yield from (held, step, step.applied(), step.revision(2), step.change(agent), *step.entries(agent))
    delivery = Delivery('"e"', content_of(agent, configuration, safe))
    yield from (delivery, AgentRun.model_validate(delivery.content), Kept("agent", "chatbot_key", TEXT, True))
    yield from (read_agent({**OLDER, "conversation": {"chatbot_key": TEXT}}), read_agent(SENT, "x"))
    user = User(user_id="u", access_token=TEXT, refresh_token=TEXT, client_secret=TEXT)  # type: ignore[call-arg]
    token = CalendarToken.of(user, TEXT)
    yield from (user, user.token, token, CalendarTokenShown.of(token), Consent.begun("u", (TEXT, TEXT, TEXT), NOW))


async def test_nothing_that_a_secret_passes_through_shows_it(world: World) -> None:
    things = list(made(world))

    for thing in things:
        for text in (repr(thing), str(thing), repr([thing]), repr({"it": thing})):
            assert SEARCH.names(text.encode()) == set(), type(thing).__name__
            sealing = world.settings.sealing.keys.get_secret_value().partition(":")[2]
            assert sealing[:12] not in text, type(thing).__name__
    assert len(things) > 30


def test_they_do_hold_it() -> None:
    """What is looked at above has the secret: it is not the secret that is missing, but its text."""
    configuration = Configuration(**SENT)
    assert list(configuration.secrets.values()) == [TEXT] * 3
    assert AgentUpdate(**OLDER).tts_config.tts_api_key == SecretStr(TEXT)
    assert AgentRun.model_fields["chatbot_key"].repr is False
    assert "repr=False" in repr(AgentRun.model_fields["chatbot_key"])


@pytest.mark.parametrize("model", [AgentCreate, AgentUpdate, TtsSent, SttSent, TtsConfig, SttConfig])
def test_a_value_that_is_refused_is_not_quoted(model: type[BaseModel]) -> None:
    names = list(model.model_fields)
    for value in (
        *({name: [TEXT, {"a": TEXT}] for name in names}, dict.fromkeys(names, TEXT + "x" * 200_000), [TEXT], TEXT),
        *({**dict.fromkeys(names, TEXT), "another": TEXT}, {"another": {"a": [TEXT]}}),
    ):
        with pytest.raises(ValidationError) as caught:
            model.model_validate(value)
        assert SEARCH.names(f"{caught.value} {caught.value!r}".encode()) == set(), model.__name__
