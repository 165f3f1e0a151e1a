"""Two hundred requests that hang on the upstream do not slow a hosted page."""

import socket
import statistics

from holdfast.drill.corpus import wheel
from holdfast.drill.faults import UPSTREAM_MODES
from holdfast.drill.figures import seconds_max
from holdfast.drill.rig import Rig
from holdfast.drill.scenario import Say
from holdfast.drill.steps import publish, world

CROWD = 200
PAGE_BUDGET_SECONDS = 6.0  # the default: so long each of the crowd waits
NOISE_SECONDS = 0.001  # a scheduler's hiccup on a shared machine; far below what a starved page would show


def run(say: Say) -> None:
    with world([wheel(f"far-{i}", "1.0") for i in range(CROWD)]) as w:
        publish(w.rig, "hosted", "1.0")
        _p99(w.rig)
        calm = _p99(w.rig)
        w.proxy.set(UPSTREAM_MODES["hung"])
        crowd = [_ask(w.rig, f"/simple/far-{i}/") for i in range(CROWD)]  # sockets, not threads: the load is theirs
        busy = _p99(w.rig)
        statuses = {_status(connection) for connection in crowd}
        say(f"hosted p99: {calm * 1000:.2f} ms calm, {busy * 1000:.2f} ms under {CROWD} hung requests")
        assert statuses == {503}, statuses
        assert busy < seconds_max(2 * calm + NOISE_SECONDS, PAGE_BUDGET_SECONDS), (calm, busy)


def _p99(rig: Rig) -> float:
    """The median of three 99th percentiles, seconds."""
    rounds = []
    for _ in range(3):
        answers = [rig.get("/simple/hosted/") for _ in range(300)]
        assert {a.status for a in answers} == {200}
        rounds.append(statistics.quantiles([a.seconds for a in answers], n=100)[98])
    return statistics.median(rounds)


def _ask(rig: Rig, path: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", rig.port), timeout=30)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: drill\r\nConnection: close\r\n\r\n".encode())
    return connection


def _status(connection: socket.socket) -> int:
    with connection, connection.makefile("rb") as answer:
        return int(answer.readline().split()[1])
