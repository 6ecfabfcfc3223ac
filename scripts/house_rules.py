"""Rules of this project that no ready-made tool checks; docs/architecture says why they are rules.

Each takes the project's folder and yields problems, a line each.
"""

import ast
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

FEATURES = (
    "idempotency", "users", "roles", "audit", "memberships", "organizations", "members", "administration", "invites",
    "replies", "comparison", "connections", "events", "budgets", "calendars", "calendar_choices", "calendar_sharing",
    "organization_calendars", "leases", "pulls", "channels", "bookings", "event_times", "turns", "spans",
    "working_hours", "availability", "home", "sealing", "providers", "configurations", "variants", "readiness",
    "changes", "agents", "editing", "lifecycle", "sharing", "history", "rotation", "delivery", "runtime", "runs",
    "webhooks", "merging", "normalization", "backfill", "agent_imports", "legacy_calendars", "legacy_organizations",
    "legacy_agents", "erasure",
)  # fmt: skip
FEATURE_FILES = {f"{name}.py" for name in ("__init__", "model", "documents", "service", "schemas", "routes")}
LONGEST_FUNCTION = 50

# Which modules of others may be imported where; places are names in src/switchboard, or files of any feature.
BORDERS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "the database driver": (
        ("motor", "beanie", "pymongo", "bson", "gridfs"),
        ("documents.py", "bootstrap.py", "mongo.py", "schema", "migrations"),
    ),
    "the web framework": (("fastapi", "starlette"), ("routes.py", "http", "app.py")),
    "a vendor's library": (
        (
            "aiogoogle",
            "propelauth_py",
            "propelauth_fastapi",
            "google",
            "httpx",
            "httpcore",
            "aiohttp",
            "requests",
            "tenacity",
            "standardwebhooks",
        ),
        ("clients",),
    ),
}
WHOLE_DOCUMENT = {"save", "save_changes", "replace_one", "find_one_and_replace", "replace_many"}
WHOLE_DOCUMENT_STAGES = {"$replaceWith", "$replaceRoot"}
STRIPS = Path("src/switchboard/erasure/documents.py")  # whatever others stored of a person is to go (decisions/0023)
BEANIE_REPLACE = {"ignore_revision", "session", "bulk_writer", "skip_actions"}
INDEX = re.compile(
    r"https?://[^\s\"'<>]*pypi[^\s\"'<>]*|pythonhosted\.[a-z]+|https?://[^\s\"'<>]*/simple/?(?=[\s\"'<>]|$)"
    r"|--(?:extra-)?index-url|--find-link[s]|^\s*(?:extra-)?index-url\s*=",
    re.MULTILINE,
)
HOME = re.compile(r"(?<![\w.:/-])/(?:root|home/[\w.-]+|Users/[\w.-]+)/[\w.-]+")
UNTRACKED = {".git", ".venv", ".data", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}

Problems = Iterator[str]


