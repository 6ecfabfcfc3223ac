"""calendarList, calendars, settings, colors and freeBusy over HTTP."""

from typing import Any

from aiohttp import web

from devstack.google import query as queries
from devstack.google.bodies import etag
from devstack.google.errors import full_sync_required, invalid, not_found
from devstack.google.gateway import Call, Gateway
from devstack.google.state import ROLES, Account, Entry, Json, Store
from devstack.google.tokens import TokenSeal, fingerprint

SETTINGS = {
    "autoAddHangouts": "false",
    "dateFieldOrder": "DMY",
    "defaultEventLength": "60",
    "format24HourTime": "true",
    "hideInvitations": "false",
    "hideWeekends": "false",
    "locale": "en",
    "remindOnRespondedEventsOnly": "false",
    "showDeclinedEvents": "true",
    "useKeyboardShortcuts": "true",
    "weekStart": "1",
}
PALETTE = [
    "#ac725e",
    "#d06b64",
    "#f83a22",
    "#fa573c",
    "#ff7537",
    "#ffad46",
    "#42d692",
    "#16a765",
    "#7bd148",
    "#b3dc6c",
    "#fbe983",
    "#fad165",
    "#92e1c0",
    "#9fe1e7",
    "#9fc6e7",
    "#4986e7",
    "#9a9cff",
    "#b99aff",
    "#c2c2c2",
    "#cabdbf",
    "#cca6ac",
    "#f691b2",
    "#cd74e6",
    "#a47ae2",
]


