"""Opening channels before the old ones end, and believing what comes through them.

A channel is never trusted to tell everything: calendars are polled all the same (rule 53 of facts/google-calendar.md
section 2; docs/decisions/0017).
"""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

import structlog
from prometheus_client import Counter

from switchboard.calendars.documents import CalendarDocument
from switchboard.channels.documents import ChannelDocument
from switchboard.channels.model import (
    CHANGES,
    LIFETIME,
    PATH,
    Channel,
    Notification,
    new_channel,
    pause_after,
    renewal,
    unsupported,
)
from switchboard.clients.google import Hook
from switchboard.clients.google_errors import ChannelExists, GoogleUnavailable
from switchboard.connections import service as connections
from switchboard.connections.service import Access
from switchboard.errors import NotFound, SwitchboardError
from switchboard.leases.model import BudgetSpent
from switchboard.services import Services

SETTLE: Final = timedelta(seconds=1)  # a burst of changes is pulled as one
CLAIM: Final = timedelta(minutes=10)  # longer than opening a channel can take
AT_ONCE: Final = 8

NOTIFICATIONS = Counter("switchboard_push_notifications", "Notifications of Google by what they were", ("outcome",))
CHANNELS = Counter("switchboard_push_channels", "Push channels by what became of them", ("outcome",))
log = structlog.get_logger()


async def receive(notification: Notification, now: datetime) -> None:
    """Make the calendar due that a notification is about; raises `NotFound` for one that Google did not send."""
    channel = await ChannelDocument.listening(notification.channel_id) if notification.possible else None
    if channel is None or not channel.carries(notification):
        NOTIFICATIONS.labels("unknown" if channel is None else "forged").inc()
        raise NotFound
    if notification.state in CHANGES:
        await CalendarDocument.notify(channel.calendar_id, now + SETTLE)
    known = {*CHANGES, "sync"}
    NOTIFICATIONS.labels(notification.state if notification.state in known else "other").inc()


async def renew_due(services: Services, now: datetime) -> bool:
    """Open channels for some calendars that have none, or not for long; whether there was one.

    Channels of calendars that are not pulled any more are left. Raises what opening raised when none was opened.
    """
    if not services.settings.calendar.push_address:
        return False
    claimed: list[CalendarDocument] = []
    while len(claimed) < AT_ONCE and (calendar := await CalendarDocument.claim_watch(now, now + CLAIM)):
        claimed.append(calendar)
    done = await asyncio.gather(*(_see_to(services, each, now) for each in claimed), return_exceptions=True)
    failed = [error for error in done if error is not None]
    for error in failed:
        if not isinstance(error, SwitchboardError) or len(failed) == len(claimed):
            raise error
        log.warning("channel.failed", code=error.code)
    return bool(claimed)


async def _see_to(services: Services, calendar: CalendarDocument, now: datetime) -> None:
    if calendar.status != "synced":
        await _leave(services, calendar, now)
        return
    try:
        await _renew(services, calendar, now)
    except SwitchboardError as error:
        CHANNELS.labels(error.code).inc()
        ended = {"watched_until": None} if unsupported(error) else {}
        await calendar.set_watch({"watch_at": now + pause_after(error), **ended})
        if not unsupported(error):
            raise


async def _renew(services: Services, calendar: CalendarDocument, now: datetime) -> None:
    """Open a new channel, then stop those before it (rule 55): whatever stops this in between, one of them is open.

    Where the calendar was disconnected or connected anew meanwhile, or another worker took over, the new one goes.
    """
    access = Access(services, calendar.user_id, now)
    channel = await _open(services, access, calendar, now)
    watched = {"watched_until": channel.expires_at, "watch_at": renewal(channel.expires_at, now)}
    if not await calendar.set_watch(watched):
        await _stop(services, access, channel, channel)
        return
    for old in await ChannelDocument.before(calendar.calendar_id, channel.created_at):
        await _stop(services, access, old, channel)


async def _open(services: Services, access: Access, calendar: CalendarDocument, now: datetime) -> Channel:
    """It is kept before Google is asked: its first notification may come before the answer (rule 54).

    Without an answer it may be open, and stays until it would end.
    """
    await _check_budget(services, now)
    channel, token = new_channel(calendar, now)
    address = f"{services.settings.calendar.push_address}{PATH}"
    hook = Hook(channel.channel_id, token, address, int(LIFETIME.total_seconds()))
    await ChannelDocument.add(channel)
    try:
        answer = await access.use(lambda each: services.google.watch(each, channel.google_calendar_id, hook))
    except (GoogleUnavailable, ChannelExists):
        raise
    except SwitchboardError:
        await ChannelDocument.remove(channel.channel_id)
        raise
    await ChannelDocument.opened(channel.channel_id, answer.resource_id, answer.expires_at)
    CHANNELS.labels("opened").inc()
    return channel.model_copy(update=answer._asdict())


async def _stop(services: Services, access: Access, channel: Channel, newest: Channel) -> None:
    """Let Google end a channel; where it does not answer, the channel ends by itself and is listened to until then.

    Google names a calendar the same in all channels, so one whose opening nobody saw can be stopped as well.
    """
    resource_id = channel.resource_id or newest.resource_id or ""
    with suppress(SwitchboardError):
        await _check_budget(services, newest.created_at)
        await access.use(lambda each: services.google.stop_channel(each, channel.channel_id, resource_id))
        await ChannelDocument.stop([channel.channel_id], newest.created_at)
        CHANNELS.labels("stopped").inc()


async def _leave(services: Services, calendar: CalendarDocument, now: datetime) -> None:
    """Listen to a calendar's channels no more, and let Google end those that the token at hand can end."""
    channels = await ChannelDocument.before(calendar.calendar_id, now)
    await ChannelDocument.stop([channel.channel_id for channel in channels], now)
    CHANNELS.labels("left").inc(len(channels))
    token = (await connections.access_tokens([calendar.user_id], now)).get(calendar.user_id)
    for channel in channels:
        if token and channel.resource_id:
            with suppress(SwitchboardError):
                await _check_budget(services, now)
                await services.google.stop_channel(token, channel.channel_id, channel.resource_id)


async def _check_budget(services: Services, now: datetime) -> None:
    if not await services.may_ask_google(None, now):
        raise BudgetSpent
