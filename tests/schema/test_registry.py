"""The registry says of the entities what the models, the code and a real database do."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from switchboard.annotations import FLAT, SECRET, Reference, Secret
from switchboard.runtime import service as runtime
from switchboard.runtime.service import Grant
from switchboard.schema.documents import DOCUMENTS
from switchboard.schema.reading import purpose_of, read_registry
from switchboard.schema.registry import NINE, Entity, Index, Registry
from tests.agents.conftest import team
from tests.schema.broken import entity, registry_with

__all__ = ["team"]  # a fixture

KEYS = {
    "User": ("user_id",),
    "UserToken": ("user_id",),
    "Organization": ("org_id",),
    "UserOrganization": ("user_id", "org_id"),
    "PendingInvite": ("invite_id",),
    "CalendarEvent": ("event_id",),
    "Agent": ("agent_id",),
    "AgentConfiguration": ("agent_id",),
    "OrganizationAgent": ("org_id", "agent_id"),
}
PROMISED = {  # design: names exactly so; extra fields are allowed, missing ones are not
    "User": "email first_name last_name username picture_url email_confirmed has_password locked enabled mfa_enabled "
    "can_create_orgs created_at last_active_at update_password_required timezone welcome_form_completed "
    "welcome_form_data",
    "UserToken": "access_token refresh_token token_type token_expiration client_id client_secret has_calendar_access "
    "scope created_at updated_at",
    "Organization": "name display_name description domain extra_domains enable_auto_joining_by_domain "
    "members_must_have_matching_domain max_users can_setup_saml legacy_org_id created_at updated_at",
    "UserOrganization": "role_in_org additional_roles_in_org joined_at",
    "PendingInvite": "org_id invitee_email role_in_org additional_roles_in_org inviter_user_id inviter_email "
    "created_at expires_at status",
    "CalendarEvent": "user_id google_event_id title description start_time end_time timezone location attendees "
    "created_at updated_at",
    "Agent": "name phone_number chatbot_api chatbot_key initial_message created_at updated_at status",
    "AgentConfiguration": "tts_config.voice_id tts_config.tts_api_key tts_config.model tts_config.speed "
    "tts_config.language stt_config.api_key stt_config.model stt_config.language",
    "OrganizationAgent": "created_at updated_at",
}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return read_registry()


def relation(registry: Registry, holder: str, field: str) -> tuple[str, str, str]:
    [found] = [
        each for each in registry.relations if (each.holder, each.field) == (holder, field) and each.through is None
    ]
    return found.target, found.cardinality, found.on_delete


def test_the_nine_entities_have_their_keys_and_all_their_fields(registry: Registry) -> None:
    assert {name: registry[name].key for name in NINE} == KEYS
    for name, promised in PROMISED.items():
        paths = {path for path, _ in registry[name].walk()}
        assert set(promised.split()) <= paths, name


def test_every_document_class_is_an_entity_in_a_collection_of_its_own(registry: Registry) -> None:
    own = [each for each in registry if each.owner is None]
    assert len(own) == len(DOCUMENTS) == len({each.collection for each in own})


def test_tokens_stand_flat_in_users_under_the_key_of_their_user(registry: Registry) -> None:
    token = registry["UserToken"]
    assert (token.collection, token.owner, token.key) == ("users", "User", registry["User"].key)
    assert relation(registry, "UserToken", "user_id") == ("User", "1:1", "cascade")
    assert not {"access_token", "token", "tokens"} & {each.name for each in registry["User"].fields}


@pytest.mark.parametrize(
    ("holder", "field", "told"),
    [
        ("PendingInvite", "org_id", ("Organization", "1:N", "cascade")),
        ("PendingInvite", "inviter_user_id", ("User", "1:N", "nullify")),
        ("CalendarEvent", "user_id", ("User", "1:N", "cascade")),
        ("AgentConfiguration", "agent_id", ("Agent", "1:1", "cascade")),
        ("OrganizationAgent", "org_id", ("Organization", "1:N", "cascade")),
        ("OrganizationAgent", "agent_id", ("Agent", "1:N", "cascade")),
        ("UserOrganization", "user_id", ("User", "1:N", "cascade")),
        ("AuditEntry", "org_id", ("Organization", "1:N", "keep")),
    ],
)
def test_references_have_their_cardinality_and_delete_rule(registry: Registry, holder, field, told) -> None:
    assert relation(registry, holder, field) == told


def test_junctions_stand_for_m_to_n(registry: Registry) -> None:
    joined = {each.through: (each.holder, each.target, each.cardinality) for each in registry.relations if each.through}
    assert joined["UserOrganization"] == ("User", "Organization", "M:N")
    assert joined["OrganizationAgent"] == ("Organization", "Agent", "M:N")


def test_a_reference_by_value_is_conceptual(registry: Registry) -> None:
    [by_mail] = [each for each in registry.relations if each.field == "invitee_email"]
    assert (by_mail.target, by_mail.target_field, by_mail.stored) == ("User", "email", False)


def test_every_reference_leads_to_a_field_that_is_a_whole_key_or_is_named(registry: Registry) -> None:
    for each in registry.relations:
        target = registry[each.target]
        assert target.field(each.target_field)
        assert not each.stored or target.key == (each.target_field,)


def models() -> Iterator[type[BaseModel]]:
    """Every model that is stored, and those within them."""
    left: list[Any] = list(DOCUMENTS)
    seen: set[Any] = set()
    while left:
        found = left.pop()
        if isinstance(found, type) and issubclass(found, BaseModel):
            if found not in seen:
                seen.add(found)
                yield found
                left += [info.annotation for info in found.model_fields.values()]
        else:
            left += get_args(found)


def test_no_secret_field_is_shown_by_a_repr() -> None:
    shown = [
        f"{model.__name__}.{name}"
        for model in models()
        for name, info in model.model_fields.items()
        if any(isinstance(mark, Secret) for mark in info.metadata) and info.repr
    ]
    assert shown == []


def test_names_in_models_are_read_as_they_are_stored(registry: Registry) -> None:
    """Only a document's own id is `_id`."""
    assert registry["AuditEntry"].field("_id").kind == "id"
    assert [field.name for field in registry["AuditEntry"].field("actor").fields] == ["kind", "id", "name"]


