"""A person at a keyboard: an empty home, the tools, nothing of this machine's own configuration, and a project."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

COMMAND_SECONDS_MAX = 90
# Same sources, same bytes: a rebuilt file must be the one that was uploaded before.
SOURCE_DATE_EPOCH = "1767225600"
_OF_THE_MACHINE = (
    "PIP_", "UV_", "HOLDFAST_", "PYTHON", "TWINE_", "FLIT_", "HATCH_", "POETRY_", "PDM_", "VIRTUAL_ENV", "XDG_",
)  # fmt: skip


@dataclass(frozen=True)
class Person:
    """Runs programs in a home of its own."""

    home: Path

    def run(
        self, *command: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a program; unless told otherwise a failure is this test's failure, with everything the program said."""
        done = subprocess.run(
            [str(part) for part in command],
            cwd=cwd or self.home,
            env=self.environment() | dict(env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_SECONDS_MAX,
        )
        if check:
            assert 0 == done.returncode, f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}"
        return done

    def environment(self) -> dict[str, str]:
        """The machine's environment less every tool's settings, and no keyring, cache or colour to surprise us."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OF_THE_MACHINE)}
        return kept | {
            "HOME": str(self.home),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_INPUT": "1",
            "UV_NO_CONFIG": "1",
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_LINK_MODE": "copy",
            "PDM_CHECK_UPDATE": "false",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "SOURCE_DATE_EPOCH": SOURCE_DATE_EPOCH,
            "NO_COLOR": "1",
            "TERM": "dumb",
            "COLUMNS": "400",
            "NO_PROXY": "*",
        }

    def environment_for_installs(self, name: str) -> Path:
        """A fresh, empty Python environment; returns its interpreter."""
        folder = self.home / name
        self.run(sys.executable, "-m", "venv", "--without-pip", folder)
        return folder / "bin" / "python"

    def version_seen(self, python: Path, project: str) -> str:
        """What the installed package says of itself when imported."""
        module = project.replace("-", "_")
        return self.run(python, "-c", f"import {module}; print({module}.__version__)").stdout.strip()


BACKENDS = {
    "hatchling": ('requires = ["hatchling"]', "hatchling.build"),
    "flit": ('requires = ["flit_core>=3.11"]', "flit_core.buildapi"),
    "poetry": ('requires = ["poetry-core>=2"]', "poetry.core.masonry.api"),
}


def write_project(folder: Path, name: str, version: str, backend: str, *, body: str = "") -> Path:
    """Sources of a small real project for that back end; `body` makes its bytes differ."""
    requires, build_backend = BACKENDS[backend]
    # flit fetches the list of all classifiers from the public registry as soon as a project names one.
    classifiers = [] if backend == "flit" else ["Programming Language :: Python :: 3"]
    module = name.replace("-", "_")
    (folder / module).mkdir(parents=True, exist_ok=True)
    (folder / module / "__init__.py").write_text(f'"""A package for tests."""\n\n__version__ = "{version}"\n{body}')
    (folder / ".gitignore").write_text("/.venv/\n/.pdm-python\n/dist/\n")
    (folder / "README.md").write_text(f"# {name}\n\nA package for tests.\n")
    (folder / "pyproject.toml").write_text(f"""\
[build-system]
{requires}
build-backend = "{build_backend}"

[project]
name = "{name}"
version = "{version}"
description = "A package for tests"
readme = "README.md"
requires-python = ">=3.9"
keywords = ["one", "two"]
authors = [{{ name = "Alice", email = "alice@people.example" }}]
classifiers = {json.dumps(classifiers)}
urls = {{ Source = "https://code.example/{name}" }}
""")
    return folder


def build(person: Person, folder: Path) -> list[Path]:
    """An sdist and a wheel by hatchling, the back end this project itself is built with."""
    for old in folder.glob("dist/*"):
        old.unlink()
    person.run(sys.executable, "-m", "hatchling", "build", cwd=folder)
    return sorted((folder / "dist").iterdir())
