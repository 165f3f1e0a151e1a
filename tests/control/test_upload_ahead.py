"""Large uploads that control looks into while they arrive: who may have it done, and that nothing depends on it."""

import hashlib
import os
import random
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
import wheels
from doors import Answered, Door, basic, spooled
from instances import Instance, Scopes
from processes import wait_for

from holdfast.clock import ManualClock
from holdfast.control.projects.models import File
from holdfast.control.turns import LeastFirst
from holdfast.control.uploads.ahead import FILES_MAX, QUIET_SECONDS_MAX, Ahead
from holdfast.core.archive import examine
from holdfast.core.form_cut import reference
from holdfast.core.read_ahead import Known

FILES = {"demo/a.bin": bytes(range(256)) * 100, "demo/b.py": b"b = 1\n"}
NAME, WHEEL = wheels.wheel("demo", "1.0", files=FILES)
SDIST_NAME, SDIST = wheels.sdist("demo", "1.0", files=FILES)
CONTENT_TYPE, BODY = wheels.twine_body(NAME, WHEEL)
MEMBERS = len(FILES) + 3
CLOCK = ManualClock()
ADMIN = Scopes(("*",), ("*",), (), True, True)


@pytest.fixture
def reading() -> Iterator[Ahead]:
    made = Ahead()
    yield made
    made.close()


def arrived(path: Path, data: bytes, reading: Ahead) -> None:
    """More of the file is there, and control was told."""
    with path.open("ab") as file:
        file.write(data)
    assert reading.notice(path, CLOCK) or reading.follow(path, CLOCK)


def test_a_file_that_arrives_in_pieces_is_known_when_it_is_whole(tmp_path: Path, reading: Ahead):
    path = tmp_path / "content"
    for start in range(0, len(WHEEL), 1000):
        arrived(path, WHEEL[start : start + 1000], reading)

    assert (MEMBERS, 0) == (
        len(reading.known(path).members),
        len(reading.known(path).members),
    )  # told once, then forgotten


def test_an_sdist_that_arrives_in_pieces_is_known_and_judged_the_same(tmp_path: Path, reading: Ahead):
    path = tmp_path / "content"
    for start in range(0, len(SDIST), 100):
        arrived(path, SDIST[start : start + 100], reading)

    ahead = examine(path, SDIST_NAME, known=reading.known)

    assert (examine(path, SDIST_NAME), None) == (ahead, reading.known(path).tar)


@pytest.mark.parametrize("more", [b"", b"x", None])
def test_an_sdist_that_is_another_when_it_is_whole_is_read_anew(tmp_path: Path, reading: Ahead, more: bytes | None):
    """Read to the end of its stream, and then it went on, or got shorter, or its place was taken."""
    path = tmp_path / "content"
    arrived(path, SDIST, reading)
    wait_for(lambda: reading.is_idle, "the sdist is read")
    if more is None:
        os.truncate(path, len(SDIST) - 1)
    else:
        (tmp_path / "other").write_bytes(SDIST + more)
        os.replace(tmp_path / "other", path)
    plain = examine(path, SDIST_NAME)

    assert plain == examine(path, SDIST_NAME, known=reading.known)
    assert (more == b"") == (not plain.problems)


def test_what_was_never_noticed_before_the_end_is_read_by_whoever_asks(tmp_path: Path, reading: Ahead):
    path = tmp_path / "content"
    arrived(path, WHEEL[:50], reading)
    with path.open("ab") as file:
        file.write(WHEEL[50:])

    assert MEMBERS == len(reading.known(path).members)


LARGE = wheels.sdist("demo", "1.0", files={"a.bin": random.Random(1).randbytes(1_500_000)})[1]
LITTLE_BYTES = 200_000  # a slice that all of SDIST is read in, and of LARGE one piece


def waits_for_its_turn(path: Path, reading: Ahead, turns: LeastFirst, found: list[Known]) -> Thread:
    """A thread that asks for what is known of LARGE, of which only the beginning was read before it was whole."""
    arrived(path, LARGE[:50], reading)
    wait_for(lambda: reading.is_idle, "its beginning is read")
    path.write_bytes(LARGE)
    asking = Thread(target=lambda: found.append(reading.known(path)), daemon=True)
    asking.start()
    wait_for(lambda: turns.waiting() == 1, "it waits for its turn")
    return asking


