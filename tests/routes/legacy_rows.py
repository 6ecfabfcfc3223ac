"""Earlier paths. Their own tests say what each answers; here stand who may not call them, and what nobody is told."""

from itertools import product

from tests.routes.row import Route

_CALENDAR_PREFIXES = ("/api/v1", "/calendar-api")


def _under(prefixes: tuple[str, ...], *routes: Route) -> list[Route]:
    return [(method, prefix + path) for prefix, (method, path) in product(prefixes, routes)]


# Without a token: what they answer then.
PUBLIC_LEGACY: dict[Route, int] = {
    ("GET", "/health"): 200,
    **dict.fromkeys(
        _under(
            _CALENDAR_PREFIXES,
            *(("GET", "/health"), ("GET", "/auth/google"), ("GET", "/auth/google/calendar")),
            *(("GET", "/auth/google/redirect"), ("GET", "/timezone/options"), ("POST", "/buy-service")),
        ),
        200,
    ),
    **dict.fromkeys(_under(_CALENDAR_PREFIXES, ("POST", "/auth/callback")), 422),
    **dict.fromkeys(
        _under(_CALENDAR_PREFIXES, ("GET", "/users/{user_id}/tokens"), ("GET", "/auth/verify/{token}")), 410
    ),
}
_AGENTS = (
    *(("GET", "/active-calls"), ("GET", "/all"), ("GET", "/trunks"), ("GET", "/by-org/{org_id}")),
    *(("GET", "/info/{agent_id}"), ("GET", "/by_phone/{number}"), ("POST", "/update/{agent_id}")),
    *(("POST", "/set_phone/{agent_id}"), ("DELETE", "/delete_phone/{agent_id}"), ("DELETE", "/delete/{agent_id}")),
    ("DELETE", "/delete-by-org/{org_id}"),
)
_USERS = (
    *(("POST", "/create-user"), ("GET", "/fetch-user-mail"), ("POST", "/fetch-users-query")),
    ("POST", "/update-profile"),
)
# For who is known, and for what they belong to.
LEGACY: tuple[Route, ...] = (
    *_under(
        _CALENDAR_PREFIXES,
        *(("GET", "/auth/user"), ("POST", "/auth/logout"), ("POST", "/auth/check-google-tokens")),
        *(("GET", "/calendar/access"), ("GET", "/calendar/events"), ("POST", "/calendar/events")),
        *(("POST", "/update-user-names"), ("POST", "/update-user-timezone")),
        *(("GET", "/welcome-form/status"), ("POST", "/welcome-form/submit")),
    ),
    *_under(
        ("/api/org",),
        *(("POST", "/create-org"), ("POST", "/add-user"), ("POST", "/invite-user"), ("POST", "/fetch-users")),
        *(("POST", "/fetch-pending-invites"), ("POST", "/remove-user"), ("POST", "/change-user-role")),
        *(("POST", "/update-org"), ("PUT", "/update-org"), ("POST", "/fetch-org-details")),
        ("POST", "/fetch-orgs-query"),
    ),
    *_under(("/api/user", "/user"), *_USERS),
    *_under(("/api/agents", "/agents"), *_AGENTS),
    ("POST", "/agents/add_phonenumber/{agent_id}"),
    ("POST", "/agents/add_transfer_phonenumber/{agent_id}"),
    ("POST", "/agents/add_transfer_phonenumber_platform/{agent_id}"),
)