def test_an_inherited_docstring_is_nobodys_purpose(registry: Registry) -> None:
    assert all(each.purpose and "Usage Documentation" not in each.purpose for each in registry)

    class Bare(BaseModel):
        pass

    class Told(BaseModel):
        """What it is
        for."""

    assert (purpose_of(Bare), purpose_of(Told)) == ("", "What it is for.")


def test_marks_are_read_from_annotations(registry: Registry) -> None:
    assert registry["UserToken"].field("access_token").secret == SECRET
    assert registry["Agent"].field("org_id").reference == Reference("Organization", "cascade")
    assert registry["Agent"].secrets == ["chatbot_key"]
    assert FLAT  # what UserDocument marks its tokens with


def test_an_index_tells_documents_apart_only_when_it_covers_all_of_them() -> None:
    keys = (("agent_id", 1),)
    assert Index("whole", keys, unique=True).tells_apart("agent_id")
    assert not Index("some", keys, unique=True, partial={"live": True}).tells_apart("agent_id")
    assert not Index("plain", keys).tells_apart("agent_id")


def test_without_its_unique_index_a_one_to_one_is_one_to_many() -> None:
    broken = registry_with(entity("AgentConfiguration", indexes=()))
    assert relation(broken, "AgentConfiguration", "agent_id")[1] == "1:N"


async def test_what_goes_with_a_deleted_organization_is_what_the_registry_says(world, registry, team) -> None:
    ours, theirs = await team(), await team()
    made = await ours.made()
    await made.given(theirs, "use")
    await (await theirs.made()).given(ours, "use")
    owner = ours.people["owner"].headers
    at = f"/v1/orgs/{ours.org_id}"
    assert (await world.api.post(f"{at}/invites", headers=owner, json=invite())).status_code == 201
    assert (await world.api.put(f"{at}/calendar-sharing", headers=owner, json={"shows": "busy"})).status_code == 200
    await runtime.create("Phones", Grant(["agents.runtime"], ours.org_id, "Member"), datetime.now(UTC))
    before = holders(world.database, registry, ours.org_id)

    assert (await world.api.delete(at, headers=owner)).status_code == 204

    after = holders(world.database, registry, ours.org_id)
    to_organizations = [each for each in registry.relations if each.target == "Organization" and each.stored]
    goes = {(each.holder, each.field) for each in to_organizations if each.on_delete == "cascade"}
    gone = {holder for holder, _ in goes}
    kept = {(each.holder, each.field) for each in to_organizations if each.on_delete == "keep"}
    stays = {(holder, field) for holder, field in kept if holder not in gone}
    assert {pair for pair in goes if before[pair]} == goes - {("MembershipChange", "org_id")}  # none is under way
    assert {pair: after[pair] for pair in goes} == dict.fromkeys(goes, 0)
    assert [pair for pair in stays if after[pair] < before[pair]] == []
    assert {("ServiceKey", "org_id"), ("AuditEntry", "org_id")} <= {pair for pair in stays if after[pair]}
    shared = world.database["agents"].find_one({"org_id": theirs.org_id})
    assert shared["org_ids"] == [theirs.org_id]  # of a list the entry goes, not its holder


def invite() -> dict[str, str]:
    return {"email": f"{datetime.now(UTC).timestamp()}@example.com", "role_in_org": "Member"}


def holders(database: Any, registry: Registry, org_id: str) -> dict[tuple[str, str], int]:
    """How many documents name an organization, by holder and field."""

    def count(entity: Entity, field: str) -> int:
        found: int = database[entity.collection].count_documents({field: org_id})
        return found

    stored = [each for each in registry.relations if each.target == "Organization" and each.stored]
    return {(each.holder, each.field): count(registry[each.holder], each.field) for each in stored}
