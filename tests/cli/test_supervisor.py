"""The supervisor over small real processes: order, restarts, clean ends, a new certificate."""

import json
import os
import signal
import ssl
import time
import urllib.request
from pathlib import Path

import pytest
from certificates import make_certificate
from processes import Command, Start, is_alive, wait_for

from holdfast.drill.figures import measured
from holdfast.drill.rig import free_port
from holdfast.front.supervisor import backoff_seconds

PROGRAM = str(Path(__file__).with_name("supervised.py"))
ROLES = {"front", "pull", "control", "work"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return new_data(tmp_path)


def new_data(folder: Path) -> Path:
    data = folder / "data"
    (data / "run").mkdir(parents=True)
    return data


@pytest.fixture
def port() -> int:
    return free_port()


def supervise(start: Start, data: Path, port: int, **variables: str) -> Command:
    command = start(PROGRAM, "supervise", str(data), str(port), **variables)
    command.says("ready")
    wait_for(lambda: set(pids(data)) == {*ROLES, "supervisor"}, "every role in pids.json")
    wait_for(lambda: (data / "workers").read_text().count("\n") == len(ROLES), "a worker of every role")
    return command


def pids(data: Path) -> dict[str, int]:
    try:
        return dict(json.loads((data / "run" / "pids.json").read_text()))
    except FileNotFoundError:
        return {}


def everything(data: Path) -> set[int]:
    """Every process the supervisor or one of its roles ever started."""
    starts = [int(line.split()[1]) for line in (data / "starts").read_text().splitlines()]
    return {*starts, *map(int, (data / "workers").read_text().split())}


def started_roles(data: Path) -> list[str]:
    return [line.split()[0] for line in (data / "starts").read_text().splitlines()]


def test_backoff_doubles_from_a_tenth_of_a_second_to_ten_seconds() -> None:
    assert [0.0, 0.1, 0.2, 0.4, 0.8] == [backoff_seconds(n) for n in range(5)]
    assert backoff_seconds(8) == 10.0
    assert backoff_seconds(500) == 10.0


def test_the_front_and_pull_start_first_and_control_and_work_once_the_front_answers(
    start: Start, data: Path, port: int
) -> None:
    supervise(start, data, port)
    wait_for(lambda: len(started_roles(data)) == 4, "four starts")

    assert {"front", "pull"} == set(started_roles(data)[:2])
    assert {"control", "work"} == set(started_roles(data)[2:])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_leaves_no_process_and_no_pids_file(start: Start, data: Path, port: int, number: signal.Signals) -> None:
    command = supervise(start, data, port)

    code = command.stop(number)

    assert code == 0
    assert [] == [pid for pid in everything(data) if is_alive(pid)]
    assert not (data / "run" / "pids.json").exists()


@pytest.mark.usefixtures("figures")
def test_a_role_that_ignores_sigterm_is_killed_when_the_time_for_stopping_is_over(
    start: Start, tmp_path: Path, port: int
) -> None:
    seconds_max = 1 + 2  # the time for stopping, and for being stopped

    def stop(turn: int) -> float:
        data = new_data(tmp_path / str(turn))
        (data / "work.stubborn").touch()
        command = supervise(start, data, port, TEST_STOP_SECONDS_MAX="1")
        began = time.monotonic()
        assert command.stop() == 0
        seconds = time.monotonic() - began
        assert [] == [pid for pid in everything(data) if is_alive(pid)]
        return seconds

    assert measured(stop, lambda seconds: seconds >= seconds_max) < seconds_max


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_killed_role_comes_back_and_its_worker_does_not_linger(
    start: Start, data: Path, port: int, role: str
) -> None:
    supervise(start, data, port)
    old, before = pids(data)[role], everything(data)

    os.kill(old, signal.SIGKILL)

    fresh = wait_for(lambda: pids(data).get(role, old) != old and pids(data)[role], f"a new {role}")
    assert is_alive(fresh)
    wait_for(lambda: sum(map(is_alive, before)) == len(before) - 2, "the old role and its worker gone")


def test_a_failing_control_plane_is_tried_again_and_never_stops_the_front(start: Start, data: Path, port: int) -> None:
    (data / "control.fails").touch()
    command = start(PROGRAM, "supervise", str(data), str(port))
    command.says("ready")
    front = wait_for(lambda: pids(data).get("front"), "a front")
    wait_for(lambda: started_roles(data).count("control") >= 4, "control tried four times")

    assert pids(data)["front"] == front
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
        assert answer.status == 200
    (data / "control.fails").unlink()
    wait_for(lambda: pids(data).get("control"), "control back")


def test_a_front_that_never_answers_ends_the_supervisor_with_an_error(start: Start, data: Path, port: int) -> None:
    (data / "front.fails").touch()
    command = start(PROGRAM, "supervise", str(data), str(port))

    assert command.process.wait(20) == 1
    assert "giving up" in command.stderr
    assert [] == [pid for pid in everything(data) if is_alive(pid)]


def test_children_die_with_a_supervisor_that_is_killed(start: Start, data: Path, port: int) -> None:
    command = supervise(start, data, port)

    command.process.kill()
    command.process.wait()

    wait_for(lambda: not any(is_alive(pid) for pid in everything(data)), "all gone")


# A new certificate


def presented(port: int) -> bytes:
    return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", port), timeout=5))


def test_sighup_puts_a_front_with_the_new_certificate_in_the_place_of_the_old_one(
    start: Start, data: Path, port: int, tmp_path: Path
) -> None:
    cert, key = make_certificate(tmp_path, "first.example")
    command = supervise(start, data, port, TEST_CERT=cert, TEST_KEY=key)
    before, old = presented(port), pids(data)["front"]
    make_certificate(tmp_path, "second.example")

    command.process.send_signal(signal.SIGHUP)

    wait_for(lambda: pids(data)["front"] != old and not is_alive(old), "the old front replaced")
    assert ssl.PEM_cert_to_DER_cert(Path(cert).read_text()) == presented(port) != before


def test_a_broken_certificate_keeps_the_old_front_and_is_named_in_the_log(
    start: Start, data: Path, port: int, tmp_path: Path
) -> None:
    cert, key = make_certificate(tmp_path, "first.example")
    command = supervise(start, data, port, TEST_CERT=cert, TEST_KEY=key)
    before, old = presented(port), pids(data)["front"]
    Path(cert).write_text("not a certificate")

    command.process.send_signal(signal.SIGHUP)

    error = next(line for line in map(json.loads, command.logs(cert).splitlines()) if line["level"] == "error")
    assert "the old one stays" in error["event"]
    assert (pids(data)["front"], presented(port)) == (old, before)
