"""The doctor: what is wrong with stored data, and mending it."""

from typing import Annotated

import typer

from switchboard.cli.output import FOUND, AsJson, DryRun, now, progress_bar, tell, with_documents
from switchboard.mongo import Transactions
from switchboard.runs import service as runs
from switchboard.schema.indexes.collections import ensure
from switchboard.schema.integrity.checks import CHECKS, OPENING
from switchboard.schema.integrity.findings import Check, Examination, Finding, examine, fixable, selected
from switchboard.schema.integrity.walk import database_at_hand
from switchboard.schema.reading import read_registry
from switchboard.settings import load_settings

commands = typer.Typer()
Examined = tuple[list[Finding], str | None]  # with the run that mended


@commands.command("doctor")
def examine_data(  # noqa: PLR0913  (each is an option)
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend what can be mended safely; 'runs undo' takes it back.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(help=f"Only this check; repeat it. {', '.join(check.name for check in CHECKS)}", metavar="CHECK"),
    ] = None,
    sample: Annotated[int, typer.Option(help="How many ids to show of each kind.", min=1, max=1000)] = 5,
    open_secrets: Annotated[
        bool, typer.Option("--open-secrets", help="Check as well that SEALING_KEYS opens every sealed value.")
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Look for what is wrong with what is stored: references, duplicates, counts, events, sealed fields, types.

    The service may run meanwhile. Exit code 3 when something is wrong (after --fix: still wrong). People's documents
    are never changed.
    """
    checks = selected(CHECKS, only or [])
    if open_secrets:
        checks = [*checks, OPENING]
    found, run_id = with_documents(
        lambda: _examined(checks, sample=sample, open_secrets=open_secrets, fix=fix and not dry_run), indexes=False
    )
    left = sum(finding.left for finding in found)
    shown = {"findings": [_shown(each) for each in found], "left": left, "run_id": run_id, "dry_run": dry_run}
    lines = [*(_line(each) for each in found), _sum(found, left, run_id, len(checks))]
    tell(shown, lines, as_json=as_json)
    raise typer.Exit(FOUND if left else 0)


async def _examined(checks: list[Check], *, sample: int, open_secrets: bool, fix: bool) -> Examined:
    database, registry = database_at_hand(), read_registry()
    ring = load_settings().sealing.ring if open_secrets else None
    examination = Examination(database, registry, Transactions(database), now(), sample, ring)
    mending, looking = ([check for check in checks if check.mends is mends] for mends in (True, False))
    found, run_id = await examine(examination, mending, progress_bar), None
    if fix and fixable(found):
        await ensure(database, registry, ("runs", "before_images"))
        async with runs.begun("doctor", {"only": [check.name for check in checks]}, now) as work:
            found, run_id = await examine(examination, mending, progress_bar, work), work.run.run_id
    return [*found, *await examine(examination, looking, progress_bar)], run_id


def _shown(finding: Finding) -> dict[str, object]:
    return {**vars(finding.kind), **{name: value for name, value in vars(finding).items() if name != "kind"}}


def _line(finding: Finding) -> str:
    kind = finding.kind
    can = f"--fix {kind.fix} ({finding.fixable})" if finding.fixable else kind.advice or "for information"
    what = f"{finding.fixed} mended" if finding.fixed else can
    return "\t".join((kind.code, str(finding.count), kind.sentence, f"e.g. {', '.join(finding.samples)}", what))


def _sum(found: list[Finding], left: int, run_id: str | None, checks: int) -> str:
    if run_id is not None:
        mended = sum(finding.fixed for finding in found)
        return f"{mended} were mended, {left} are left. 'switchboard runs undo {run_id}' takes it back."
    if not left:
        return f"Nothing is wrong ({checks} checks)."
    return f"{left} are wrong; --fix mends {sum(finding.fixable for finding in found)} of them."