def no_addresses(root: Path) -> Problems:
    """No address of a package index and no path of a machine in any file."""
    own = re.compile(rf"(?<![\w.-]){re.escape(str(root))}(?![\w.-])") if len(root.parts) > 2 else None
    for path in _files(root):
        try:
            text = path.read_text("utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue
        for words, pattern in (("a package index", INDEX), ("a path of a machine", HOME), ("a path of a machine", own)):
            for found in pattern.finditer(text) if pattern else ():
                yield f"{path.relative_to(root)}:{_line(text, found)}: {words}: {found.group().strip()}"


def locks_match(root: Path) -> Problems:
    """Every package that pyproject.toml names is in the locks, none besides is there on its account, all hashed."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    needed = {_name(line) for line in project["dependencies"]}
    optional = {_name(line) for extra in project["optional-dependencies"].values() for line in extra}
    pins = {name: _pins(root / "requirements" / f"{name}.txt") for name in ("run", "dev")}
    for lock, names in (("run", needed), ("dev", needed | optional)):
        for name in sorted(names - pins[lock].keys()):
            yield f"requirements/{lock}.txt: {name} of pyproject.toml is missing; scripts/lock makes it anew"
        for name in sorted({name for name, (_, _, asked) in pins[lock].items() if asked} - names):
            yield f"requirements/{lock}.txt: {name} is not in pyproject.toml any more; scripts/lock makes it anew"
        for name in (name for name, (_, hashes, _) in pins[lock].items() if not hashes):
            yield f"requirements/{lock}.txt: {name} has no hash"
    for name, (version, _, _) in pins["run"].items():
        if pins["dev"].get(name, ("",))[0] != version:
            yield f"requirements/run.txt: {name} has another version than in dev.txt"


def settings_explained(root: Path) -> Problems:
    """`.env.example` names exactly the variables that are read, each with a line above it that explains it."""
    from switchboard.settings import variables

    known = set(variables())
    lines = (root / ".env.example").read_text("utf-8").splitlines()
    named: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        found = re.match(r"#?\s?([A-Z][A-Z0-9_]+)=", line)
        if found:
            named[found.group(1)] = number
            if not re.match(r"# \S+ ", lines[number - 2]) or "=" in lines[number - 2].split()[1]:
                yield f".env.example:{number}: {found.group(1)} has no line above it that explains it"
    for name in sorted(known - named.keys()):
        yield f".env.example: {name} is missing"
    for name in sorted(named.keys() - known):
        yield f".env.example:{named[name]}: {name} is not a setting"


def narrow_writes(root: Path) -> Problems:
    """No whole-document writes: others write the same documents at the same time."""
    for path, tree in _modules(root / "src" / "switchboard"):
        awaited = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Await)}
        for node in ast.walk(tree):
            name = _whole_document_write(node, awaited)
            if name and not (name in WHOLE_DOCUMENT_STAGES and path == root / STRIPS):
                yield f"{path.relative_to(root)}:{node.lineno}: {name} writes whole documents; $set the touched fields"


def _whole_document_write(node: ast.AST, awaited: set[int]) -> str:
    if isinstance(node, ast.Name | ast.Attribute | ast.keyword):
        name = {ast.Name: "id", ast.Attribute: "attr", ast.keyword: "arg"}[type(node)]
        found = getattr(node, name)
        return found if found in ("use_revision", "ReplaceOne") else ""
    if isinstance(node, ast.Constant) and node.value in WHOLE_DOCUMENT_STAGES:
        return str(node.value)
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return ""
    name = node.func.attr
    if name == "replace":  # also a method of texts and dates, which take arguments and are not awaited
        keywords = {keyword.arg for keyword in node.keywords}
        whole = id(node) in awaited or not (node.args or keywords) or keywords & BEANIE_REPLACE
        return ".replace" if whole else ""
    return f".{name}" if name in WHOLE_DOCUMENT else ""


def five_files(root: Path) -> Problems:
    """A feature has the five files and no others."""
    for feature in FEATURES:
        folder = root / "src" / "switchboard" / feature
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.name not in FEATURE_FILES and path.name != "__pycache__":
                yield f"{path.relative_to(root)}: a feature has only {', '.join(sorted(FEATURE_FILES))}"


def short_functions(root: Path) -> Problems:
    """No function over fifty lines, its decorators not counted."""
    for folder in (root / "src", root / "scripts"):
        for path, tree in _modules(folder):
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    lines = (node.end_lineno or node.lineno) - node.lineno + 1
                    if lines > LONGEST_FUNCTION:
                        yield f"{path.relative_to(root)}:{node.lineno}: {node.name} has {lines} lines"


def borders(root: Path) -> Problems:
    """Driver, web framework and vendors are named only where they belong."""
    package = root / "src" / "switchboard"
    for path, tree in _modules(package):
        place = path.relative_to(package)
        for number, module in _imports(tree):
            for words, (libraries, places) in BORDERS.items():
                if module.partition(".")[0] in libraries and not {place.parts[0], place.name} & set(places):
                    yield f"{path.relative_to(root)}:{number}: {module} is {words}; it belongs in {', '.join(places)}"


RULES: dict[str, Callable[[Path], Problems]] = {
    "addresses": no_addresses,
    "locks": locks_match,
    "settings": settings_explained,
    "writes": narrow_writes,
    "features": five_files,
    "length": short_functions,
    "borders": borders,
}


def _files(root: Path) -> list[Path]:
    """What is or could be committed; without git, all but what tools leave behind."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    if listed.returncode == 0 and (root / ".git").exists():
        return [root / name for name in listed.stdout.split("\0") if name]
    return [path for path in root.rglob("*") if path.is_file() and not UNTRACKED & set(path.relative_to(root).parts)]


def _modules(folder: Path) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(folder.rglob("*.py")):
        yield path, ast.parse(path.read_text("utf-8"))


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.lineno, node.module or ""


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    return re.sub(r"[-_.]+", "-", found.group() if found else requirement).lower()


def _pins(lock: Path) -> dict[str, tuple[str, bool, bool]]:
    """By name: the version, whether it is hashed, whether pyproject.toml asks for it."""
    pins: dict[str, tuple[str, bool, bool]] = {}
    for block in re.split(r"\n(?=\S)", re.sub(r"(?m)^#.*\n", "", lock.read_text("utf-8"))):
        found = re.match(r"([A-Za-z0-9._-]+)==([^\s;\\]+)", block)
        if found:
            asked = "switchboard (pyproject.toml)" in block
            pins[_name(found.group(1))] = (found.group(2), "--hash=sha256:" in block, asked)
    return pins


def _line(text: str, found: re.Match[str]) -> int:
    return text.count("\n", 0, found.start()) + 1
