"""Lanes: each folder under tests/ is one, with a budget. Skips are loud, and failures where HOLDFAST_REQUIRE_ALL=1.

A lane over its budget (seconds on two cores, those of all workers together, set-up of tools not counted) is a bug with
an owner; it is reported, not failed, because a busy machine is nobody's defect.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Generator, Iterable
from pathlib import Path

import pytest

# What a whole run on two cores took (2026-11-27, each lane beside another one), and a tenth more. In all 1987: some
# 17 minutes of two workers, which leaves CI (20 minutes) set-up and lint alone: what grows takes from another lane.
BUDGET_SECONDS = {
    "unit": 66,
    "property": 37,
    "fuzz": 10,
    "contract": 48,
    "publish": 5,
    "control": 468,
    "read": 58,
    "wire": 5,
    "front": 27,
    "pull": 80,
    "cli": 211,
    "browser": 357,
    "drills": 356,
    "clients": 259,
}

# A word in a skip's reason -> the Debian package that brings the program.
DEBIAN_PACKAGES = {
    "nginx": "nginx",
    "varnish": "varnish",
    "caddy": "caddy",
    "wrk": "wrk",
    "postgres": "postgresql",
    "initdb": "postgresql",
    "chromium": "chromium",
    "openssl": "openssl",
    "strace": "strace",
}
# A skip that no installation cures, only another user: told like every skip, but never a failure.
EXCUSED = "the superuser may read and write everything"
TESTS = Path(__file__).parent
REQUIRE_ALL = os.environ.get("HOLDFAST_REQUIRE_ALL") == "1"
LIVE = os.environ.get("HOLDFAST_LIVE") == "1"


def lane_of(path: Path) -> str:
    """The first folder under tests/ that holds `path`; "" for a file outside any lane."""
    parts = path.relative_to(TESTS).parts if path.is_relative_to(TESTS) else ()
    return parts[0] if len(parts) > 1 else ""


class Lanes:
    """Judges skips where a test runs; counts seconds and skips where the summary is written, in the first process."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.tests: dict[str, set[str]] = defaultdict(set)
        self.skips: dict[tuple[str, str], int] = defaultdict(int)

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Mark each test with its lane, and leave the live ones out unless asked for."""
        _tell_apart(items)
        for item in items:
            lane = lane_of(item.path)
            if lane:
                item.add_marker(lane)
        if not LIVE:
            kept = [item for item in items if item.get_closest_marker("live") is None]
            if len(kept) < len(items):
                config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("live")])
            items[:] = kept

    # Outermost, so that an expected failure has already been told apart from a skip.
    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note a skip's reason on the report; under HOLDFAST_REQUIRE_ALL a skip fails."""
        report = yield
        if report.skipped and not hasattr(report, "wasxfail"):
            _judge_skip(report)
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """A whole file that skips itself counts like its tests."""
        report = yield
        if report.skipped:
            _judge_skip(report)
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count the seconds; with several workers this is called for each report that arrives from them."""
        lane = lane_of(TESTS.parent / report.nodeid.partition("::")[0])
        self.seconds[lane] += report.duration
        self.tests[lane].add(report.nodeid)
        self._count_skip(report, lane)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Count a file that skips itself, once for all workers."""
        self._count_skip(report, lane_of(TESTS.parent / report.nodeid))

    def _count_skip(self, report: pytest.TestReport | pytest.CollectReport, lane: str) -> None:
        reason = getattr(report, "not_run", None)
        if reason is not None:
            self.skips[lane, reason] += 1

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Seconds against budget for each lane, then what did not run and how to make it run."""
        self._write_budgets(terminalreporter)
        self._write_skips(terminalreporter)

    def _write_budgets(self, terminal: pytest.TerminalReporter) -> None:
        terminal.section("lanes", sep="-")
        for lane, seconds in sorted(self.seconds.items()):
            budget = BUDGET_SECONDS.get(lane)
            over = budget is not None and seconds > budget
            line = f"{lane or '(none)':<10} {len(self.tests[lane]):>5} tests {seconds:>7.1f} s"
            line += f" of {budget} s" if budget is not None else ""
            terminal.line(line + ("  OVER BUDGET" if over else ""), yellow=over)

    def _write_skips(self, terminal: pytest.TerminalReporter) -> None:
        if not self.skips:
            return
        terminal.section("NOT RUN", sep="=", red=True, bold=True)
        for (lane, reason), count in sorted(self.skips.items()):
            terminal.line(f"{lane:<10} {count:>5} x {reason}", red=True)
        packages = debian_packages(reason for _lane, reason in self.skips)
        if packages:
            terminal.line(f"To run them on Debian: apt-get install --no-install-recommends {' '.join(packages)}")


def debian_packages(reasons: Iterable[str]) -> list[str]:
    """The packages whose programs the reasons name."""
    text = " ".join(reasons).lower()
    return sorted({package for word, package in DEBIAN_PACKAGES.items() if word in text})


def _tell_apart(items: list[pytest.Item]) -> None:
    # Generated tests (schemathesis) have names of their own and one id for all, and workers run one test of an id.
    for item in items:
        if not item.nodeid.endswith(f"::{item.name}"):
            item._id = item.id.parse(item.nodeid.removesuffix(item.originalname) + item.name)
    twice = [name for name, count in Counter(item.nodeid for item in items).items() if count > 1]
    if twice:
        raise pytest.UsageError(f"several tests have the same id, of which workers would run one: {twice}")


def _judge_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    # An attribute of our own travels with the report from a worker to the process that writes the summary.
    reason = report.not_run = _reason(report)
    if REQUIRE_ALL and reason != EXCUSED:
        report.outcome = "failed"
        report.longrepr = f"skipped, but HOLDFAST_REQUIRE_ALL=1 lets nothing be skipped: {reason}"


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    # (path, line, "Skipped: reason") for a skip; anything else is shown as it is.
    longrepr = report.longrepr
    text = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
    return text.removeprefix("Skipped: ")


def pytest_configure(config: pytest.Config) -> None:
    """Register the one collector of this run."""
    config.pluginmanager.register(Lanes(), "holdfast-lanes")
