"""House rules as tests, so that a slip is told in a sentence and not in a review."""

import ast
import re
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("src", "tests", "bench", "docs", "deploy", "tools", "requirements", ".ci")
TEXT_SUFFIXES = {
    "",
    ".py",
    ".md",
    ".toml",
    ".lock",
    ".in",
    ".txt",
    ".conf",
    ".vcl",
    ".cfg",
    ".sh",
    ".yaml",
    ".yml",
    ".json",
}
LINES_MAX = 400
LOCKS = sorted((ROOT / "requirements").rglob("*.lock"))

# Hosts a committed URL may name: nobody's (RFC 2606, 5737, 6761), this machine's, and pages that only people open.
NOBODYS_HOST = re.compile(
    r"(^|\.)(example|test|invalid|localhost)$|(^|\.)example\.(com|org|net)$"
    r"|^127\.|^10\.|^192\.0\.2\.|^198\.51\.100\.|^203\.0\.113\.|^\[?(::1|2001:db8:.*)\]?$|^0\.0\.0\.0$"
)
PEOPLES_HOSTS = {
    "www.apache.org",  # the licence's own text
    "packaging.python.org",  # the specifications
    "peps.python.org",
    "docs.python.org",
    "docs.djangoproject.com",
    "www.rfc-editor.org",
    "datatracker.ietf.org",
    "github.com",
    "nginx.org",
    "varnish-cache.org",
    "keepachangelog.com",
    "semver.org",
    "s3.amazonaws.com",  # an XML namespace, never a connection
    "www.w3.org",
    "json-schema.org",
    "token.actions.githubusercontent.com",  # issuers that an operator may trust; tests never ask them
    "gitlab.com",
    "accounts.google.com",
    "in-toto.io",  # names of statement types, never connections
    "slsa.dev",
}


def text_files(*folders: str) -> Iterator[tuple[str, str]]:
    """Every text file of the project (or of those folders), as (path from the root, text)."""
    top = [] if folders else [p for p in ROOT.iterdir() if p.is_file() and p.name != ".coverage"]
    inside = [p for folder in folders or FOLDERS for p in (ROOT / folder).rglob("*") if p.is_file()]
    for path in sorted(top + inside):
        if "__pycache__" not in path.parts and path.suffix in TEXT_SUFFIXES:
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def python_files(*folders: str) -> Iterator[tuple[str, str]]:
    """The Python files among them."""
    return ((name, text) for name, text in text_files(*folders) if name.endswith(".py"))


def requirements_of(table: list[str]) -> list[Requirement]:
    """A list of requirement strings, parsed."""
    return [Requirement(line) for line in table]


def pins_of(lock: Path) -> dict[str, Version]:
    """Name to pinned version in a lock (a name pinned twice by marker keeps its highest)."""
    found: dict[str, Version] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", lock.read_text(), re.MULTILINE):
        key = canonicalize_name(name)
        found[key] = max(found.get(key, Version("0")), Version(version))
    return found


@pytest.fixture(scope="module")
def project() -> dict:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_no_file_outgrows_one_sitting() -> None:
    """A Python file past 400 lines has more than one reason to be opened: split it by noun."""
    long = {name: n for name, text in python_files() if (n := text.count("\n")) > LINES_MAX}

    assert {} == long


def test_every_module_says_what_it_owns() -> None:
    """The first lines of a file tell a stranger whether to read on."""
    silent = [
        name
        for name, text in python_files("src", "tests", "bench")
        if text.strip() and "/migrations/" not in name and not ast.get_docstring(ast.parse(text))
    ]

    assert [] == silent


def test_no_public_registry_is_named() -> None:
    """Which index to use is the machine's choice (pip's configuration): a host in our text would be a wrong default."""
    models = pytest.importorskip("pip._internal.models.index")
    hosts = {host for index in (models.PyPI, models.TestPyPI) for host in (index.netloc, index.file_storage_domain)}

    naming = [f"{name}: {host}" for name, text in text_files() for host in sorted(hosts) if host in text]

    assert [] == naming


def test_urls_point_at_nobody_or_at_documentation() -> None:
    """Test data uses .example and .test hosts and loopback; a new documentation host joins PEOPLES_HOSTS."""
    url = re.compile(r"https?://(?:[^\s/@\"'<>{}]*@)?([A-Za-z0-9][A-Za-z0-9.-]*[A-Za-z0-9]|\[[0-9a-f:]+\])")
    strange = [
        f"{name}: {host}"
        for name, text in text_files()
        for host in sorted(set(url.findall(text)))
        if "." in host and not NOBODYS_HOST.search(host.lower()) and host.lower() not in PEOPLES_HOSTS
    ]

    assert [] == strange


