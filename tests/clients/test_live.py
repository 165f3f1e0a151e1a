"""Against the real default upstream: one small project and what it needs. Only with HOLDFAST_LIVE=1."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.drill.rig import Rig
from tests.clients.installers import INSTALLERS
from tests.clients.person import Person

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def over_the_default_upstream(tools: None) -> Iterator[Rig]:
    """An instance that pulls from whatever this machine's pip is set up to use."""
    with Rig("") as running:
        yield running


@pytest.mark.parametrize("client", ["pip-machine", "pip-newest", "uv"])
def test_a_real_project_installs_through_the_default_upstream(
    client: str, over_the_default_upstream: Rig, alice: Person, tmp_path: Path
) -> None:
    """Pages, metadata, files and dependencies of strangers' packages."""
    python = INSTALLERS[client](alice, f"{over_the_default_upstream.url}/simple/", "flask", "env")

    seen = alice.run(python, "-c", "import flask, jinja2; print(jinja2.Template('{{ 6 * 7 }}').render())")
    assert "42" == seen.stdout.strip()
