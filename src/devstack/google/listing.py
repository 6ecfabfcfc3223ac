"""Pages of events with page and sync tokens: the answers of `events.list` and `events.instances`."""

from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import Any

import orjson

from devstack.google.bodies import etag
from devstack.google.clock import rfc3339_milliseconds, seconds_of
from devstack.google.errors import full_sync_required, invalid
from devstack.google.events import Place
from devstack.google.mask import applied, parsed
from devstack.google.query import Query
from devstack.google.selection import Found, Selection
from devstack.google.state import Store, StoredEvent
from devstack.google.switches import Switches
from devstack.google.tokens import TokenSeal, fingerprint
from devstack.google.views import View


@dataclass(frozen=True)
class PageState:
    """What a page token carries: the query, the state at the first page, the last key given."""

    query: str
    stamp: int
    since: int
    after: tuple[float, float, str] | None
    page: int

    def packed(self) -> list[Any]:
        return [self.query, self.stamp, self.since, self.after, self.page]


class Listing:
    """Answers listings of one store; `switches` decide about awkward pages."""

    def __init__(self, store: Store, seal: TokenSeal, switches: Switches) -> None:
        self.store = store
        self.seal = seal
        self.switches = switches
        self._cache: dict[tuple[object, ...], tuple[list[Found], list[tuple[float, float, str]]]] = {}

    def events(self, place: Place, query: Query, fields: str = "") -> bytes:
        """One page of `events.list` as JSON."""
        state = self._page_state(place, query)
        self._note_horizon(place, query)
        found, keys = self._found(place, query, state)
        return self._page(place, query, fields, (found, keys, state))

    def instances(self, place: Place, master: StoredEvent, query: Query, fields: str = "") -> bytes:
        """One page of `events.instances` as JSON."""
        query = replace(query, single_events=True, gives_sync_token=False)
        state = self._page_state(place, query)
        found = self._selection(place, query).instances(master)
        start = state.after[0] if state.after else 0
        found = [Found((float(n), 0.0, ""), *item[1:]) for n, item in enumerate(found, 1) if n > start]
        return self._page(place, query, fields, (found, [item.key for item in found], state))

    def _selection(self, place: Place, query: Query) -> Selection:
        return Selection(place.calendar, query, self.store.clock.now(), self.switches.max_instances)

    def _note_horizon(self, place: Place, query: Query) -> None:
        if query.single_events and query.time_max != float("inf"):
            place.calendar.expanded_until = max(place.calendar.expanded_until, query.time_max)

    def _found(
        self, place: Place, query: Query, state: PageState
    ) -> tuple[list[Found], list[tuple[float, float, str]]]:
        """The whole result; kept while its pages are fetched and the calendar does not change."""
        cache_key = (place.calendar.id, state.query, state.since, place.calendar.version, self.switches.max_instances)
        known = self._cache.get(cache_key)
        if known is None:
            selection = self._selection(place, query)
            found = selection.since(state.since) if state.since else selection.full()
            known = (found, [item.key for item in found])
            if len(self._cache) >= 16:
                self._cache.pop(next(iter(self._cache)))
            self._cache[cache_key] = known
        return known

    def _identity(self, place: Place, query: Query) -> str:
        plain = replace(query, page_token="", max_results=0, zone="", max_attendees=0)
        return fingerprint(place.account.email, place.calendar.id, plain)

    def _page_state(self, place: Place, query: Query) -> PageState:
        identity = self._identity(place, query)
        since = self._since(place, query) if query.sync_token else 0
        if not query.page_token:
            return PageState(identity, self.store.clock.stamp(), since, None, 0)
        try:
            values = self.seal.open("page", query.page_token)
        except ValueError as error:
            raise invalid("Invalid page token value.", "pageToken") from error
        state = PageState(*values)
        if state.query != identity:
            raise invalid("The page token does not belong to this query.", "pageToken")
        number, original, event_id = state.after or (0.0, 0.0, "")
        return replace(state, after=(number, original, event_id) if state.after else None)

    def _since(self, place: Place, query: Query) -> int:
        """The state a sync token stands for; 410 if it is not, or no longer, good for this user and calendar."""
        try:
            owner, calendar_id, scope, stamp = self.seal.open("sync", query.sync_token)
        except ValueError as error:
            raise full_sync_required() from error
        lifetime = self.switches.sync_token_lifetime
        too_old = lifetime is not None and seconds_of(stamp) < self.store.clock.now() - lifetime
        if [owner, calendar_id] != [place.account.email, place.calendar.id] or stamp <= place.entry.token_floor:
            raise full_sync_required()
        if too_old:
            raise full_sync_required()
        if scope != query.scope:
            raise invalid("The sync token was given for other parameters.", "syncToken", "badRequest")
        return int(stamp)

    def _page(
        self,
        place: Place,
        query: Query,
        fields: str,
        result: tuple[list[Found], list[tuple[float, float, str]], PageState],
    ) -> bytes:
        found, keys, state = result
        start = bisect_right(keys, state.after) if state.after else 0
        size = self._page_size(query.max_results, state.page, len(found) - start)
        page = found[start : start + size]
        following = replace(state, after=page[-1].key if page else state.after, page=state.page + 1)
        more = start + size < len(found)
        tokens = self._tokens(place, query, following if more else None, state.stamp)
        return self._rendered(place, query, fields, (page, tokens))

    def _page_size(self, asked: int, page: int, left: int) -> int:
        if self.switches.empty_pages and page % 2 == 0 and left > 0:
            return 0
        short = self.switches.short_pages
        if short and (page + 1) % short == 0:
            return max(1, asked // 2)
        return asked

    def _tokens(self, place: Place, query: Query, following: PageState | None, stamp: int) -> dict[str, str]:
        if following is not None:
            return {"nextPageToken": self.seal.seal("page", following.packed())}
        if not query.gives_sync_token:
            return {}
        value = [place.account.email, place.calendar.id, query.scope, stamp]
        return {"nextSyncToken": self.seal.seal("sync", value)}

    def _rendered(self, place: Place, query: Query, fields: str, content: tuple[list[Found], dict[str, str]]) -> bytes:
        page, tokens = content
        mask = parsed(fields) if fields else {}
        view = View(place.entry.access_role, query.zone, query.max_attendees, _item_fields(mask))
        head = applied(mask, {**self._head(place, query), **tokens})
        if mask and "items" not in mask and "*" not in mask:
            return orjson.dumps(head)
        items = b",".join([_item(view, item, place) for item in page])
        opening = orjson.dumps(head)[:-1]
        return opening + (b"," if len(opening) > 1 else b"") + b'"items":[' + items + b"]}"

    def _head(self, place: Place, query: Query) -> dict[str, Any]:
        calendar = place.calendar
        stamp = calendar.version or place.entry.stamp
        head = {
            "kind": "calendar#events",
            "etag": etag(stamp),
            "summary": calendar.summary,
            "updated": rfc3339_milliseconds(seconds_of(stamp)),
            "timeZone": query.zone or calendar.timezone,
            "accessRole": place.entry.access_role,
            "defaultReminders": [{"method": "popup", "minutes": 10}] if place.entry.primary else [],
        }
        return head | ({"description": calendar.description} if calendar.description else {})


def _item(view: View, item: Found, place: Place) -> bytes:
    if item.stone is not None:
        return orjson.dumps(view.body(item.stone, place.calendar))
    if item.original is not None:
        return view.render_instance(item.event, item.original, place.calendar)
    return view.render(item.event, place.calendar)


def _item_fields(mask: dict[str, Any]) -> str:
    return _text(mask["items"]) if mask.get("items") else ""


def _text(mask: dict[str, Any]) -> str:
    return ",".join(f"{name}({_text(below)})" if below else name for name, below in mask.items())
