"""The whole state as one JSON value, so that a stack can go on after a restart with the tokens it gave out."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from devstack.google.authorization import Code
from devstack.google.channels import Channel
from devstack.google.grants import AccessToken, Grant, RefreshToken
from devstack.google.keys import SigningKey
from devstack.google.state import Account, Calendar, Client, Entry, Json, StoredEvent
from devstack.google.switches import Switches

if TYPE_CHECKING:
    from devstack.google.server import GoogleEmulator

VERSION = 1


def taken(google: "GoogleEmulator") -> Json:
    """Everything, the signing key and the key of sync tokens included; not for anybody's eyes but a laptop's."""
    store, grants = google.store, google.grants
    return {
        "version": VERSION,
        "clock": {"offset": store.clock.offset, "last_stamp": store.clock.last_stamp},
        "token_key": google.seal.key.hex(),
        "signing_key": grants.key.pem,
        "switches": asdict(google.switches),
        "clients": [asdict(client) for client in store.clients.values()],
        "accounts": [asdict(account) for account in store.accounts.values()],
        "calendars": [_calendar(calendar) for calendar in store.calendars.values()],
        "access_tokens": [asdict(token) for token in grants.access.values()],
        "refresh_tokens": [asdict(token) for token in grants.refresh.values()],
        "grants": [[*key, asdict(grant)] for key, grant in grants.given.items()],
        "codes": [asdict(code) for code in google.authorization.codes.values()],
        "channels": [asdict(channel) for channel in google.channels.open.values()],
    }


def _calendar(calendar: Calendar) -> Json:
    plain = ("id", "summary", "timezone", "owner", "description", "watchable", "expanded_until", "version")
    events = [{"body": event.body, "stamp": event.stamp, "dropped": event.dropped} for event in calendar.order]
    return {name: getattr(calendar, name) for name in plain} | {"events": events}


def restored(google: "GoogleEmulator", state: Json) -> None:
    """Replace the state of an emulator; ValueError for a snapshot of another version."""
    if state.get("version") != VERSION:
        raise ValueError(f"a snapshot of version {VERSION} is needed")
    google.clock.offset, google.clock.last_stamp = state["clock"]["offset"], state["clock"]["last_stamp"]
    google.seal.key = bytes.fromhex(state["token_key"])
    for name, value in asdict(Switches(**state["switches"])).items():
        setattr(google.switches, name, value)
    _restore_store(google, state)
    _restore_tokens(google, state)


def _restore_store(google: "GoogleEmulator", state: Json) -> None:
    store = google.store
    _replace(store.clients, {value["client_id"]: Client(**value) for value in state["clients"]})
    _replace(store.accounts, {value["email"]: _account(value) for value in state["accounts"]})
    _replace(store.calendars, {value["id"]: _restored_calendar(value) for value in state["calendars"]})


def _restore_tokens(google: "GoogleEmulator", state: Json) -> None:
    grants = google.grants
    grants.key = SigningKey(state["signing_key"])
    grants.access = {value["token"]: AccessToken(**value) for value in state["access_tokens"]}
    grants.refresh = {value["token"]: RefreshToken(**value) for value in state["refresh_tokens"]}
    grants.given = {(email, client_id): Grant(**value) for email, client_id, value in state["grants"]}
    google.authorization.codes = {value["code"]: Code(**value) for value in state["codes"]}
    google.channels.open = {value["id"]: Channel(**value) for value in state["channels"]}


def _account(value: Json) -> Account:
    entries = {calendar_id: Entry(**entry) for calendar_id, entry in value["entries"].items()}
    return Account(**{**value, "entries": entries})


def _restored_calendar(value: Json) -> Calendar:
    calendar = Calendar(**{name: inner for name, inner in value.items() if name != "events"})
    for number, kept in enumerate(value["events"]):
        dropped = {event_id: (original, stamp) for event_id, (original, stamp) in kept["dropped"].items()}
        calendar.add(StoredEvent(kept["body"], kept["stamp"], number, dropped))
    for event in sorted(calendar.order, key=lambda event: event.stamp):
        calendar.recent[event.body["id"]] = event
    return calendar


def _replace(target: dict[str, Any], content: dict[str, Any]) -> None:
    target.clear()
    target.update(content)