class ListRoutes:
    def __init__(self, store: Store, seal: TokenSeal) -> None:
        self.store = store
        self.seal = seal

    def add_to(self, app: web.Application, gateway: Gateway) -> None:
        gateway.route(app, "calendar.calendarList.list", self.calendar_list)
        gateway.route(app, "calendar.calendarList.get", self.entry)
        gateway.route(app, "calendar.calendars.get", self.calendar)
        gateway.route(app, "calendar.settings.list", self.settings)
        gateway.route(app, "calendar.settings.get", self.setting)
        gateway.route(app, "calendar.colors.get", self.colors)

    async def calendar_list(self, call: Call) -> Json:
        """Pages of entries; a sync token gives what changed, removed and hidden entries included."""
        parameters, account = call.parameters, call.account
        since, stamp, position = self._state(call)
        entries = [entry for entry in account.entries.values() if self._listed(entry, parameters, since)]
        size = queries.number(parameters, "maxResults", 100, 250)
        page = entries[position : position + size]
        answer: Json = {
            "kind": "calendar#calendarList",
            "etag": etag(max((entry.stamp for entry in account.entries.values()), default=0)),
            "items": [self._entry_body(entry) for entry in page],
        }
        if position + size < len(entries):
            token = [self._query(call), since, stamp, position + size]
            return answer | {"nextPageToken": self.seal.seal("calendars page", token)}
        return answer | {"nextSyncToken": self.seal.seal("calendars", [account.email, stamp])}

    def _query(self, call: Call) -> str:
        plain = sorted((n, v) for n, v in call.parameters.items() if n not in ("pageToken", "maxResults"))
        return fingerprint(call.account.email, plain)

    def _state(self, call: Call) -> tuple[int, int, int]:
        """The stamp to list from, the stamp of the first page, and the position in the list."""
        since = self._since(call)
        token = call.request.query.get("pageToken")
        if token is None:
            return since, self.store.clock.stamp(), 0
        try:
            query, since, stamp, position = self.seal.open("calendars page", token)
        except ValueError as error:
            raise invalid("Invalid page token value.", "pageToken") from error
        if query != self._query(call):
            raise invalid("The page token does not belong to this query.", "pageToken")
        return since, stamp, position

    def _since(self, call: Call) -> int:
        token = call.request.query.get("syncToken")
        if token is None:
            return 0
        if "minAccessRole" in call.parameters:
            raise invalid("Sync token cannot be used with this parameter.", "minAccessRole", "badRequest")
        try:
            email, stamp = self.seal.open("calendars", token)
        except ValueError as error:
            raise full_sync_required() from error
        if email != call.account.email or stamp <= call.account.list_floor:
            raise full_sync_required()
        return int(stamp)

    def _listed(self, entry: Entry, parameters: queries.Parameters, since: int) -> bool:
        if since:
            return entry.stamp > since
        least = parameters.get("minAccessRole", [ROLES[0]])[-1]
        if least not in ROLES:
            raise invalid(f"Invalid value '{least}'.", "minAccessRole", "invalidParameter")
        if entry.deleted and not queries.flag(parameters, "showDeleted"):
            return False
        if entry.hidden and not queries.flag(parameters, "showHidden"):
            return False
        return ROLES.index(entry.access_role) >= ROLES.index(least)

    def _entry_body(self, entry: Entry) -> Json:
        body: Json = {"kind": "calendar#calendarListEntry", "etag": etag(entry.stamp), "id": entry.calendar_id}
        calendar = self.store.calendars.get(entry.calendar_id)
        if entry.deleted or calendar is None:
            return body | {"deleted": True}
        color = int(fingerprint(entry.calendar_id), 16) % len(PALETTE)
        body |= {
            "summary": calendar.summary,
            "timeZone": calendar.timezone,
            "colorId": str(color + 1),
            "backgroundColor": PALETTE[color],
            "foregroundColor": "#000000",
            "selected": True,
            "accessRole": entry.access_role,
            "defaultReminders": [{"method": "popup", "minutes": 10}] if entry.primary else [],
            "conferenceProperties": {"allowedConferenceSolutionTypes": ["hangoutsMeet"]},
        }
        body |= {"description": calendar.description} if calendar.description else {}
        body |= {"primary": True} if entry.primary else {"dataOwner": calendar.owner}
        return body | ({"hidden": True} if entry.hidden else {})

    async def entry(self, call: Call) -> Json:
        entry = self.store.entry(call.account, call.path("calendarId"))
        call.answer_headers["ETag"] = etag(entry.stamp)
        return self._entry_body(entry)

    async def calendar(self, call: Call) -> Json:
        calendar, entry = self.store.calendar(call.account, call.path("calendarId"))
        call.answer_headers["ETag"] = etag(entry.stamp)
        body = {
            "kind": "calendar#calendar",
            "etag": etag(entry.stamp),
            "id": calendar.id,
            "summary": calendar.summary,
            "timeZone": calendar.timezone,
            "conferenceProperties": {"allowedConferenceSolutionTypes": ["hangoutsMeet"]},
        }
        return body | ({"description": calendar.description} if calendar.description else {})

    def _settings(self, account: Account) -> list[Json]:
        values = sorted({**SETTINGS, "timezone": account.timezone}.items())
        return [{"kind": "calendar#setting", "etag": '"0"', "id": name, "value": value} for name, value in values]

    async def settings(self, call: Call) -> Json:
        items = self._settings(call.account)
        token = self.seal.seal("settings", [call.account.email])
        return {"kind": "calendar#settings", "etag": '"0"', "items": items, "nextSyncToken": token}

    async def setting(self, call: Call) -> Json:
        found = [item for item in self._settings(call.account) if item["id"] == call.path("setting")]
        if not found:
            raise not_found()
        return found[0]

    async def colors(self, _: Call) -> Json:
        shades: dict[str, Any] = {
            str(number): {"background": shade, "foreground": "#1d1d1d"} for number, shade in enumerate(PALETTE, 1)
        }
        events = {number: shade for number, shade in shades.items() if int(number) <= 11}
        return {
            "kind": "calendar#colors",
            "updated": "2012-02-14T00:00:00.000Z",
            "calendar": shades,
            "event": events,
        }
