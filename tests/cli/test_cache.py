"""`holdfast cache` over a running pull process and over the store alone: figures, pins, evicting, hashing again."""

import hashlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from mute_pull import mute_pull
from processes import Start, wait_for

from holdfast.cli.figures import count_text, share_text, size_text, span_text
from holdfast.cli.main import main
from holdfast.cli.pull_status import pull_status
from holdfast.config import Config
from holdfast.core.model import Card
from holdfast.store.local import LocalStore
from holdfast.tree import addresses
from holdfast.tree.card import encode_book
from holdfast.tree.pins import read_pins

UPSTREAM = "corporate"
DATA = {name: f"the bytes of {name}".encode() * 100 for name in ("demo-1.0.tar.gz", "demo-2.0.tar.gz")}


def sha(name: str) -> str:
    return hashlib.sha256(DATA[name]).hexdigest()


BOOK = tuple(Card(UPSTREAM, "demo", name, sha(name), len(data), None) for name, data in DATA.items())


class Place:
    """A data folder whose upstream cannot be reached, with two files of demo kept."""

    def __init__(self, folder: Path) -> None:
        self.config = Config(data=folder / "data")
        self.folder = folder
        settings = folder / "holdfast.toml"
        settings.write_text(
            f'[upstream.{UPSTREAM}]\nurl = "http://127.0.0.1:1/simple/"\n[index.main]\nlayers = ["{UPSTREAM}"]\n'
        )
        self.environ = {"HOLDFAST_DATA": str(self.config.data), "HOLDFAST_CONFIG": str(settings)}
        self.store = LocalStore.create(self.config.store_folder)
        for name, data in DATA.items():
            self.store.put(addresses.pulled_file(UPSTREAM, sha(name)), data)
        self.store.put(addresses.card_book(UPSTREAM, "demo"), encode_book(BOOK))

    def __call__(self, *words: str, code: int = 0) -> str:
        done = CliRunner().invoke(main, words, env=self.environ)
        assert code == done.exit_code, done.output
        return done.output

    def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self("cache", "stats", "--json"))
        return found

    def kept(self) -> set[str]:
        """The names of the files that are there."""
        there = {info.key for info in self.store.list(addresses.PULLED_PREFIX)}
        return {name for name in DATA if addresses.pulled_file(UPSTREAM, sha(name)) in there}

    def pull(self, start: Start) -> None:
        """Run the role, and wait until it has listed what there is."""
        start("-m", "holdfast.cli.main", "pull", **self.environ)
        wait_for(lambda: pull_status(self.config.pull_socket), "pull answers")
        wait_for(lambda: self.stats()["objects"] == len(DATA), "pull has listed the store")


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """Commands set this process's logging up; the test runner gets its own back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


@pytest.fixture(params=["with pull", "without pull"])
def place(request: pytest.FixtureRequest, tmp_path: Path, start: Start) -> Place:
    made = Place(tmp_path)
    if request.param == "with pull":
        made.pull(start)
    return made


def test_stats_tell_what_is_kept_and_within_which_bounds(place: Place) -> None:
    size = sum(map(len, DATA.values()))

    found, text = place.stats(), place("cache", "stats")

    assert (2, size, 0, 200 * 1024**3) == tuple(found[k] for k in ("objects", "bytes", "pinned_bytes", "bytes_max"))
    assert [(UPSTREAM, "file", 2, size)] == [(b["upstream"], b["kind"], b["objects"], b["bytes"]) for b in found["by"]]
    assert f"2 objects, {size_text(size)}" in text
    assert "214.7 GB (0 % used)" in text or "215 GB (0 % used)" in text


def test_a_pinned_version_stays_when_its_project_is_evicted(place: Place) -> None:
    assert "pinned demo==1.0: demo 1.0" in place("cache", "pin", "Demo==1.0")

    would = place("cache", "evict", "--project", "demo", "--dry-run")
    there = place.kept()
    done = place("cache", "evict", "--project", "demo")

    size = size_text(len(DATA["demo-2.0.tar.gz"]))
    assert (f"1 object would be evicted, {size}\n", f"1 object evicted, {size}\n") == (would, done)
    assert (set(DATA), {"demo-1.0.tar.gz"}) == (there, place.kept())
    assert len(DATA["demo-1.0.tar.gz"]) == place.stats()["pinned_bytes"]


def test_everything_leaves_but_pins_when_nothing_may_be_left(place: Place) -> None:
    place("cache", "pin", "demo==2.0")
    assert "1 object evicted" in place("cache", "evict", "--to", "0")

    place("cache", "unpin", "demo==2.0")
    assert "1 object evicted" in place("cache", "evict", "--to", "0")

    assert set() == place.kept()


def test_what_was_used_lately_is_not_unused(place: Place) -> None:
    assert "0 objects evicted" in place("cache", "evict", "--unused-for", "30d")
    assert set(DATA) == place.kept()


def test_the_files_of_a_lock_are_pinned_by_digest(tmp_path: Path) -> None:
    place = Place(tmp_path)
    lock = tmp_path / "my shop" / "requirements.txt"
    lock.parent.mkdir()
    lock.write_text(f"demo==1.0 --hash=sha256:{sha('demo-1.0.tar.gz')}\n")

    said = place("cache", "pin", "--lock", str(lock))
    place("cache", "evict", "--to", "0")

    assert "pinned lock-my-shop-requirements.txt: 1 file\n" == said
    assert {"demo-1.0.tar.gz"} == place.kept()
    assert ["lock-my-shop-requirements.txt"] == [pin.name for pin in read_pins(place.store)]
    assert "lock-my-shop-requirements.txt  1 file  by " in place("cache", "pins")


def test_two_projects_locks_of_one_filename_are_two_pins(tmp_path: Path) -> None:
    place = Place(tmp_path)
    locks = [tmp_path / folder / "requirements.txt" for folder in ("one", "two")]
    for lock, name in zip(locks, DATA, strict=True):
        lock.parent.mkdir()
        lock.write_text(f"demo=={name[5:8]} --hash=sha256:{sha(name)}\n")

    place("cache", "pin", "--lock", str(locks[0]), "--lock", str(locks[1]))
    place("cache", "evict", "--to", "0")

    assert ["lock-one-requirements.txt", "lock-two-requirements.txt"] == [pin.name for pin in read_pins(place.store)]
    assert set(DATA) == place.kept()


def test_a_damaged_file_is_found_and_dropped(tmp_path: Path) -> None:
    place = Place(tmp_path)
    assert "every kept file is whole" in place("cache", "scrub", "--now")
    place.store.put(addresses.pulled_file(UPSTREAM, sha("demo-1.0.tar.gz")), b"rotten")

    assert "1 file damaged and dropped" in place("cache", "scrub", "--now", code=1)
    assert {"demo-2.0.tar.gz"} == place.kept()
    assert "damaged so far: 1 file" in place("cache", "scrub")


def test_a_whole_scrub_of_the_running_pull_drops_what_is_damaged(tmp_path: Path, start: Start) -> None:
    place = Place(tmp_path)
    place.pull(start)
    place.store.put(addresses.pulled_file(UPSTREAM, sha("demo-1.0.tar.gz")), b"rotten")

    assert "started" in place("cache", "scrub", "--now")

    wait_for(lambda: place.kept() == {"demo-2.0.tar.gz"}, "the damaged file is dropped", 40)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pin", "not/a/project"], "is no project; good ones"),
        (["pin", "demo==one"], "is no version; a good one: demo==3.0.1"),
        (["unpin", "nothing"], "there is no pin nothing; `holdfast cache pins` lists them"),
        (["pin", "demo", "--upstream", "other"], "there is no upstream other; there is corporate"),
        (["evict", "--to", "much"], "--to must be"),
        (["evict", "--unused-for", "long"], "--unused-for must be"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_wrong_is_named_with_what_would_be_right(tmp_path: Path, words: list[str], said: str) -> None:
    assert said in Place(tmp_path)("cache", *words, code=1)


@pytest.mark.parametrize("words", [["evict", "--project", "demo"], ["scrub", "--now"], ["scrub"], ["stats"]])
def test_nothing_is_done_behind_the_back_of_a_pull_that_gives_no_answer(tmp_path: Path, words: list[str]) -> None:
    place = Place(tmp_path)

    with mute_pull(place.config.pull_socket):
        said = place("cache", *words, code=1)

    assert "holdfast: the pull process of this machine runs and gives no answer (" in said
    assert set(DATA) == place.kept()
    assert not place.config.cache_folder.exists()


def test_numbers_are_told_as_people_read_them() -> None:
    assert ["999 bytes", "1.0 kB", "1.2 GB", "215 GB"] == [size_text(n) for n in (999, 1000, 1.23e9, 200 * 1024**3)]
    assert ["45 s", "10 min", "3 h", "12 days"] == [span_text(n) for n in (45, 600, 10_000, 86400 * 12)]
    assert ["97 %", "99.9 %", "100 %", "-"] == [share_text(n) for n in (0.97, 0.9999, 1.0, None)]
    assert ["1 answer", "1,204 answers"] == [count_text(n, "answer") for n in (1, 1204)]
