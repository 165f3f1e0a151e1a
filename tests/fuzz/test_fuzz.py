"""The short run of every fuzz target: what was once found, seeded changes, and a little guided by coverage."""

import random
from pathlib import Path

import pytest

from tests.clients.toolbox import ToolMissing
from tests.fuzz.__main__ import NAMES, guided
from tests.fuzz.mutations import MUTATORS
from tests.fuzz.seeds import saved, seeds
from tests.fuzz.targets import INPUT_BYTES_MAX, TARGETS, Tally, execute

SEED = 20260101
INPUTS = {"archive": 600, "metadata": 600, "filename": 3000, "form": 400, "attestations": 2000, "stream": 1500}
GUIDED_RUNS = 300


def test_every_target_has_its_mutator_its_seeds_and_a_short_run() -> None:
    assert set(NAMES) == set(TARGETS) == set(MUTATORS) == set(INPUTS)
    assert all(len(seeds(name)) >= 3 for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_what_was_once_a_finding_and_every_seed_is_judged(name: str) -> None:
    tally = Tally()

    for data in seeds(name):
        execute(name, data, tally)

    assert tally.taken > 0, "a legal input is taken, else the second readers are never asked"
    assert all(len(data) <= INPUT_BYTES_MAX for data in saved(name))


@pytest.mark.parametrize("name", NAMES)
def test_changed_inputs_are_judged_and_what_is_taken_has_one_reading(name: str) -> None:
    """The same inputs every time; the number in a failure's message replays it alone."""
    tally = Tally()

    for number in range(INPUTS[name]):
        rng = random.Random(f"{SEED} {name} {number}")
        data = rng.choice(seeds(name))
        for _ in range(rng.choice((1, 1, 2, 4))):
            data = MUTATORS[name](rng, data)[:INPUT_BYTES_MAX]
        try:
            execute(name, data, tally)
        except Exception as error:
            error.add_note(f"{name}, input {number}: {data[:2000]!r}")
            raise


@pytest.mark.parametrize("name", ["archive"])
def test_a_short_run_guided_by_coverage_finds_nothing(name: str, tmp_path: Path) -> None:
    try:
        status, said = guided(name, tmp_path, f"-runs={GUIDED_RUNS}", f"-seed={SEED}")
    except ToolMissing as missing:
        pytest.skip(f"no fuzz engine for this Python and platform: {missing}")

    assert 0 == status, said
