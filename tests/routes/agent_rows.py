"""The rows of agents: below an organization that owns the agent, or was given it."""

from typing import Any, Final

from tests.routes.row import Ask, Route, Row

_AGENTS: Final = "/v1/orgs/{org_id}/agents"
_AGENT: Final = f"{_AGENTS}/{{agent_id}}"
_GRANTS: Final = f"{_AGENT}/grants"
_REVISIONS: Final = f"{_AGENT}/revisions"

_STATUS: Final = frozenset({"agents", "agent_changes", "audit_log"})
_SHARING: Final = _STATUS | {"organization_agents"}
_REVISED: Final = _STATUS | {"agent_configurations", "agent_revisions"}
_MADE: Final = _REVISED | {"organization_agents"}


def _edits(**fields: Any) -> Ask:
    return Ask("agents.write", json=fields, access="edit", alters=_REVISED)


def _owners(needs: str, alters: frozenset[str] = _STATUS, **fields: Any) -> Ask:
    return Ask(needs, json=fields or None, alters=alters)


AGENTS: dict[Route, Row] = {
    ("GET", _AGENTS): Row(
        200,
        (
            Ask("agents.read"),
            Ask("agents.read", params={"status": "deleted", "name": "a", "ready": "true", "limit": 2}),
            Ask("agents.read", params={"number": "{new_number}"}),
        ),
    ),
    ("POST", _AGENTS): Row(
        201,
        (
            _owners("agents.write", _MADE, name="{new_name}"),
            _owners("agents.bind_number", _MADE, name="{new_name}", phone_number="{new_number}"),
        ),
        writes=True,
        stays=True,
    ),
    ("GET", _AGENT): Row(200, (Ask("agents.read", access="use"),), child="agent"),
    ("PATCH", _AGENT): Row(
        200,
        (
            _edits(initial_message="{new_name}"),
            _edits(name="{new_name}", tts_config={"tts_api_key": "{new_key}"}),
            _owners("agents.bind_number", _REVISED, phone_number="{new_number}"),
            _owners("agents.bind_number", _REVISED, initial_message="{new_name}", phone_number=None),
        ),
        child="agent",
        writes=True,
        stays=True,
        version=True,
    ),
    ("DELETE", _AGENT): Row(204, (_owners("agents.delete"),), child="agent", writes=True, stays=True, version=True),
    ("POST", f"{_AGENT}/activate"): Row(
        200, (_owners("agents.activate"),), child="agent", writes=True, stays=True, version=True
    ),
    ("POST", f"{_AGENT}/deactivate"): Row(
        200, (_owners("agents.activate"),), child="active agent", writes=True, stays=True, version=True
    ),
    ("POST", f"{_AGENT}/restore"): Row(
        200,
        (_owners("agents.restore"), _owners("agents.restore", _REVISED, without_number=True)),
        child="deleted agent",
        writes=True,
        stays=True,
    ),
    # It makes an agent of the caller's own organization.
    ("POST", f"{_AGENT}/copy"): Row(
        201,
        (Ask("agents.write", json={"name": "{new_name}"}, access="use", alters=_MADE),),
        child="agent",
        writes=True,
        stays=True,
    ),
    ("GET", f"{_AGENT}/readiness"): Row(200, (Ask("agents.read", access="use"),), child="agent"),
    # It changes nothing here, and the name of the host has no address.
    ("POST", f"{_AGENT}/probe"): Row(200, (Ask("agents.write", access="edit"),), child="agent"),
    ("GET", _GRANTS): Row(200, (Ask("agents.share"),), child="agent", names=True),
    ("POST", _GRANTS): Row(
        201,
        (
            _owners("agents.share", _SHARING, org_id="{guest}", access="edit"),
            _owners("agents.share", _SHARING, org_id="{stranger}"),
        ),
        child="agent",
        writes=True,
        stays=True,
    ),
    ("PATCH", f"{_GRANTS}/{{grantee}}"): Row(
        200, (_owners("agents.share", _SHARING, access="edit"),), child="agent", writes=True, stays=True
    ),
    ("DELETE", f"{_GRANTS}/{{grantee}}"): Row(
        204, (_owners("agents.share", _SHARING),), child="agent", writes=True, stays=True
    ),
    ("GET", _REVISIONS): Row(
        200, (Ask("agents.read", access="edit"), Ask("agents.read", params={"limit": 1}, access="edit")), child="agent"
    ),
    ("GET", f"{_REVISIONS}/in-force"): Row(
        200, (Ask("agents.read", params={"as_of": "{now}"}, access="edit"),), child="agent"
    ),
    ("GET", f"{_REVISIONS}/{{number}}"): Row(200, (Ask("agents.read", access="edit"),), child="agent"),
    ("GET", f"{_REVISIONS}/{{number}}/differences"): Row(
        200, (Ask("agents.read", params={"to": 2}, access="edit"),), child="agent"
    ),
    ("POST", f"{_REVISIONS}/{{number}}/restore"): Row(
        200, (_edits(reason="It was better"),), child="agent", writes=True, stays=True, version=True
    ),
}
