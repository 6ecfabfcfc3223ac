"""`calendar.events.*` over HTTP."""

from aiohttp import web

from devstack.google import query as queries
from devstack.google.errors import condition_not_met, invalid, not_found
from devstack.google.events import Events, Place
from devstack.google.gateway import Call, Gateway, Method
from devstack.google.listing import Listing
from devstack.google.state import Json
from devstack.google.views import View


class EventRoutes:
    def __init__(self, events: Events, listing: Listing) -> None:
        self.events = events
        self.listing = listing

    def add_to(self, app: web.Application, gateway: Gateway) -> None:
        handlers: dict[str, Method] = {
            "list": self.list,
            "insert": self.insert,
            "import": self.import_event,
            "get": self.get,
            "patch": self.patch,
            "update": self.update,
            "delete": self.delete,
            "instances": self.instances,
            "move": self.move,
        }
        for name, handler in handlers.items():
            gateway.route(app, f"calendar.events.{name}", handler)

    def _place(self, call: Call) -> Place:
        return self.events.place(call.account.email, call.path("calendarId"))

    async def list(self, call: Call) -> bytes:
        place = self._place(call)
        query = queries.parse(call.parameters, self.events.store.clock.now())
        return self.listing.events(place, query, call.fields)

    async def instances(self, call: Call) -> bytes:
        place = self._place(call)
        master = place.calendar.events.get(call.path("eventId"))
        if master is None or (master.cancelled and not queries.flag(call.parameters, "showDeleted")):
            raise not_found()
        if not master.recurring:
            raise invalid("Not a recurring event.")
        query = queries.parse(call.parameters, self.events.store.clock.now())
        return self.listing.instances(place, master, query, call.fields)

    async def get(self, call: Call) -> Json:
        place = self._place(call)
        body = self.events.get(place, call.path("eventId"))
        return self._shown(call, place, body)

    def _shown(self, call: Call, place: Place, body: Json) -> Json:
        call.answer_headers["ETag"] = body["etag"]
        query = queries.parse(call.parameters, self.events.store.clock.now())
        return View(place.entry.access_role, query.zone, query.max_attendees).body(body, place.calendar)

    async def insert(self, call: Call) -> Json:
        place = self._place(call)
        return self._shown(call, place, self.events.insert(place, await call.json()))

    async def import_event(self, call: Call) -> Json:
        place = self._place(call)
        return self._shown(call, place, self.events.import_event(place, await call.json()))

    async def patch(self, call: Call) -> Json:
        place = self._place(call)
        self._check_etag(call, place)
        return self._shown(call, place, self.events.patch(place, call.path("eventId"), await call.json()))

    async def update(self, call: Call) -> Json:
        place = self._place(call)
        self._check_etag(call, place)
        return self._shown(call, place, self.events.update(place, call.path("eventId"), await call.json()))

    async def delete(self, call: Call) -> None:
        place = self._place(call)
        self._check_etag(call, place)
        self.events.delete(place, call.path("eventId"))

    async def move(self, call: Call) -> Json:
        place = self._place(call)
        target = call.request.query.get("destination", "")
        if not target:
            raise invalid("Required", "destination", "required")
        destination = self.events.place(call.account.email, target)
        moved = self.events.move(place, call.path("eventId"), destination)
        return self._shown(call, destination, moved)

    def _check_etag(self, call: Call, place: Place) -> None:
        """`If-Match`: 412 when the event has changed since."""
        wanted = call.request.headers.get("If-Match", "*")
        if wanted != "*" and wanted != self.events.get(place, call.path("eventId"))["etag"]:
            raise condition_not_met()
