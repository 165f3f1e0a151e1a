"""The arrows between the parts: what import-linter reads from the sources, and what really gets loaded."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN_IN_A_FRONT = ("django", "psycopg", "sqlite3", "holdfast.control", "holdfast.pull")


def test_imports_flow_one_way() -> None:
    """Every contract in pyproject.toml holds."""
    lint = Path(sys.executable).with_name("lint-imports")

    done = subprocess.run(
        [lint, "--no-cache", "--no-logo"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": "src"},
        capture_output=True,
        text=True,
    )

    assert 0 == done.returncode, done.stdout


def test_a_front_loads_no_templates_before_somebody_wants_a_page() -> None:
    """Jinja2 and what renders descriptions live in a helper: a front keeps its memory and its start for installs."""
    unwanted = ("jinja2", "readme_renderer", "docutils", "comrak")
    program = f"import sys, holdfast.front.serve; print([name for name in {unwanted!r} if name in sys.modules])"

    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
    )

    assert ("[]\n", 0) == (done.stdout, done.returncode), done.stderr


@pytest.mark.parametrize("part", ["front", "read", "pull", "wire"])
def test_a_plane_off_the_database_loads_no_django(part: str) -> None:
    """Each module of these parts, in a fresh interpreter, brings in neither Django nor a database driver."""
    modules = sorted(
        "holdfast." + path.relative_to(ROOT / "src/holdfast").with_suffix("").as_posix().replace("/", ".")
        for path in (ROOT / "src/holdfast" / part).rglob("*.py")
        if path.name not in ("__init__.py", "__main__.py")
    )
    forbidden = [name for name in FORBIDDEN_IN_A_FRONT if name != f"holdfast.{part}"]
    program = (
        "import importlib, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        f"print([name for name in {forbidden!r} if name in sys.modules])\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
    )

    assert ("[]\n", 0) == (done.stdout, done.returncode), done.stderr
