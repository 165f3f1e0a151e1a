"""One live Holdfast over a small upstream for the whole lane, and a person for each test.

The instance is the real `holdfast serve` with its defaults; the upstream is a plain index on loopback. A second,
private index named `vault` is configured beside the default one.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.drill.corpus import Upstream, Wheel, chain, wheel
from holdfast.drill.rig import Rig
from tests.clients.person import Person
from tests.clients.toolbox import NAMES, ToolMissing, tool

CHAIN_LENGTH = 4


@pytest.fixture(scope="session")
def tools() -> None:
    """Every tool is set up; what cannot be had skips the lane, loudly."""
    try:
        for name in NAMES:
            tool(name)
    except ToolMissing as problem:
        pytest.skip(str(problem))


@pytest.fixture(scope="session")
def upstream_wheels() -> list[Wheel]:
    """What the upstream has: a chain of projects, and one whose name somebody will try to take."""
    return [*chain("cold", CHAIN_LENGTH), *chain("warm", 2), wheel("popular", "1.0")]


@pytest.fixture(scope="session")
def upstream(upstream_wheels: list[Wheel]) -> Iterator[Upstream]:
    """The upstream index."""
    with Upstream(upstream_wheels) as running:
        yield running


@pytest.fixture(scope="session")
def live(tools: None, upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A running instance."""
    settings = tmp_path_factory.mktemp("settings") / "holdfast.toml"
    settings.write_text("[index.main]\n\n[index.vault]\nprivate = true\n")
    with Rig(f"{upstream.url}/simple/", {"HOLDFAST_CONFIG": str(settings)}) as running:
        yield running


@pytest.fixture
def alice(tmp_path: Path) -> Person:
    """Somebody with an empty home."""
    return Person(tmp_path)
