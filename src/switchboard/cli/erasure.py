"""People who are gone: deleting and anonymising them."""

from typing import Annotated

import typer

from switchboard.bootstrap import running
from switchboard.cli.output import AsJson, DryRun, finish, now, progress_bar, tell
from switchboard.erasure import service as erasure
from switchboard.erasure.model import Way
from switchboard.erasure.service import Traces
from switchboard.schema.reading import read_registry
from switchboard.settings import load_settings

commands = typer.Typer()

UserId = Annotated[str, typer.Argument(metavar="USER_ID", help="The person's id, as PropelAuth and 'users' have it.")]


@commands.command("delete-user")
def delete_user(user_id: UserId, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Delete a person whom PropelAuth knows no more, and all that is theirs; it cannot be taken back.

    What goes, what is emptied and what stays is said by docs/data-model.md, and for this person by --dry-run. Their
    grant is taken back at Google. It may be stopped; the same command finishes it.
    """
    _erase(user_id, "deleted", dry_run=dry_run, as_json=as_json)


@commands.command("anonymise-user")
def anonymise_user(user_id: UserId, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """The same, but what stays says no more who it was; their document stays, with nothing but the id and its dates.

    Names and addresses go out of the audit log and out of invites that have ended. Events that others have of the
    person, and answers that are kept for a day for repeated requests, stay as they are.
    """
    _erase(user_id, "anonymised", dry_run=dry_run, as_json=as_json)


def _erase(user_id: str, way: Way, *, dry_run: bool, as_json: bool) -> None:
    traces = finish(_erased(user_id, way, dry_run=dry_run))
    parts = [
        {"place": part.place, "documents": part.documents, "becomes": part.becomes}
        for part in traces.parts
        if part.documents
    ]
    counts = {"documents": traces.documents, "before_images": traces.images}
    report = {"user_id": user_id, "way": way, "dry_run": dry_run, **counts, "parts": parts}
    tell(report, _lines(traces, way, dry_run=dry_run), as_json=as_json)


async def _erased(user_id: str, way: Way, *, dry_run: bool) -> Traces:
    async with running(load_settings(), prepare=not dry_run) as services:
        traces = await erasure.find(services, read_registry(), user_id)
        if not dry_run:
            with progress_bar(traces.changing, "Erasing") as told:
                await erasure.erase(services, traces, way, now(), told)
        return traces


def _lines(traces: Traces, way: Way, *, dry_run: bool) -> list[str]:
    if traces.none:
        return ["There is nothing of this person here."]
    lines = [f"{part.place}\t{part.documents}\t{part.becomes}" for part in traces.parts if part.documents]
    own = [("users", traces.documents, "removed" if way == "deleted" else "emptied but for the id and its dates")]
    own.append(("before_images", traces.images, "removed: these changes cannot be taken back any more"))
    lines += [f"{place}\t{count}\t{becomes}" for place, count, becomes in own if count]
    return [*lines, "Nothing was written." if dry_run else f"The person is {way}."]
