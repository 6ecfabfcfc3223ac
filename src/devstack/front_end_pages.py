"""The pages of the demo front end. Everything that comes from outside is escaped."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from html import escape
from itertools import groupby
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

Json = dict[str, Any]

STYLE = """
:root { color-scheme: light; --ink: #1b2130; --soft: #667085; --line: #e4e8ef; --accent: #3556d8; --back: #f4f6fa; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink);
       font: 16px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
header.bar { background: #fff; border-bottom: 1px solid var(--line); padding: 14px 28px; display: flex; gap: 18px;
             align-items: center; }
header.bar a { color: inherit; text-decoration: none; font-weight: 700; display: flex; gap: 10px; align-items: center; }
header.bar i { width: 24px; height: 24px; border-radius: 7px; background: linear-gradient(135deg, #3556d8, #2bb58a); }
header.bar small { color: var(--soft); margin-right: auto; }
header.bar form { margin: 0; }
main { max-width: 1020px; margin: 0 auto; padding: 34px 28px 60px; }
main.narrow { max-width: 720px; }
h1 { font-size: 27px; line-height: 1.25; margin: 0 0 6px; }
h2 { font-size: 15px; margin: 30px 0 10px; color: var(--soft); font-weight: 600; }
p { margin: 0 0 18px; color: var(--soft); overflow-wrap: anywhere; }
.people { display: grid; grid-template-columns: repeat(auto-fill, minmax(290px, 1fr)); gap: 10px; }
.people form { margin: 0; display: flex; }
.person { width: 100%; text-align: left; background: #fff; border: 1px solid var(--line); border-radius: 12px;
          padding: 12px 15px; font: inherit; color: inherit; cursor: pointer; display: flex; flex-direction: column; }
.person:hover { border-color: var(--accent); box-shadow: 0 3px 14px rgb(53 86 216 / .1); }
.person[disabled] { opacity: .55; cursor: not-allowed; box-shadow: none; border-color: var(--line); }
.person b { display: block; }
.person span { color: var(--soft); font-size: 13.5px; display: block; overflow-wrap: anywhere; }
.person .tags { display: flex; flex-wrap: wrap; gap: 5px; margin-top: 7px; }
.tag { font-style: normal; font-size: 12px; border-radius: 999px; padding: 1px 9px; background: #eef1f7;
       color: #475066; white-space: nowrap; }
.tag.role { background: #e6ebff; color: #2a43ad; }
.tag.warn { background: #fdeed8; color: #8a5306; }
.card { background: #fff; border: 1px solid var(--line); border-radius: 14px; padding: 22px 24px; margin: 0 0 16px; }
.card h2 { margin: 0 0 12px; }
dl { display: grid; grid-template-columns: minmax(130px, auto) 1fr; gap: 7px 20px; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.actions { display: flex; flex-wrap: wrap; gap: 10px; margin-top: 18px; }
.actions form { margin: 0; }
button.do { font: inherit; font-weight: 600; border-radius: 999px; padding: 8px 20px; border: 1px solid #cdd4e0;
            background: #fff; color: var(--accent); cursor: pointer; }
button.do.first { background: var(--accent); border-color: var(--accent); color: #fff; }
button.do.small { padding: 4px 14px; font-size: 14px; }
button:focus-visible, summary:focus-visible, a:focus-visible { outline: 3px solid #a9baff; outline-offset: 2px; }
a { color: var(--accent); }
pre { overflow: auto; background: #f7f9fc; border: 1px solid var(--line); border-radius: 10px; padding: 14px;
      white-space: pre-wrap; overflow-wrap: anywhere; font-size: 13px; margin: 10px 0 0; max-height: 480px; }
summary { cursor: pointer; color: var(--soft); }
ol.events { list-style: none; margin: 0; padding: 0; background: #fff; border: 1px solid var(--line);
            border-radius: 12px; overflow: hidden; }
ol.events li { display: grid; grid-template-columns: 128px 1fr; gap: 14px; padding: 9px 16px; }
ol.events li + li { border-top: 1px solid var(--line); }
ol.events time { color: var(--soft); font-variant-numeric: tabular-nums; font-size: 14.5px; padding-top: 1px; }
ol.events b { font-weight: 600; display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical;
              overflow: hidden; overflow-wrap: anywhere; }
ol.events span { display: block; color: var(--soft); font-size: 13.5px; overflow-wrap: anywhere; }
.declined b { text-decoration: line-through; color: var(--soft); }
"""


@dataclass(frozen=True)
class Person:
    """Somebody to sign in as; `marks` are words about their state."""

    user_id: str
    name: str
    email: str
    role: str
    marks: tuple[str, ...]
    may_sign_in: bool


def _document(title: str, content: str, *, narrow: bool = True, signed_in: str = "") -> str:
    leave = (
        f"<small>{escape(signed_in)}</small>"
        '<form method="post" action="/sign-out"><button class="do small">Sign out</button></form>'
        if signed_in
        else "<small>demo front end</small>"
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} - Switchboard</title><style>{STYLE}</style></head><body>"
        f'<header class="bar"><a href="{"/me" if signed_in else "/"}"><i></i>Switchboard</a>{leave}</header>'
        f"<main{' class=narrow' if narrow else ''}>{content}</main></body></html>"
    )


def choose_address(target: str) -> str:
    """Where somebody who is not signed in chooses who to be, to go on at `target` then."""
    return f"/?next={quote(target, safe='')}"


def people(groups: list[tuple[str, list[Person]]], target: str) -> str:
    """Everybody one can be."""
    content = "<h1>Sign in as ...</h1><p>People of the demo data. Choose one to see Switchboard as they see it.</p>"
    for name, members in groups:
        content += f'<h2>{escape(name)} &middot; {len(members)}</h2><div class="people">'
        content += "".join(_person(person, target) for person in members) + "</div>"
    return _document("Sign in", content, narrow=False)


def _person(person: Person, target: str) -> str:
    roles = "".join(f'<i class="tag role">{escape(role)}</i>' for role in person.role.split())
    marks = "".join(f'<i class="tag{_warning(mark)}">{escape(mark)}</i>' for mark in person.marks)
    return (
        f'<form method="post" action="/sign-in"><input type="hidden" name="next" value="{escape(target)}">'
        f'<button class="person" name="user_id" value="{escape(person.user_id)}"'
        f"{'' if person.may_sign_in else ' disabled'}><b>{escape(person.name)}</b>"
        f'<span>{escape(person.email)}</span><span class="tags">{roles}{marks}</span></button></form>'
    )


def _warning(mark: str) -> str:
    return " warn" if mark in ("disabled", "locked", "e-mail not confirmed") else ""


def home(answer: Json, linked: bool) -> str:
    """What the API told after sign-in; `linked` people may connect by the Google sign-in that PropelAuth keeps."""
    user, calendar = answer["user"], answer["calendar"]
    name = _name(user)
    content = f"<h1>Hello, {escape(name)}</h1><p>This is what <b>GET /v1/me/bootstrap</b> answers.</p>"
    content += f'<section class="card"><h2>Google Calendar</h2>{_facts(_calendar_facts(calendar))}'
    content += f'<div class="actions">{_calendar_actions(calendar, linked)}</div></section>'
    content += _organizations(answer["organizations"]) + "".join(map(_invite, answer["invites"]))
    shown = ("email", "user_id", "timezone", "email_confirmed", "welcome_form_completed", "created_at")
    facts = [(key.replace("_", " "), user[key]) for key in shown if key in user]
    content += f'<section class="card"><h2>Me</h2>{_facts(facts)}</section>'
    text = escape(json.dumps(answer, indent=2, ensure_ascii=False))
    content += f'<details class="card"><summary>The whole answer</summary><pre>{text}</pre></details>'
    return _document(name, content, signed_in=user["email"] or name)


def _organizations(organizations: list[Json]) -> str:
    facts: list[tuple[str, object]] = [
        (each["display_name"] or each["name"], f"{each['role_in_org']}, {_seats(each['seats'])}")
        for each in organizations
    ]
    return f'<section class="card"><h2>Organizations</h2>{_facts(facts or [("none", "yet")])}</section>'


def _seats(seats: Json) -> str:
    return f"seats taken: {seats['used']}" + (f" of {seats['limit']}" if seats["limit"] else "")


def _invite(invite: Json) -> str:
    address = f"invites/{invite['invite_id']}"
    facts: list[tuple[str, object]] = [("as", invite["role_in_org"]), ("from", invite["inviter_email"])]
    buttons = _action(f"{address}/accept", "Accept", first=True) + _action(f"{address}/decline", "Decline")
    title = escape(f"Invite to {invite['org_display_name'] or invite['org_name']}")
    actions = f'<div class="actions">{buttons}</div>'
    return f'<section class="card"><h2>{title}</h2>{_facts(facts)}{actions}</section>'


def _name(user: Json) -> str:
    return " ".join(part for part in (user["first_name"], user["last_name"]) if part) or str(user["email"])


def _calendar_facts(calendar: Json) -> list[tuple[str, object]]:
    names = ("state", "google_email", "source", "timezone", "reason", "synced_at", "next_sync_at")
    return [(name.replace("_", " "), calendar[name]) for name in names if calendar.get(name) is not None]


def _calendar_actions(calendar: Json, linked: bool) -> str:
    if calendar["connected"] and calendar["state"] != "access_lost":
        see = '<form action="/events"><button class="do first">See my events</button></form>'
        return see + _action("sync", "Pull now") + _action("disconnect", "Disconnect")
    buttons = _action("connect", "Connect Google Calendar", first=True)
    return buttons + (_action("adopt", "Use my Google sign-in") if linked else "")


def _action(path: str, words: str, *, first: bool = False) -> str:
    style = "do first" if first else "do"
    return f'<form method="post" action="/{path}"><button class="{style}">{escape(words)}</button></form>'


def _facts(facts: list[tuple[str, object]]) -> str:
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(_shown(value))}</dd>" for name, value in facts)
    return f"<dl>{rows}</dl>"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)


def events(answer: Json, found: list[Json]) -> str:
    """The next two weeks, by day, in the person's zone."""
    user = answer["user"]
    zone = ZoneInfo(answer["calendar"]["timezone"] or user["timezone"])
    content = f"<h1>The next two weeks</h1><p>{len(found)} events, times in {escape(str(zone))}.</p>"
    content += f'<div class="actions">{_action("sync", "Pull now")}'
    content += '<form action="/me"><button class="do">Back</button></form></div>'
    ordered = sorted(found, key=lambda event: (_day(event, zone), not event["all_day"], _moment(event)))
    for day, of_day in groupby(ordered, key=lambda event: _day(event, zone)):
        content += f'<h2>{day:%A}, {day.day} {day:%B %Y}</h2><ol class="events">'
        content += "".join(_event(event, zone) for event in of_day) + "</ol>"
    return _document("Events", content, signed_in=user["email"] or _name(user))


def _day(event: Json, zone: ZoneInfo) -> date:
    """What began before today is listed today."""
    start = event["start"]
    day = date.fromisoformat(start["date"]) if start["date"] else _time(start).astimezone(zone).date()
    return max(day, datetime.now(UTC).astimezone(zone).date())


def _moment(event: Json) -> str:
    return str(event["start"]["date_time"] or event["start"]["date"])


def _time(part: Json) -> datetime:
    return datetime.fromisoformat(part["date_time"])


def _event(event: Json, zone: ZoneInfo) -> str:
    declined = ' class="declined"' if event["my_response"] == "declined" else ""
    title = (event["title"] or "").strip() or "(no title)"
    details = " · ".join(_details(event))
    return (
        f"<li{declined}><time>{escape(_times(event, zone))}</time><div><b dir=auto>{escape(title)}</b>"
        f"{f'<span>{escape(details)}</span>' if details else ''}</div></li>"
    )


def _times(event: Json, zone: ZoneInfo) -> str:
    if event["all_day"]:
        return "all day"
    begin, end = (_time(event[name]).astimezone(zone) for name in ("start", "end"))
    if begin.date() == end.date():
        return f"{begin:%H:%M}" if begin == end else f"{begin:%H:%M} - {end:%H:%M}"
    return f"{begin:%H:%M} - {end.day} {end:%b}"


def _details(event: Json) -> list[str]:
    kinds = {"workingLocation": "working location", "outOfOffice": "out of office", "focusTime": "focus time"}
    facts = [
        kinds.get(event["event_type"], ""),
        "tentative" if event["status"] == "tentative" else "",
        "private" if event["visibility"] in ("private", "confidential") else "",
        "" if event["busy"] else "free",
        f"{len(event['attendees'])} guests" if event["attendees"] else "",
        "repeats" if event["recurring_event_id"] else "",
        event["location"] or "",
        event["meeting_link"] or "",
    ]
    return [fact for fact in facts if fact]


def message(title: str, text: str, problem: Json | None = None) -> str:
    """Something did not work."""
    more = f"<pre>{escape(json.dumps(problem, indent=2, ensure_ascii=False))}</pre>" if problem else ""
    back = '<div class="actions"><form action="/me"><button class="do first">Back</button></form></div>'
    return _document(
        title, f'<section class="card"><h1>{escape(title)}</h1><p>{escape(text)}</p>{more}{back}</section>'
    )
