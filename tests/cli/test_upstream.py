"""`holdfast upstream` over a running pull process and without one: what it shows, and when a switch is in force."""

import http.client
import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from instances import with_tables
from mute_pull import mute_pull
from processes import Start, wait_for

from holdfast.cli.main import main
from holdfast.cli.pull_status import _Connection, pull_status
from holdfast.config import Config
from holdfast.drill.corpus import Upstream, wheel
from holdfast.drill.figures import measured
from holdfast.store.local import LocalStore
from holdfast.tree.overrides import history

IN_FORCE_SECONDS_MAX = 1.5


class Place:
    """A data folder with one named upstream, whose URL carries credentials."""

    def __init__(self, folder: Path, upstream: Upstream) -> None:
        self.config = Config(data=folder / "data")
        settings = folder / "holdfast.toml"
        url = upstream.url.replace("http://", "http://ci:hush@")
        settings.write_text(f'[upstream.corporate]\nurl = "{url}/simple/"\n[index.main]\nlayers = ["corporate"]\n')
        self.environ = {"HOLDFAST_DATA": str(self.config.data), "HOLDFAST_CONFIG": str(settings)}

    def __call__(self, *words: str, code: int = 0) -> str:
        done = CliRunner().invoke(main, words, env=self.environ)
        assert code == done.exit_code, done.output
        return done.output

    def ask(self, target: str) -> tuple[int, Any]:
        """One request to the pull socket."""
        connection = _Connection(str(self.config.pull_socket))
        connection.request("GET", target)
        answer: http.client.HTTPResponse = connection.getresponse()
        found = answer.status, json.loads(answer.read())
        connection.close()
        return found

    def pull(self, start: Start) -> None:
        """Run the role, and wait until it answers."""
        start("-m", "holdfast.cli.main", "pull", **self.environ)
        wait_for(lambda: pull_status(self.config.pull_socket), "pull answers")


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """Commands set this process's logging up; the test runner gets its own back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream([wheel("seen", "1.0"), wheel("unseen", "1.0")]) as running:
        yield running


@pytest.fixture
def holdfast(tmp_path: Path, upstream: Upstream) -> Iterator[Place]:
    from holdfast.control.database import close_connection

    place = Place(tmp_path, upstream)
    with_tables(tmp_path / "data")
    place("_initialise")
    yield place
    close_connection()


@pytest.mark.usefixtures("figures")
def test_a_switch_is_in_force_within_its_time_and_works_like_a_dead_upstream(
    holdfast: Place, upstream: Upstream, start: Start
) -> None:
    holdfast.pull(start)
    assert 200 == holdfast.ask("/page/corporate/seen?max_age=60")[0]
    told = ""

    def switch_off(turn: int) -> float:
        nonlocal told
        if turn:
            holdfast("upstream", "on", "corporate")
        started = time.monotonic()
        told = holdfast("upstream", "off", "corporate", "--for", "10m", "--reason", "it sends\nmalware")
        return time.monotonic() - started

    seconds = measured(switch_off, lambda found: found >= IN_FORCE_SECONDS_MAX)
    upstream.requests.clear()
    status, page = holdfast.ask("/page/corporate/seen?max_age=0")
    unseen_status, unseen = holdfast.ask("/page/corporate/unseen?max_age=0")

    assert seconds < IN_FORCE_SECONDS_MAX, seconds
    assert "in force now" in told
    assert (200, True) == (status, page["stale"])
    assert 503 == unseen_status
    assert "upstream corporate was switched off by " in unseen["reason"]
    assert "it sends malware" in unseen["reason"]
    assert " until 20" in unseen["reason"]
    assert not upstream.requests

    assert "in force now" in holdfast("upstream", "on", "corporate")
    status, page = holdfast.ask("/page/corporate/unseen")
    assert (200, False) == (status, page["stale"])


def test_a_switch_with_a_time_ends_by_itself(holdfast: Place, start: Start) -> None:
    holdfast.pull(start)

    holdfast("upstream", "off", "corporate", "--for", "4s")  # a busy machine must see it in force

    assert 503 == holdfast.ask("/page/corporate/unseen")[0]
    assert wait_for(lambda: holdfast.ask("/page/corporate/unseen")[0] == 200, "the switch has run out")


def told(text: str, part: str) -> str:
    """The text if it has that part, else nothing."""
    return text if part in text else ""


def test_the_list_tells_how_it_is_going_and_no_credentials(holdfast: Place, upstream: Upstream, start: Start) -> None:
    holdfast.pull(start)
    assert 200 == holdfast.ask("/page/corporate/seen")[0]

    # Behind the page's answer the metadata of its newest wheel is fetched ahead.
    text = wait_for(lambda: told(holdfast("upstream", "list"), "0 pages and 0 files in flight"), "nothing in flight")
    document = json.loads(holdfast("upstream", "list", "--json"))

    assert text.startswith(f"corporate  {upstream.url}/simple/  on\n  breaker closed, answered 0:00:0")
    assert "nothing served yet, 0 pages and 0 files in flight" in text
    assert document["pull"] is True
    assert {"name": "corporate", "off": 0, "breaker": "closed", "pages_in_flight": 0}.items() <= document["upstreams"][
        0
    ].items()
    assert "hush" not in text + json.dumps(document)


def test_without_pull_the_list_says_so_and_a_switch_is_written_all_the_same(holdfast: Place) -> None:
    listed = holdfast("upstream", "list")
    told = holdfast("upstream", "off", "corporate", "--reason", "a drill")

    assert listed.startswith("pull does not run on this machine")
    assert "corporate  http://127.0.0.1:" in listed
    assert "pull does not run on this machine and will keep to it when it starts" in told
    assert ": a drill" in holdfast("upstream", "list")
    assert json.loads(holdfast("upstream", "list", "--json"))["pull"] is False
    assert "is on; pull does not run" in holdfast("upstream", "on", "corporate")
    assert "was on already" in holdfast("upstream", "on", "corporate")
    whats = [change.what for change in history(LocalStore(holdfast.config.store_folder))]
    assert ["upstream corporate switched off: a drill", "upstream corporate switched on"] == whats


def test_a_pull_that_gives_no_answer_is_not_taken_for_one_that_does_not_run(holdfast: Place) -> None:
    trouble = "the pull process of this machine runs and gives no answer ("

    with mute_pull(holdfast.config.pull_socket):
        listed = holdfast("upstream", "list")
        as_json = json.loads(holdfast("upstream", "list", "--json"))
        told = holdfast("upstream", "off", "corporate")

    assert listed.startswith(trouble)
    assert as_json["pull"] is False
    assert as_json["pull_trouble"].startswith(trouble)
    assert f"; written, but {trouble}" in told


def test_a_switch_that_cannot_be_read_is_not_taken_for_one_that_is_on(holdfast: Place, upstream: Upstream) -> None:
    holdfast.config.store_folder.rename(holdfast.config.data / "not-mounted")

    listed, document = holdfast("upstream", "list"), holdfast("upstream", "list", "--json")

    assert "the switches cannot be read: the store folder is not there" in listed
    assert f"corporate  {upstream.url}/simple/  on or off is not known\n" in listed
    assert '"off": null' in document


def test_an_index_stands_for_its_upstreams(holdfast: Place) -> None:
    switched = holdfast("upstream", "off", "main", "--for", "10m")

    assert switched.startswith("upstream corporate is off until 20")
    assert holdfast("upstream", "on", "main").startswith("upstream corporate is on;")


def test_a_switch_that_was_set_while_pull_did_not_run_holds_from_its_first_answer(
    holdfast: Place, upstream: Upstream, start: Start
) -> None:
    holdfast("upstream", "off", "corporate")

    holdfast.pull(start)

    status, found = holdfast.ask("/page/corporate/seen")
    assert 503 == status
    assert "until switched on again" in found["reason"]
    assert not upstream.requests


def test_mistakes_are_told_with_what_would_be_right(holdfast: Place) -> None:
    unknown = holdfast("upstream", "off", "corporat", code=1)
    assert "holdfast: there is no upstream named corporat; known: corporate\n" == unknown
    assert "such as 10m" in holdfast("upstream", "off", "corporate", "--for", "soon", code=1)
    assert "such as 10m" in holdfast("upstream", "off", "corporate", "--for", "0s", code=1)
    assert "such as 10m" in holdfast("upstream", "off", "corporate", "--for", "-5m", code=1)
    forever = "--for must be at most 366 days; without --for it stays off until `holdfast upstream on corporate`\n"
    assert f"holdfast: {forever}" == holdfast("upstream", "off", "corporate", "--for", "367d", code=1)


def test_a_reason_is_one_line_that_no_terminal_takes_for_orders(holdfast: Place) -> None:
    store = LocalStore(holdfast.config.store_folder)

    holdfast("upstream", "off", "corporate", "--reason", "moving\n racks \x1b]0;title\x07\u202e now \udcff")

    assert "moving racks ]0;title now " == history(store)[-1].upstreams_off[0].reason
    assert "upstream corporate switched off: moving racks ]0;title now " == history(store)[-1].what
