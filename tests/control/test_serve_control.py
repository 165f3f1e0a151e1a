"""The control role as a real process: its socket, its worker's life and death, a real upload through it."""

import http.client
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import wheels
from doors import basic
from instances import UPLOADER, Instance, operator, soon
from processes import Command, is_alive, wait_for

from holdfast.control.accounts.actions import create_token
from holdfast.control.database import close_connection

PROGRAM = """
import sys
from pathlib import Path
from holdfast.config import Config
from holdfast.control.serve import run
run(Config(data=Path(sys.argv[1])))
"""


class Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=20)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask(instance: Instance, method: str, path: str, body: bytes = b"", **headers: str) -> Any:
    """One request over the control socket; None while nobody answers."""
    spooled = instance.config.spool_folder / f"spool{time.monotonic_ns()}"
    spooled.write_bytes(body)
    connection = Connection(instance.config.control_socket)
    try:
        connection.request(method, path, b"", {"X-Holdfast-Spool": spooled.name, **headers})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
        spooled.unlink()


def workers(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


@pytest.fixture
def control(sqlite_instance: Instance, tmp_path: Path) -> Iterator[Command]:
    """A running control process that answers."""
    command = Command([sys.executable, "-c", PROGRAM, str(sqlite_instance.config.data)], os.environ, tmp_path)
    try:
        wait_for(lambda: ask(sqlite_instance, "GET", "/-/health"), "control answers")
        yield command
    finally:
        command.process.terminate()
        command.process.wait(20)
        close_connection()


def test_an_upload_goes_through_a_socket_only_its_owner_can_open(sqlite_instance: Instance, control: Command):
    token = create_token(sqlite_instance.publisher, "t", "alice", UPLOADER, None, operator(), deadline=soon())
    content_type, body = wheels.uv_body(*wheels.wheel("demo", "1.0"))

    status, text = ask(sqlite_instance, "POST", "/legacy/", body, **{"Content-Type": content_type, **basic(token.text)})

    assert (status, text) == (200, b"demo-1.0-py3-none-any.whl is published.\n")
    assert sqlite_instance.config.control_socket.stat().st_mode & 0o777 == 0o600


def test_a_killed_worker_is_replaced(sqlite_instance: Instance, control: Command):
    (first,) = workers(control.process.pid)
    os.kill(first, signal.SIGKILL)

    wait_for(lambda: [w for w in workers(control.process.pid) if w != first], "another worker")
    assert wait_for(lambda: ask(sqlite_instance, "GET", "/-/health"), "control answers again")[0] == 200


def test_the_worker_dies_with_its_server(sqlite_instance: Instance, control: Command):
    (worker,) = workers(control.process.pid)

    control.process.kill()
    control.process.wait(20)

    wait_for(lambda: not is_alive(worker), "the worker is gone")


def test_a_clean_stop_ends_both_and_takes_the_socket_away(sqlite_instance: Instance, control: Command):
    (worker,) = workers(control.process.pid)

    control.process.send_signal(signal.SIGTERM)

    assert control.process.wait(20) == 0
    assert not is_alive(worker)
    assert not sqlite_instance.config.control_socket.exists()