def test_whole_files_are_read_in_turns_and_who_has_little_left_waits_for_nobody(tmp_path: Path):
    """The only place is taken: what is done with one slice is told at once, and what is not when the place is free."""
    turns, found = LeastFirst(1), []
    reading = Ahead(turns, LITTLE_BYTES)
    turns.enter(0)
    asking = waits_for_its_turn(tmp_path / "large", reading, turns, found)
    arrived(tmp_path / "little", SDIST, reading)

    told_at_once = reading.known(tmp_path / "little").tar
    before = list(found)
    turns.leave()
    asking.join(20)
    reading.close()

    assert ([], len(SDIST)) == (before, told_at_once and told_at_once.size)
    assert [len(LARGE)] == [known.tar.size for known in found if known.tar]


@pytest.mark.parametrize("trouble", ["gone", "a folder"])
def test_a_file_that_is_lost_while_it_waits_gives_its_place_back(tmp_path: Path, trouble: str):
    turns, found = LeastFirst(1), []
    reading, path = Ahead(turns, LITTLE_BYTES), tmp_path / "large"
    turns.enter(0)
    asking = waits_for_its_turn(path, reading, turns, found)

    path.unlink()
    if trouble == "a folder":
        path.mkdir()
    turns.leave()
    asking.join(20)
    reading.close()
    next_one = Thread(target=turns.enter, args=(0,), daemon=True)
    next_one.start()
    next_one.join(20)

    assert ([None], False) == ([known.tar for known in found], next_one.is_alive())


def test_another_file_of_the_same_name_is_judged_by_its_own_bytes(tmp_path: Path, reading: Ahead):
    path = tmp_path / NAME
    arrived(path, WHEEL, reading)
    wait_for(lambda: reading.is_idle, "the wheel is read")
    other = tmp_path / "other"
    other.write_bytes(wheels.wheel("demo", "1.0", files={"demo/a.bin": FILES["demo/a.bin"][::-1]})[1])
    os.replace(other, path)

    assert 0 == len(reading.known(path).members)