def test_no_path_of_this_machine_is_committed() -> None:
    """A path that exists on one machine only breaks every other: use tmp_path, or a path from the project's root."""
    # The folder the checkout lies in; of a deeper one not its top alone, which may well be a word of an URL ("/a/").
    ordinary = {"/", "/bin", "/dev", "/etc", "/home", "/opt", "/proc", "/run", "/srv", "/sys", "/usr", "/var"}
    around = [f"{ROOT.parent}/"] if f"{ROOT.parent}" not in ordinary else []
    paths = {f"{ROOT}", f"{Path.home()}/", f"{tempfile.gettempdir()}/", *around}

    found = [f"{name}: {path}" for name, text in text_files() for path in sorted(paths) if _names_path(text, path)]

    assert [] == found


def _names_path(text: str, path: str) -> bool:
    # "docs/home/x" is no machine path: what stands before the slash must not be part of a name.
    return re.search(rf"(?<![A-Za-z0-9_.:}})\]-]){re.escape(path)}", text) is not None


def test_tests_wait_for_facts_never_for_time() -> None:
    """A sleep is too short on a slow machine and too long on every other: wait for the fact itself, with a limit.

    The polls inside such a wait are the one place for a short sleep: a function whose name begins with `wait_`.
    """
    sleepers = [f"{name}:{line}" for name, text in python_files("tests") for line in _sleeps(ast.parse(text))]

    assert [] == sleepers


def _sleeps(tree: ast.AST) -> Iterator[int]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("wait_"):
            continue
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "time.sleep":
            yield node.lineno
        yield from _sleeps(node)


def test_nothing_is_left_for_later() -> None:
    """A note to do it later belongs in the tracker, where somebody will see it."""
    marks = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
    notes = [f"{name}: {match}" for name, text in text_files() for match in marks.findall(text)]

    assert [] == notes


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_pins_every_file_by_hash_and_names_no_index(lock: Path) -> None:
    """What is installed is decided by the hashes; from where, by the machine."""
    text = lock.read_text()
    entries = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]

    unhashed = [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry]

    assert entries
    assert [] == unhashed
    assert "://" not in text


def test_the_locks_satisfy_the_project(project: dict) -> None:
    """A dependency that was added or raised without `make lock` is told here, not at a user's first `make serve`."""
    build = [line for line in (ROOT / "requirements/build.in").read_text().splitlines() if line and line[0] != "#"]
    runtime = requirements_of(project["project"]["dependencies"] + build)
    runtime += requirements_of(project["project"]["optional-dependencies"]["postgres"])
    dev = runtime + requirements_of(project["dependency-groups"]["dev"])

    assert [] == _unmet(runtime, pins_of(ROOT / "requirements/runtime.lock"))
    assert [] == _unmet(dev, pins_of(ROOT / "requirements/dev.lock"))


@pytest.mark.parametrize("source", sorted((ROOT / "requirements/clients").glob("*.in")), ids=lambda source: source.stem)
def test_each_client_tool_is_locked(source: Path) -> None:
    """The clients lane installs each tool from its own lock."""
    wanted = requirements_of([line for line in source.read_text().splitlines() if line and line[0] != "#"])

    assert [] == _unmet(wanted, pins_of(source.with_suffix(".lock")))


def test_what_is_tested_is_what_is_served() -> None:
    """Every version in the runtime lock is the one the development lock has."""
    runtime = pins_of(ROOT / "requirements/runtime.lock")
    dev = pins_of(ROOT / "requirements/dev.lock")

    assert {} == {name: (pin, dev.get(name)) for name, pin in runtime.items() if dev.get(name) != pin}


def test_every_dependency_has_a_decision_record(project: dict) -> None:
    """docs/decisions says of each direct dependency what it saves, what it costs and how to leave."""
    records = "\n".join(text for _name, text in text_files("docs/decisions"))
    extras = [line for extra in project["project"]["optional-dependencies"].values() for line in extra]
    wanted = requirements_of(project["project"]["dependencies"] + extras)

    assert [] == sorted({r.name for r in wanted if f"`{r.name}`" not in records})


def test_links_between_documents_lead_somewhere() -> None:
    """A relative link in a document names a file that is there."""
    link = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
    dead = [
        f"{name}: {target}"
        for name, text in text_files()
        if name.endswith(".md")
        for target in link.findall(text)
        if not ((ROOT / name).parent / target).exists()
    ]

    assert [] == dead


def test_documents_name_make_targets_that_exist() -> None:
    """`make serve` in a text is a promise that the Makefile keeps."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        (name, t) for name, text in text_files() if name.endswith(".md") for t in re.findall(r"`make ([a-z]+)", text)
    }

    assert [] == sorted((name, t) for name, t in named if t not in targets)


def test_the_version_is_written_once_and_meant_twice(project: dict) -> None:
    """pyproject.toml and holdfast.__version__ agree."""
    import holdfast

    assert project["project"]["version"] == holdfast.__version__
    assert sys.modules["holdfast"].__doc__


def _unmet(wanted: list[Requirement], pins: dict[str, Version]) -> list[str]:
    def met(requirement: Requirement) -> bool:
        pin = pins.get(canonicalize_name(requirement.name))
        return pin is not None and requirement.specifier.contains(pin, prereleases=True)

    return [str(requirement) for requirement in wanted if not met(requirement)]
