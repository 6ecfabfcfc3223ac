"""People who are gone: deleting and anonymising them."""

from typing import Annotated

import typer

from switchboard.bootstrap import running
from switchboard.cli.output import FOUND, AsJson, DryRun, finish, now, progress_bar, tell
from switchboard.erasure.model import Mode, StillKnown, Traces
from switchboard.erasure.service import Erasure
from switchboard.schema.reading import read_registry
from switchboard.settings import load_settings

commands = typer.Typer()

UserId = Annotated[
    str,
    typer.Argument(
        metavar="USER_ID", help="The person's user_id: PropelAuth's, or Google's for a person of the first version."
    ),
]


@commands.command("delete-user")
def delete_user(user_id: UserId, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Delete a person whom PropelAuth no longer knows, and all that is theirs; it cannot be undone.

    What goes and what stays is said by docs/data-model.md, and for this person by --dry-run. Where something stays,
    their name and address go out of it. A grant that they gave here is revoked at Google. It may be stopped; the same
    command finishes it. Exit code 3 when something is left to do.
    """
    _erase(user_id, "delete", dry_run=dry_run, as_json=as_json)


@commands.command("anonymise-user")
def anonymise_user(user_id: UserId, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Do what delete-user does, but keep the person's own document with nothing but the id and its dates.

    So whatever still names the id finds somebody. It cannot be undone. Exit code 3 when something is left to do.
    """
    _erase(user_id, "anonymise", dry_run=dry_run, as_json=as_json)


def _erase(user_id: str, mode: Mode, *, dry_run: bool, as_json: bool) -> None:
    found, left, revoked = finish(_erased(user_id, mode, dry_run=dry_run))
    names = [{"path": path, "documents": count} for path, count in found.names.items() if count]
    parts = [
        {"path": part.path, "documents": part.documents, "becomes": part.becomes}
        for part in found.parts
        if part.documents
    ]
    grant = {"has_grant": found.has_grant, "revoked": revoked}
    counts = {"user_documents": found.user_documents, "before_images": found.images, "pending_invites": found.pending}
    about = {"user_id": user_id, "mode": mode, "dry_run": dry_run, "known_to_propelauth": found.at_propelauth}
    report = {**about, **counts, **grant, "others": found.others, "names": names, "parts": parts, "left": left}
    lines = [*_lines(found, mode), *_notes(found, revoked, dry_run=dry_run), _end(found, mode, left, dry_run=dry_run)]
    tell(report, lines, as_json=as_json)
    raise typer.Exit(FOUND if (found.at_propelauth if dry_run else left) else 0)


async def _erased(user_id: str, mode: Mode, *, dry_run: bool) -> tuple[Traces, int, bool]:
    """What was found, how much of it is left, and whether a grant was revoked at Google."""
    async with running(load_settings(), prepare=not dry_run) as services:
        erasure = Erasure(services, read_registry(), user_id, now())
        found = await erasure.find()
        if dry_run:
            return found, found.left_to_do(mode), False
        if found.at_propelauth:
            raise StillKnown
        with progress_bar(found.changing, "Erasing") as advance:
            after, revoked = await erasure.erase(found, mode, advance)
        return found, after.left_to_do(mode), revoked


def _lines(found: Traces, mode: Mode) -> list[str]:
    lines = [f"{part.path}\t{part.documents}\t{part.becomes}" for part in found.parts if part.documents]
    lines += [f"{path}\t{count}\tname or address removed" for path, count in found.names.items() if count]
    own = "removed" if mode == "delete" else "stripped to the id and its dates"
    rest = [(found.users, found.user_documents, own)]
    rest.append(("before_images", found.images, "removed: these changes cannot be undone any more"))
    return [*lines, *(f"{place}\t{count}\t{becomes}" for place, count, becomes in rest if count)]


def _notes(found: Traces, revoked: bool, *, dry_run: bool) -> list[str]:
    """What an operator has to see to, or to know."""
    notes = []
    if found.others:
        notes.append(
            f"The same address belongs to {', '.join(found.others)}: what only the address would name stays, and the "
            "grant at Google is not revoked. If it is the same person, erase that id too: the last one takes it along."
        )
    if found.pending:
        notes.append(f"{found.pending} pending invites to the address stay as they are: revoke them first.")
    if found.has_grant and not revoked and not dry_run:
        notes.append(
            "The grant was not revoked at Google: it came another way than by consent here, or more rests on it. The "
            "person can end it at myaccount.google.com/permissions."
        )
    return notes


def _end(found: Traces, mode: Mode, left: int, *, dry_run: bool) -> str:
    if dry_run:
        known = " PropelAuth still knows this person: delete them there before the real run."
        return f"Nothing was written.{known if found.at_propelauth else ''}"
    if found.is_empty:
        return "Nothing here names this id. Is it the right one? A person of the first version goes by Google's id."
    if left:
        return f"{left} came up meanwhile. Run this again."
    return f"The person is {'deleted' if mode == 'delete' else 'anonymised'}: nothing but what is kept is left."
