"""The diagrams of the entities, and the page about them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from switchboard.cli.output import FAILED, FOUND, AsJson, tell
from switchboard.errors import Misconfigured

if TYPE_CHECKING:
    from switchboard.schema.diagrams.artefacts import Artefacts

commands = typer.Typer()
Folder = Annotated[Path, typer.Option(help="Where the diagrams are kept; data-model.md stands beside this folder.")]
Check = Annotated[bool, typer.Option("--check", help="Write nothing; name the files that differ from the code.")]


@commands.command("er")
def draw_entities(folder: Folder = Path("docs/er"), check: Check = False, as_json: AsJson = False) -> None:
    """Draw the entities and their relations as Mermaid, DBML, Graphviz, SVG and PNG, and write data-model.md.

    It needs no database and no settings. Exit code 3 with --check when files differ, or a line of the checklist is not
    ticked.
    """
    try:
        from switchboard.schema.diagrams.artefacts import Artefacts  # here alone: the other commands draw nothing
        from switchboard.schema.reading import read_registry

        artefacts = Artefacts(read_registry(), folder.resolve().name)
        (_checked if check else _written)(artefacts, folder, as_json=as_json)
    except ModuleNotFoundError as missing:
        raise Misconfigured(f"{missing.name} is not installed: pip install 'switchboard[pictures,sql]'.") from None


def _checked(artefacts: "Artefacts", folder: Path, *, as_json: bool) -> None:
    differing = artefacts.differing(_kept(artefacts, folder))
    faults = _faults(artefacts)
    lines = [f"{_shown(folder, name)} is not what the code says." for name in differing]
    lines += ["'switchboard er' writes them anew."] if differing else []
    report = {"differing": [_shown(folder, name) for name in differing], "checklist": faults}
    fine = ["The diagrams and data-model.md are what the code says, and the whole checklist is ticked."]
    tell(report, [*lines, *faults] or fine, as_json=as_json)
    if differing or faults:
        raise typer.Exit(FOUND)


def _written(artefacts: "Artefacts", folder: Path, *, as_json: bool) -> None:
    files = {name: text.encode() for name, text in artefacts.texts.items()} | {
        artefacts.picture_path: artefacts.picture()
    }
    faults = _faults(artefacts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder.resolve().parent / name).write_bytes(content)
    except OSError as error:
        typer.echo(f"{error.filename} cannot be written: {error.strerror}.", err=True)
        raise typer.Exit(FAILED) from None
    written = [_shown(folder, name) for name in files]
    lines = [f"{name} is written." for name in written]
    tell({"written": written, "checklist": faults}, lines + faults, as_json=as_json)
    if faults:
        raise typer.Exit(FOUND)


def _kept(artefacts: "Artefacts", folder: Path) -> dict[str, bytes]:
    names = [*artefacts.texts, artefacts.picture_path]
    paths = {name: folder.resolve().parent / name for name in names}
    return {name: path.read_bytes() for name, path in paths.items() if path.is_file()}


def _faults(artefacts: "Artefacts") -> list[str]:
    return [f"{ticked.line}: {'; '.join(ticked.faults)}" for ticked in artefacts.checklist if ticked.faults]


def _shown(folder: Path, name: str) -> str:
    return str(folder.parent / name)