@pytest.mark.parametrize("size", [0, 10, len(WHEEL) // 2])
def test_a_file_that_was_cut_off_brings_no_facts(tmp_path: Path, reading: Ahead, size: int):
    path = tmp_path / NAME
    arrived(path, WHEEL, reading)
    wait_for(lambda: reading.is_idle, "the wheel is read")
    os.truncate(path, size)
    plain = examine(path, NAME)

    found = examine(path, NAME, known=reading.known)

    assert (plain, 0) == (found, len(reading.known(path).members))


@pytest.mark.parametrize("kind", ["gone", "a link", "a folder", "a pipe"])
def test_what_is_no_file_is_forgotten(tmp_path: Path, reading: Ahead, kind: str):
    path = tmp_path / "content"
    (tmp_path / "wheel").write_bytes(WHEEL)
    {
        "gone": lambda: None,
        "a link": lambda: path.symlink_to("wheel"),
        "a folder": path.mkdir,
        "a pipe": lambda: os.mkfifo(path),
    }[kind]()

    assert reading.follow(path, CLOCK)
    wait_for(lambda: not reading.notice(path, CLOCK), "it is forgotten")
    assert 0 == len(reading.known(path).members)


def test_a_file_that_never_grows_takes_no_thread_and_no_descriptor(tmp_path: Path, reading: Ahead):
    arrived(tmp_path / "content", WHEEL[:100], reading)

    wait_for(lambda: reading.is_idle, "nothing is left to be done")
    held = [os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")]
    assert str(tmp_path / "content") not in held


def test_so_many_files_are_followed_and_those_that_ended_make_room(tmp_path: Path, reading: Ahead):
    paths = [tmp_path / f"{number}" for number in range(FILES_MAX + 2)]
    for path in paths:
        path.write_bytes(WHEEL[:100])
    clock = ManualClock()
    assert all(reading.follow(path, clock) for path in paths[:FILES_MAX])

    refused = reading.follow(paths[-1], clock)
    paths[0].unlink()
    after_one_left = reading.follow(paths[-1], clock), reading.follow(paths[-2], clock)
    clock.advance(QUIET_SECONDS_MAX + 1)
    after_silence = reading.follow(paths[-2], clock), reading.notice(paths[1], clock)

    assert (False, (True, False), (True, False)) == (refused, after_one_left, after_silence)


def test_an_archive_that_lies_about_everything_is_left_quickly(tmp_path: Path, reading: Ahead):
    bomb = wheels.zip_bytes({"zeros": bytes(100 << 20)})
    path = tmp_path / NAME
    arrived(path, bomb, reading)

    wait_for(lambda: reading.is_idle, "it is left")
    assert 0 == len(reading.known(path).members)
    assert "times its size" in examine(path, NAME).problems[0].rule


def notice(door: Door, name: str, token: str, **headers: str) -> Answered:
    return door.request("POST", "/-/arriving", b"", {"X-Holdfast-Spool": name, **basic(token), **headers})


def test_an_upload_that_was_noticed_is_published_from_what_was_read(sqlite_instance: Instance):
    door = Door(sqlite_instance)
    cut, token = spooled(door.parts.config.spool_folder, CONTENT_TYPE, BODY), door.token()
    path = door.parts.config.spool_folder / cut.name

    noticed = [notice(door, cut.name, token).status for _ in range(3)]
    is_followed = door.parts.ahead.notice(path, door.parts.clock)
    named = {"Content-Type": CONTENT_TYPE, "X-Holdfast-Spool": reference("form", cut)}
    answer = door.request("POST", "/legacy/", b"", {**named, **basic(token)})

    assert ([204] * 3, True, 200) == (noticed, is_followed, answer.status)
    assert hashlib.sha256(WHEEL).hexdigest() == File.objects.get().sha256
    assert not door.parts.ahead.notice(path, door.parts.clock)


@pytest.mark.parametrize(
    ("token", "name", "status"),
    [
        ("", "form.content", 401),
        ("hft_nobodys", "form.content", 401),
        ("alice's", "../form.content", 503),
        ("alice's", "", 503),
        ("alice's", "form.content", 204),
    ],
)
def test_only_who_may_come_in_has_a_file_of_the_spool_read(
    sqlite_instance: Instance, token: str, name: str, status: int
):
    """Unpacking costs more than sending: a stranger must not have it done, and nobody outside the spool's folder."""
    door = Door(sqlite_instance)
    spooled(door.parts.config.spool_folder, CONTENT_TYPE, BODY)

    answer = notice(door, name, door.token() if token == "alice's" else token)

    path = door.parts.config.spool_folder / "form.content"
    assert (status, status == 204) == (answer.status, door.parts.ahead.notice(path, door.parts.clock))


def test_a_notice_is_sent_by_post_and_answered_when_enough_are_followed(sqlite_instance: Instance, tmp_path: Path):
    door = Door(sqlite_instance)
    spooled(door.parts.config.spool_folder, CONTENT_TYPE, BODY)
    for number in range(FILES_MAX):
        (tmp_path / f"{number}").write_bytes(b"P")
        door.parts.ahead.follow(tmp_path / f"{number}", door.parts.clock)

    assert 503 == notice(door, "form.content", door.token()).status
    assert 405 == door.request("GET", "/-/arriving").status


def test_a_network_that_is_shut_out_has_nothing_read(sqlite_instance: Instance):
    door = Door(sqlite_instance)
    spooled(door.parts.config.spool_folder, CONTENT_TYPE, BODY)
    token = door.token()
    root = {"Authorization": f"Bearer {door.token('root', ADMIN)}", "X-Holdfast-Client": "198.51.100.1"}
    body = b'{"network": "192.0.2.0/24", "reason": "a flood"}'
    assert 200 == door.request("POST", "/api/bans", body, root).status

    answer = notice(Door(sqlite_instance, publisher=sqlite_instance.another_publisher()), "form.content", token)

    assert (403, True) == (answer.status, "shut out" in answer.text)
