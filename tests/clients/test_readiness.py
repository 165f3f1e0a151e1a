"""What `holdfast warm` calls ready installs with the upstream gone: real pip, uv and poetry, no caches of their own."""

import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from wheels import sdist
from wheels import wheel as built_wheel

import holdfast
from holdfast.drill.corpus import Upstream, Wheel, chain, wheel
from holdfast.drill.rig import Rig
from tests.clients.installers import pip_command, uv_command
from tests.clients.person import Person
from tests.clients.toolbox import ToolMissing, tool

SOURCE = str(Path(holdfast.__file__).parents[1])
BACKEND = b'''
"""A build back end of some lines: a wheel with one module."""
import os, zipfile

INFO = "from_source-1.0.dist-info"
MEMBERS = {
    "from_source/__init__.py": "__version__ = '1.0'",
    f"{INFO}/METADATA": "Metadata-Version: 2.1\\nName: from-source\\nVersion: 1.0\\n",
    f"{INFO}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    f"{INFO}/RECORD": "",
}

def get_requires_for_build_wheel(config_settings=None):
    return ["late-need"]

def build_wheel(directory, config_settings=None, metadata_directory=None):
    import tiny_needs, late_need
    name = "from_source-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as archive:
        for member, text in MEMBERS.items():
            archive.writestr(member, text)
    return name
'''
PYPROJECT = b"[build-system]\nrequires = ['tiny-backend']\nbuild-backend = 'tiny_backend'\n"


class Place:
    """An instance over an upstream that can be taken away."""

    def __init__(self, stack: ExitStack, wheels: list[Wheel]) -> None:
        self._upstream_life = stack.enter_context(ExitStack())
        self.upstream = self._upstream_life.enter_context(Upstream(wheels))
        self.rig = stack.enter_context(Rig(f"{self.upstream.url}/simple/"))
        self.index = f"{self.rig.url}/simple/"

    def warm(self, *arguments: str | Path) -> tuple[int, str]:
        done = self.rig.run("warm", *(str(one) for one in arguments), check=False)
        return done.returncode, done.stdout + done.stderr

    def upstream_dies(self) -> None:
        self._upstream_life.close()


@pytest.fixture
def place() -> Iterator[Place]:
    try:
        for name in ("uv", "pip-newest", "poetry"):
            tool(name)
    except ToolMissing as problem:
        pytest.skip(str(problem))
    source, archive = sdist("from-source", "1.0", replace={"{top}/pyproject.toml": PYPROJECT})
    backend, bytes_of_it = built_wheel(
        "tiny-backend", "1.0", files={"tiny_backend/__init__.py": BACKEND}, requires=["tiny-needs"]
    )
    metadata = b"Metadata-Version: 2.1\nName: tiny-backend\nVersion: 1.0\nRequires-Dist: tiny-needs\n"
    made = [*chain("chain", 3), wheel("tiny-needs", "1.0"), wheel("late-need", "1.0")]
    made += [Wheel("tiny-backend", "1.0", backend, bytes_of_it, metadata)]
    made += [Wheel("from-source", "1.0", source, archive, b"Metadata-Version: 2.1\nName: from-source\nVersion: 1.0\n")]
    with ExitStack() as stack:
        yield Place(stack, made)


@pytest.mark.parametrize("client", ["pip-newest", "uv"])
def test_what_is_ready_installs_with_the_upstream_gone(place: Place, alice: Person, client: str) -> None:
    """Wheels by metadata, and an sdist with what builds it, also what its back end asks for while it runs."""
    file = alice.home / "requirements.txt"
    file.write_text("chain-0\nfrom-source\n")

    code, said = place.warm(file)
    place.upstream_dies()
    check = place.warm("--check", file)

    assert (0, 0) == (code, check[0]), said + check[1]
    python = alice.environment_for_installs("env")
    command = uv_command(python, place.index) if client == "uv" else pip_command(client, python, place.index)
    alice.run(*command, "-r", file)
    assert ("1.0", "1.0") == (alice.version_seen(python, "chain-2"), alice.version_seen(python, "from-source"))


def test_a_uv_lock_made_elsewhere_is_locked_again_by_the_command_told(place: Place, alice: Person) -> None:
    project = alice.home / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(
        '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["chain-0"]\n'
    )
    uv = tool("uv") / "uv"
    alice.run(uv, "lock", "--no-cache", "--default-index", f"{place.upstream.url}/simple/", cwd=project)

    code, said = place.warm(project / "uv.lock")
    told = re.search(r"come through here: holdfast (use uv .*) && uv lock$", said, re.MULTILINE)
    assert (1, True) == (code, told is not None), said
    alice.run(sys.executable, "-m", "holdfast.cli.main", *shlex.split(told[1]), cwd=project, env={"PYTHONPATH": SOURCE})
    alice.run(uv, "lock", "--no-cache", cwd=project, env={"UV_NO_CONFIG": "0"})
    again, verdict = place.warm(project / "uv.lock")
    place.upstream_dies()

    assert 0 == again, verdict
    base = alice.environment_for_installs("base")
    alice.run(uv, "sync", "--no-cache", "--python", base, cwd=project, env={"UV_NO_CONFIG": "0"})
    assert "1.0" == alice.version_seen(project / ".venv" / "bin" / "python", "chain-2")


def test_a_poetry_lock_is_protected_once_it_names_the_index(place: Place, alice: Person) -> None:
    project = alice.home / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(
        '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.11,<4"\ndependencies = ["chain-0"]\n'
        "[tool.poetry]\npackage-mode = false\n"
    )
    environment = {"POETRY_VIRTUALENVS_IN_PROJECT": "true", "POETRY_CACHE_DIR": str(project / ".cache")}
    poetry = tool("poetry") / "poetry"
    for arguments in (["source", "add", "--priority=primary", "holdfast", place.index], ["lock"]):
        alice.run(poetry, *arguments, cwd=project, env=environment)

    code, said = place.warm(project / "poetry.lock")
    place.upstream_dies()

    assert 0 == code, said
    fresh = {**environment, "POETRY_CACHE_DIR": str(project / ".cache-2")}
    alice.run(poetry, "install", "--no-interaction", cwd=project, env=fresh)
    assert "1.0" == alice.version_seen(project / ".venv" / "bin" / "python", "chain-2")
