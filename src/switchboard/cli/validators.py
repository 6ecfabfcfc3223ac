"""Validators of the collections, made from the registry."""

from dataclasses import replace as replaced
from typing import Annotated

import typer

from switchboard.cli.output import FOUND, AsJson, DryRun, progress_bar, tell, with_documents
from switchboard.errors import Conflict, NotFound
from switchboard.schema.integrity.walk import database_at_hand
from switchboard.schema.reading import read_registry
from switchboard.schema.registry import Registry
from switchboard.schema.validators.collections import Action, Plan, apply, plan_all
from switchboard.schema.validators.report import Report, check_empty, reported, total

commands = typer.Typer(no_args_is_help=True, help="Validators of the collections, made from the registry.")
Only = Annotated[list[str] | None, typer.Option(help="Only this collection; repeat it.", metavar="COLLECTION")]
Logged = Annotated[
    bool,
    typer.Option(
        "--although-logged",
        help="Also those of collections with secrets: what is wrong in them gets into MongoDB's log.",
    ),
]
Sample = Annotated[int, typer.Option(help="How many ids to show of each kind.", min=1, max=1000)]


@commands.command("diff")
def diff_validators(only: Only = None, although_logged: Logged = False, as_json: AsJson = False) -> None:
    """Show what 'apply' would change. Exit code 3 when there is something."""
    plans = _kept_out_of_logs(with_documents(lambda: _plans(only or []), indexes=False), although_logged)
    _tell_plans(plans, as_json=as_json, done=False)
    raise typer.Exit(FOUND if any(plan.changes for plan in plans) else 0)


