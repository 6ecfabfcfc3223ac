"""What a test can change about the emulator's manners."""

from dataclasses import dataclass


@dataclass
class Switches:
    """What the emulator does beyond the polite case. All of it is legal behaviour of the real service.

    `short_pages`: every k-th page holds fewer events than asked for (0: never). `empty_pages`: before every second
    page comes an empty one with a `nextPageToken`. `max_instances`: future instances of an endless series that an
    expansion without `timeMax` gives. `sync_token_lifetime`: seconds until a sync token is too old, None for never.
    Quotas count requests in a sliding minute of the emulator's clock. `revoke_lag`: seconds a revoked access token
    still works. `refresh_token_lifetime`: seconds, for a time-limited grant. `allow_http_webhooks`: accept `http:`
    addresses for channels. Notifications other than `sync` can be dropped, sent twice, or held back so that two and two
    arrive in the wrong order; a receiver answering 500, 502, 503 or 504 is asked again after
    `notification_retry_delay` seconds, twice that, and so on.
    """

    short_pages: int = 0
    empty_pages: bool = False
    max_instances: int = 730
    sync_token_lifetime: float | None = None
    quota_per_minute: int = 10_000
    quota_per_minute_per_user: int = 600
    revoke_lag: float = 0.0
    refresh_token_lifetime: int | None = None
    allow_http_webhooks: bool = True
    drop_notifications: bool = False
    duplicate_notifications: bool = False
    reorder_notifications: bool = False
    notification_retry_delay: float = 0.05
