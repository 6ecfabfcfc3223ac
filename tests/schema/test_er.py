"""`switchboard er`: the diagrams that are kept are those of the code, and all say the same."""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageFont
from typer.testing import CliRunner

from switchboard.cli import cli
from switchboard.errors import Misconfigured
from switchboard.schema.diagrams import dbml, dot, mermaid
from switchboard.schema.diagrams.artefacts import Artefacts
from switchboard.schema.diagrams.lettering import width_of
from switchboard.schema.diagrams.outline import outline
from switchboard.schema.diagrams.png_file import note_of
from switchboard.schema.diagrams.written import expected
from switchboard.schema.reading import read_registry
from switchboard.schema.registry import NINE
from tests.schema.broken import field, registry_with

DOCS = Path(__file__).parents[2] / "docs"
NAMES = ["data-model.md", "er/er.mmd", "er/er.dbml", "er/er.dot", "er/er.svg", "er/er.png"]


@pytest.fixture(scope="module")
def artefacts() -> Artefacts:
    return Artefacts(read_registry())


@pytest.fixture(scope="module")
def picture(artefacts: Artefacts) -> bytes:
    return artefacts.picture()


def kept(folder: Path = DOCS) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in NAMES if (folder / name).exists()}


def er(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """The command, in a process with no settings at all."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), **variables}
    command = [sys.executable, "-m", "switchboard", "er", *arguments]
    return subprocess.run(  # noqa: S603  (our own command)
        command, env=environment, capture_output=True, text=True, timeout=50, check=False
    )


def test_the_kept_diagrams_and_the_page_are_what_the_code_says(artefacts: Artefacts) -> None:
    assert artefacts.differing(kept()) == [], "the models changed: run 'switchboard er'"


def test_a_changed_model_makes_every_file_differ() -> None:
    changed = Artefacts(registry_with(field("Agent", "name", nullable=True)))
    assert changed.differing(kept()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_was_edited_or_lost_is_named(artefacts: Artefacts, name: str) -> None:
    files = kept()
    for other in (files[name].replace(b"e", b"f"), b""):
        assert artefacts.differing({**files, name: other}) == [name]
    del files[name]
    assert artefacts.differing(files) == [name]


def test_the_three_texts_say_all_that_the_outline_does_and_nothing_else(artefacts: Artefacts) -> None:
    wanted = expected(outline(artefacts.registry))
    texts = artefacts.diagrams.texts
    for read in (mermaid.read(texts["er.mmd"]), dbml.read(texts["er.dbml"]), dot.read(texts["er.dot"])):
        assert read == wanted


def test_the_nine_are_drawn_whole_and_the_others_by_key_and_references(artefacts: Artefacts) -> None:
    for name, box in outline(artefacts.registry).boxes.items():
        paths = [path for path, _ in artefacts.registry[name].walk() if path != "_id" or name == "RequestBudget"]
        if name in NINE:
            assert [row.path for row in box.rows] == paths
        else:
            assert all(set(row.marks) & {"PK", "FK"} for row in box.rows)
            assert len(box.rows) + box.left_out <= len(paths)


def test_the_nine_stand_where_they_belong(artefacts: Artefacts) -> None:
    at = artefacts.diagrams.drawing.boxes
    user, organization, agent, event = (at[name] for name in ("User", "Organization", "Agent", "CalendarEvent"))
    assert user.x + user.width < organization.x
    assert agent.x == organization.x
    assert agent.y > organization.bottom
    assert event.x == user.x
    assert event.y > user.bottom
    assert user.x + user.width < at["UserOrganization"].x < organization.x
    assert organization.bottom < at["OrganizationAgent"].y < agent.y
    assert max(each.x for each in at.values()) > agent.x
    assert min(each.x for each in at.values()) < user.x


def test_lines_seldom_cross(artefacts: Artefacts) -> None:
    assert artefacts.diagrams.drawing.routing.tangles() < 50


def test_widths_of_letters_are_those_of_the_font_that_draws_them() -> None:
    font = ImageFont.load_default(1000)
    assert isinstance(font, ImageFont.FreeTypeFont)
    plain = font.font_variant(layout_engine=ImageFont.Layout.BASIC)
    for letter in map(chr, range(32, 127)):
        assert abs(plain.getlength(letter) - width_of(letter, 1000)) <= 1, letter
    with pytest.raises(KeyError):
        width_of("é", 12)


def test_no_text_of_the_svg_is_wider_in_another_font(artefacts: Artefacts) -> None:
    texts = [line for line in artefacts.diagrams.texts["er.svg"].splitlines() if line.startswith("<text")]
    assert len(texts) > 500
    assert all(' textLength="' in text and ' lengthAdjust="spacingAndGlyphs"' in text for text in texts)


def test_the_kept_picture_looks_as_it_is_drawn_now(picture: bytes) -> None:
    """Roughly: another version of the font's renderer may draw a letter's edge otherwise."""
    with Image.open(DOCS / "er" / "er.png") as old, Image.open(_file(picture)) as new:
        assert old.size == new.size
        small = (old.width // 4, old.height // 4)
        images = [each.convert("L").resize(small) for each in (old, new)]
    difference = ImageChops.difference(*images).histogram()
    assert sum(difference[48:]) <= small[0] * small[1] // 500


def test_the_picture_is_a_whole_png_that_names_its_drawing(artefacts: Artefacts, picture: bytes) -> None:
    assert note_of(picture) == artefacts.note
    with Image.open(_file(picture)) as image:
        assert image.info["Drawing"] == artefacts.note
        assert image.size == tuple(2 * round(side) for side in _size(artefacts))
        image.verify()
    assert note_of(b"not a picture") is None
    assert note_of(picture[:40]) is None


def test_every_text_of_the_picture_is_drawn(artefacts: Artefacts, picture: bytes) -> None:
    """Where a name stands there is ink, and none in the margin."""
    with Image.open(_file(picture)) as whole:
        grey = whole.convert("L")
    for placed in artefacts.diagrams.drawing.boxes.values():
        area = [2 * each for each in (placed.x + 8, placed.y + 6, placed.x + 60, placed.y + 20)]
        darkest, lightest = grey.crop(tuple(map(round, area))).getextrema()
        assert lightest - darkest > 90, placed.box.name
    assert grey.crop((0, 0, 40, grey.height)).getextrema() == (255, 255)


def test_the_command_writes_the_same_bytes_whatever_the_seed_and_then_finds_nothing(tmp_path: Path) -> None:
    written = er("--folder", str(tmp_path / "er"), PYTHONHASHSEED="7")
    assert (written.returncode, written.stderr) == (0, "")
    files = kept(tmp_path)
    assert list(files) == NAMES
    assert {name: files[name] for name in NAMES[:-1]} == {name: kept()[name] for name in NAMES[:-1]}
    assert note_of(files["er/er.png"]) == note_of(kept()["er/er.png"])


@pytest.mark.usefixtures("no_pillow")
def test_a_check_writes_nothing_needs_no_pillow_and_names_what_differs(tmp_path: Path) -> None:
    shutil.copytree(DOCS / "er", tmp_path / "er")
    shutil.copy(DOCS / "data-model.md", tmp_path)
    (tmp_path / "er" / "er.dot").write_text("digraph {}")
    (tmp_path / "er" / "er.png").unlink()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    told = CliRunner().invoke(cli, ["er", "--folder", str(tmp_path / "er"), "--check", "--json"])

    differing = [str(tmp_path / "er" / name) for name in ("er.dot", "er.png")]
    assert (told.exit_code, json.loads(told.stdout)) == (3, {"differing": differing, "checklist": []})
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_check_of_what_was_just_written_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DOCS.parent)
    told = CliRunner().invoke(cli, ["er", "--check"])
    fine = "The diagrams and data-model.md are what the code says, and the whole checklist is ticked.\n"
    assert (told.exit_code, told.stdout) == (0, fine)


def test_a_folder_that_cannot_be_written_is_a_sentence(
    tmp_path: Path, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(Artefacts, "picture", lambda _: picture)
    told = CliRunner().invoke(cli, ["er", "--folder", str(tmp_path / "file" / "er")])
    assert (told.exit_code, told.stdout) == (1, "")
    assert told.stderr == f"{tmp_path}/file/er cannot be written: Not a directory.\n"


@pytest.mark.usefixtures("no_pillow")
def test_without_pillow_the_command_says_what_to_install_and_writes_nothing(tmp_path: Path) -> None:
    told = CliRunner().invoke(cli, ["er", "--folder", str(tmp_path / "er")])
    assert isinstance(told.exception, Misconfigured)  # `main` ends with its sentence
    assert told.exception.message == "PIL is not installed: pip install 'switchboard[pictures,sql]'."
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def no_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "switchboard.schema.diagrams.png", raising=False)
    monkeypatch.setitem(sys.modules, "PIL", None)


def _file(content: bytes) -> Any:
    return io.BytesIO(content)


def _size(artefacts: Artefacts) -> tuple[float, float]:
    return artefacts.diagrams.drawing.width, artefacts.diagrams.drawing.height