@commands.command("apply")
def apply_validators(  # noqa: PLR0913  (each is an option)
    only: Only = None,
    replace: Annotated[
        list[str] | None,
        typer.Option(help="Put ours in the place of this collection's, which others made.", metavar="COLLECTION"),
    ] = None,
    error: Annotated[
        str | None, typer.Option(help="Let this collection refuse what is wrong.", metavar="COLLECTION")
    ] = None,
    warn: Annotated[str | None, typer.Option(help="Let this collection only warn again.", metavar="COLLECTION")] = None,
    off: Annotated[
        str | None, typer.Option(help="Take our validator off this collection.", metavar="COLLECTION")
    ] = None,
    although_others_write: Annotated[
        bool, typer.Option("--although-others-write", help="With --error: even the collection of people.")
    ] = False,
    although_logged: Logged = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Set the validators: level moderate, and MongoDB only writes into its own log what is wrong: the whole document.

    So collections that hold secrets in the clear are left out, unless --although-logged. A missing collection is made,
    but not that of people, and none in a database that has nothing of ours. A validator that others made stays. With
    --error one collection refuses what is wrong from then on: only if nothing in it is wrong now.
    """
    if sum(each is not None for each in (error, warn, off)) > 1:
        raise Conflict("Choose one of --error, --warn and --off.")

    async def work() -> list[Plan]:
        if off:
            return [await _taken_off(off, dry_run)]
        if error or warn:
            allowed = although_others_write if error else although_logged
            return [await _switched(str(error or warn), "error" if error else "warn", allowed, dry_run)]
        plans = _kept_out_of_logs(await _plans(only or [], replace or []), although_logged)
        for plan in plans:
            if plan.changes and not dry_run:
                await apply(database_at_hand(), plan)
        return plans

    _tell_plans(with_documents(work, indexes=False), as_json=as_json, done=not dry_run)


@commands.command("report")
def report_violations(only: Only = None, sample: Sample = 5, as_json: AsJson = False) -> None:
    """Count the documents that break their validator, by field and rule, with the ids of some; never a value.

    Nothing need be applied before. Exit code 3 when there are any.
    """
    reports = with_documents(lambda: _reports(only or [], sample), indexes=False)
    lines = [line for report in reports for line in _report_lines(report)]
    broken = sum(report.documents for report in reports)
    lines.append(f"{broken} documents of {len(reports)} collections break a rule.")
    shown = [{**vars(report), "rules": [vars(rule) for rule in report.rules.values()]} for report in reports]
    tell({"collections": shown, "documents": broken}, lines, as_json=as_json)
    raise typer.Exit(FOUND if broken else 0)


async def _plans(only: list[str], replace: list[str] | None = None) -> list[Plan]:
    registry = read_registry()
    names = _named(registry, [*only, *(replace or [])])
    plans = await plan_all(database_at_hand(), registry, replace or [])
    return [plan for plan in plans if not only or plan.collection in names]


async def _switched(name: str, action: Action, allowed: bool, dry_run: bool) -> Plan:
    """The plan that was carried out. Raises `StillViolated` and `Conflict`."""
    (plan,) = await _plans([name])
    if plan.step in ("create", "stay"):
        raise Conflict(f"{name} cannot be switched. {plan.sentence}")
    if action == "error" and len(read_registry().collections()[name]) > 1 and not allowed:
        raise Conflict(
            f"Others write {name} as well, and would be refused too. If that is what you want, say "
            "--although-others-write."
        )
    if action == "error":
        database = database_at_hand()
        with progress_bar(await total(database, [name]), name) as advance:
            await check_empty(database, plan, 5, advance)
    word = "refused" if action == "error" else "only logged by MongoDB"
    switched = replaced(plan, action=action, step="change", sentence=f"What is wrong is {word}.")
    kept = _kept_out_of_logs([switched], allowed)[0]
    if action == "warn" and kept.step == "stay":
        raise Conflict(f"{name} cannot be switched. {kept.sentence}")
    if not dry_run:
        await apply(database_at_hand(), switched)
    return switched


async def _taken_off(name: str, dry_run: bool) -> Plan:
    """The plan that was carried out. Raises `Conflict`."""
    (plan,) = await _plans([name])
    if plan.step in ("create", "add", "stay"):
        raise Conflict(f"There is no validator of ours on {name}. {plan.sentence}")
    bare = replaced(plan, validator={}, step="change", sentence="It has no validator any more.")
    if not dry_run:
        await apply(database_at_hand(), bare)
    return bare


async def _reports(only: list[str], sample: int) -> list[Report]:
    registry, database = read_registry(), database_at_hand()
    names = _named(registry, only) or list(registry.collections())
    with progress_bar(await total(database, names), "Looking at documents") as advance:
        return [report async for report in reported(database, registry, names, sample, advance)]


def _named(registry: Registry, names: list[str]) -> list[str]:
    """The same names; raises `NotFound` for one that is none of ours."""
    unknown = [name for name in names if name not in registry.collections()]
    if unknown:
        known = ", ".join(registry.collections())
        raise NotFound(f"There is no collection {unknown[0]} of ours. There are: {known}.")
    return list(names)


def _tell_plans(plans: list[Plan], *, as_json: bool, done: bool) -> None:
    changes = sum(plan.changes for plan in plans)
    shown = [
        {"collection": each.collection, "step": each.step, "action": each.action, "sentence": each.sentence}
        | ({"before": each.before} if each.before else {})
        for each in plans
    ]
    lines = [f"{plan.collection}\t{plan.step}\t{plan.sentence}" for plan in plans if plan.step != "none"]
    lines.append(f"{changes} of {len(plans)} validators {'were' if done else 'would be'} changed.")
    tell({"validators": shown, "changes": changes, "done": done}, lines, as_json=as_json)


def _kept_out_of_logs(plans: list[Plan], although_logged: bool) -> list[Plan]:
    """The same without those by which MongoDB would write secrets into its log."""
    revealing = set() if although_logged else {each.collection for each in read_registry() if each.has_open_secrets}
    stays = "It holds secrets, and MongoDB would log what is wrong whole. 'report' looks at it; see --although-logged."
    return [
        replaced(plan, step="stay", sentence=stays)
        if plan.changes and plan.action == "warn" and plan.collection in revealing
        else plan
        for plan in plans
    ]


def _report_lines(report: Report) -> list[str]:
    return [
        f"{report.collection}\t{rule.path or '-'}\t{rule.rule}\t{rule.documents} documents\te.g. "
        f"{', '.join(rule.samples)}"
        for rule in report.rules.values()
    ]
