"""`holdfast report`: the same figures from the running pull process and from what it wrote down, in plain sentences."""

import http.client
import json
import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from instances import with_tables
from mute_pull import mute_pull
from processes import Start, wait_for

from holdfast.cli.main import main
from holdfast.cli.pull_status import ask_pull, pull_status
from holdfast.config import Config
from holdfast.control.database import close_connection
from holdfast.drill.corpus import Upstream, wheel
from holdfast.front.serve import free_port
from holdfast.pull.cache.ledger import FETCHED, Ledger, encode_ledger
from holdfast.pull.cache.papers import write_paper
from holdfast.store.local import LocalStore

UPSTREAM = "corporate"


class Place:
    """A data folder with one upstream that cannot be reached."""

    def __init__(self, folder: Path, url: str = "http://127.0.0.1:1/simple/") -> None:
        self.config = Config(data=folder / "data")
        settings = folder / "holdfast.toml"
        settings.write_text(f'[upstream.{UPSTREAM}]\nurl = "{url}"\n[index.main]\nlayers = ["{UPSTREAM}"]\n')
        self.environ = {"HOLDFAST_DATA": str(self.config.data), "HOLDFAST_CONFIG": str(settings)}

    def __call__(self, *words: str, code: int = 0) -> str:
        return self.run("report", *words, code=code)

    def run(self, *words: str, code: int = 0) -> str:
        done = CliRunner().invoke(main, words, env=self.environ)
        assert code == done.exit_code, done.output
        return done.output

    def page(self, name: str) -> int:
        """The status of a project's page; 0 while nobody listens."""
        connection = http.client.HTTPConnection(self.environ["HOLDFAST_LISTEN"], timeout=10)
        try:
            connection.request("GET", f"/simple/{name}/")
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def remember(self, ledger: Ledger) -> None:
        write_paper(self.config.cache_folder / "ledger.zst", encode_ledger(ledger))


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """Commands set this process's logging up; the test runner gets its own back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def ledger_of_an_outage(now: float) -> Ledger:
    """A day on which the upstream was off for ten minutes."""
    made = Ledger()
    made.begin_run(now - 100_000)
    made.live(now - 7200)
    made.runs[0].seen = now
    made.standing(UPSTREAM, "off", reason="moving racks", by="alice@desk", at=now - 7200)
    made.add(now - 7000, UPSTREAM, "hit", 300, 2_000_000)
    made.add(now - 6900, UPSTREAM, "stale", 12, 100_000)
    made.standing(UPSTREAM, "up", at=now - 6600)
    made.add(now - 6000, UPSTREAM, "miss", 8, 1_000_000)
    made.add(now - 6000, UPSTREAM, FETCHED, 9, 1_100_000)
    return made


def test_nothing_recorded_is_said_so(tmp_path: Path) -> None:
    assert "Nothing was recorded yet." in Place(tmp_path)()


def test_an_outage_is_a_sentence_with_what_was_served(tmp_path: Path) -> None:
    place, now = Place(tmp_path), time.time()
    place.remember(ledger_of_an_outage(now))

    text, found = place(), json.loads(place("--json"))

    begun = f"{datetime.fromtimestamp(now - 7200, UTC):%Y-%m-%d %H:%M:%S}"
    assert (
        f"While upstream {UPSTREAM} was off (10 min): 312 answers served, 0 failed, 12 of them older than fresh"
        f" (from {begun} by alice@desk: moving racks)." in text
    )
    assert f"upstream {UPSTREAM}: 320 answers served, 98 % from what is kept" in text
    assert "3.1 MB served, 1.1 MB fetched: 2.0 MB saved" in text
    assert (False, 312) == (found["pull"], found["upstreams"][0]["periods"][0]["served"])


def test_a_time_without_records_is_told_and_not_taken_for_a_quiet_one(tmp_path: Path) -> None:
    place, now = Place(tmp_path), time.time()
    made = Ledger()
    made.begin_run(now - 10_000)
    made.live(now - 9_000)
    made.begin_run(now - 2_000)
    made.live(now)
    place.remember(made)

    text = place()

    assert "Nothing is known of the time before" in text
    assert "Pull did not run for 2 h from" in text


def test_the_running_pull_tells_what_it_was_told_a_moment_ago(tmp_path: Path, start: Start) -> None:
    place = Place(tmp_path)
    LocalStore.create(place.config.store_folder)
    start("-m", "holdfast.cli.main", "pull", **place.environ)
    wait_for(lambda: pull_status(place.config.pull_socket), "pull answers")
    batch = {"samples": [[time.time(), UPSTREAM, "hit", 5, 5000]]}
    assert ask_pull(place.config.pull_socket, "POST", "/usage", batch) == (200, {"samples": 1})

    text = place("--since", "1h")

    assert f"upstream {UPSTREAM}: 5 answers served, 100 % from what is kept" in text
    assert "Pull does not run" not in text


def test_a_switch_is_a_sentence_of_the_report_right_after_it(tmp_path: Path, start: Start) -> None:
    """Front and pull as processes: what the front served from memory while the upstream was off is in the report."""
    with Upstream([wheel("demo", "1.0")]) as upstream:
        place = Place(tmp_path, f"{upstream.url}/simple/")
        with_tables(place.config.data)
        place.run("_initialise")
        place.environ |= {"HOLDFAST_LISTEN": f"127.0.0.1:{free_port('127.0.0.1')}"}
        for role in ("pull", "front"):
            start("-m", "holdfast.cli.main", role, **place.environ)
        wait_for(lambda: pull_status(place.config.pull_socket), "pull answers")
        wait_for(lambda: place.page("demo") == 200, "the front serves the page")
        close_connection()
        wait_for(lambda: f"upstream {UPSTREAM}: 1 answer" in place(), "that one is told of the time before")

        place.run("upstream", "off", UPSTREAM, "--for", "10m", "--reason", "a drill")
        wait_for(lambda: "is off" in place(), "pull has noted it")
        during = [place.page("demo") for _ in range(5)] + [place.page("unseen")]
        wait_for(lambda: "5 answers served, 1 failed" in place(), "the front has told what it served")
        place.run("upstream", "on", UPSTREAM)
        wait_for(lambda: f"While upstream {UPSTREAM} was off (" in place(), "pull has noted the end")

        assert [200] * 5 + [503] == during
        assert "a drill" in place() and "5 answers served, 1 failed" in place()


def test_old_figures_do_not_stand_for_those_of_a_pull_that_gives_no_answer(tmp_path: Path) -> None:
    place = Place(tmp_path)

    with mute_pull(place.config.pull_socket):
        said = place(code=1)

    assert "holdfast: the pull process of this machine runs and gives no answer (" in said


def test_a_span_that_is_none_is_refused(tmp_path: Path) -> None:
    assert "--since must be" in Place(tmp_path)("--since", "yesterday", code=1)
