"""Finding and running scenarios: a scenario is a module of `holdfast.drill.scenarios` with a `run(say)` function."""

import importlib
import pkgutil
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from holdfast.drill import scenarios

Say = Callable[[str], None]


class CannotRun(Exception):  # noqa: N818 - a fact about this machine, not a verdict
    """This machine lacks what the drill needs; the message says what, and where it comes from."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A drill by name. `incidents` are the ids of the outage reports it replays."""

    name: str
    summary: str
    incidents: tuple[str, ...]
    slow: bool  # takes longer than the quick lane allows
    run: Callable[[Say], None]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one run ended; `failure` is empty when it passed. `missing` says why it could not run at all."""

    name: str
    seconds: float
    failure: str
    missing: str = ""


def all_scenarios() -> dict[str, Scenario]:
    """Every scenario by its name (the module's, with dashes)."""
    found = {}
    for module_info in pkgutil.iter_modules(scenarios.__path__):
        module = importlib.import_module(f"{scenarios.__name__}.{module_info.name}")
        name = module_info.name.replace("_", "-")
        found[name] = Scenario(
            name=name,
            summary=(module.__doc__ or "").strip().splitlines()[0],
            incidents=tuple(getattr(module, "INCIDENTS", ())),
            slow=bool(getattr(module, "SLOW", False)),
            run=module.run,
        )
    return found


def play(scenario: Scenario, say: Say) -> Verdict:
    """Run one scenario to its verdict; nothing it raises escapes."""
    started = time.monotonic()
    try:
        scenario.run(say)
        failure = ""
    except KeyboardInterrupt:
        raise
    except CannotRun as fact:
        return Verdict(scenario.name, time.monotonic() - started, "", str(fact))
    except BaseException:  # noqa: BLE001 - whatever broke is the verdict
        failure = traceback.format_exc()
    return Verdict(scenario.name, time.monotonic() - started, failure)
