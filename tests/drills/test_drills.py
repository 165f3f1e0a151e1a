"""Every quick drill, as `holdfast drill run` plays it; the slow ones are `make drills ARGS=--all`.

They are held to the same figures (holdfast/drill/figures.py).
"""

import pytest

from holdfast.drill.scenario import Scenario, all_scenarios, play
from tests.clients.toolbox import ToolMissing, tool

QUICK = [pytest.param(scenario, id=scenario.name) for scenario in all_scenarios().values() if not scenario.slow]


@pytest.fixture(scope="session", autouse=True)
def twine() -> None:
    """twine is set up; where it cannot be, the drills that need it say so themselves."""
    try:
        tool("twine")
    except (ToolMissing, OSError):
        pass


@pytest.mark.usefixtures("figures")
@pytest.mark.parametrize("scenario", QUICK)
def test_the_drill_passes(scenario: Scenario, capsys: pytest.CaptureFixture[str]) -> None:
    """Installs go on, and the checkers outside agree."""
    verdict = play(scenario, print)
    if verdict.missing:
        pytest.skip(verdict.missing)

    assert not verdict.failure, f"{capsys.readouterr().out}\n{verdict.failure}"


def test_every_drill_says_what_it_proves() -> None:
    assert [s.name for s in all_scenarios().values() if len(s.summary) < 40 or not s.summary.endswith(".")] == []
