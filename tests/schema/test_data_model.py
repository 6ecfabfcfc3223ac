"""docs/data-model.md says what the registry does."""

import re

import pytest

from switchboard.schema.diagrams.artefacts import Artefacts
from switchboard.schema.reading import read_registry
from switchboard.schema.registry import NINE
from switchboard.schema.sql.appendix import sql_appendix
from tests.schema.broken import field, registry_with


@pytest.fixture(scope="module")
def page() -> str:
    return Artefacts(read_registry()).page


def part(page: str, name: str) -> str:
    """What is said of one entity."""
    return re.split(r"^##", page.split(f"\n### {name}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]


def row(page: str, entity: str, first: str) -> list[str]:
    [found] = [line for line in part(page, entity).splitlines() if line.startswith(f"| {first} |")]
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", found)[1:-1]]


def test_the_nine_come_first_and_then_all_others(page: str) -> None:
    titles = re.findall(r"^### (\w+)$", page, re.MULTILINE)
    names = [each.name for each in read_registry()]
    assert titles[: len(NINE)] == list(NINE)
    assert titles[len(NINE) : len(names)] == [name for name in names if name not in NINE]


def test_every_field_index_and_relation_has_its_row(page: str) -> None:
    registry = read_registry()
    for entity in registry:
        told = part(page, entity.name)
        fields = {path for path, _ in entity.walk()}
        assert fields <= set(re.findall(r"^\| `([^`]+)` \|", told, re.MULTILINE)), entity.name
        if entity.owner is None:
            assert {index.name for index in entity.indexes} <= set(re.findall(r"^\| `([^`]+)` \|", told, re.MULTILINE))
        mine = [each for each in registry.relations if entity.name in (each.holder, each.target)]
        rows = re.findall(r"^\| (?:refers to|is referred to by|both ways) \|", told, re.MULTILINE)
        assert len(rows) == len(mine), entity.name


def test_a_field_is_told_with_type_default_choices_bounds_secret_and_reference(page: str) -> None:
    assert row(page, "Agent", "`chatbot_key`") == [
        "`chatbot_key`", "string or null", "", "`null`", "", "**secret**, never stored in the clear"
    ]  # fmt: skip
    assert row(page, "Agent", "`status`")[3:5] == ['`"inactive"`', "`active`, `inactive`, `deleted`"]
    assert row(page, "AgentConfiguration", "`tts_config.speed`")[3:5] == ["`1.0`", "at least 0.5, at most 2"]
    assert row(page, "UserOrganization", "`user_id`")[5] == "part of the key, refers to [User](#user)"
    assert row(page, "PendingInvite", "`invitee_email`")[5] == "refers to [User](#user) by its `email`"
    assert row(page, "WorkingHours", "`weekly`")[3].startswith('`{"monday"')


def test_a_relation_is_told_with_cardinality_and_what_a_deletion_does(page: str) -> None:
    told = part(page, "PendingInvite")
    assert (
        "| [User](#user) | 1:N | `PendingInvite.inviter_user_id` | `nullify`: stays, with this field emptied |" in told
    )
    assert "| [Organization](#organization) | 1:N | `PendingInvite.org_id` | `cascade`: goes as well |" in told
    assert "| M:N | `Agent.org_ids` | `cascade`: stays, without this entry of its list |" in part(page, "Agent")
    assert "| both ways | [Organization](#organization) | M:N, conceptual | through" in part(page, "User")


def test_an_index_is_told_with_its_condition_and_its_end(page: str) -> None:
    assert row(page, "Agent", "`one_live_agent_per_number`")[2].startswith('unique, only where `{"phone_number"')
    assert row(page, "WebhookDelivery", "`received_at_ttl`")[2] == "documents go 14 days after this time"
    assert row(page, "Consent", "`expires_at_ttl`")[2] == "documents go at this time"


def test_links_inside_the_page_lead_somewhere(page: str) -> None:
    titles = {title.lower().replace(" ", "-") for title in re.findall(r"^#+ (.+)$", page, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= titles


def test_every_line_of_the_checklist_is_ticked_and_the_sql_comes_last(page: str) -> None:
    ticks = re.findall(r"^- \[(.)\] ", page, re.MULTILINE)
    assert len(ticks) > 20
    assert set(ticks) == {"x"}
    assert page.count("\n## SQL appendix\n") == 1
    assert page.endswith(sql_appendix().rstrip() + "\n")


def test_a_fault_is_told_in_the_page_and_not_ticked() -> None:
    page = Artefacts(registry_with(field("Agent", "agent_id", kind="json"))).page
    assert "- [ ] Both ends of every reference have the same type: " in page
    assert "- [ ] Every entity is in every diagram, once: waits for the lines above" in page
