"""Two hundred requests that hang on the upstream do not slow a hosted page."""

import socket
import statistics

from holdfast.drill.corpus import wheel
from holdfast.drill.faults import NO_FAULT, UPSTREAM_MODES
from holdfast.drill.figures import TIMES_MAX, again, measured, undisturbed
from holdfast.drill.rig import HUNG_SECONDS, Rig, wait_until
from holdfast.drill.scenario import Say
from holdfast.drill.steps import World, publish, world

CROWD = 200
NOISE_SECONDS = 0.001  # a scheduler's hiccup on a shared machine; far below what a starved page would show


def run(say: Say) -> None:
    well = [wheel(again("well", turn), "1.0") for turn in range(TIMES_MAX)]
    with world([*(wheel(f"far-{i}", "1.0") for i in range(CROWD)), *well]) as w:
        publish(w.rig, "hosted", "1.0")
        _p99(w.rig)
        calm, busy = measured(lambda turn: _compare(w, turn, say), lambda both: both[1] >= _busy_seconds_max(both[0]))
        assert busy < _busy_seconds_max(calm), (calm, busy)


def _busy_seconds_max(calm: float) -> float:
    return 2 * calm + NOISE_SECONDS


def _compare(w: World, turn: int, say: Say) -> tuple[float, float]:
    """The hosted page's 99th percentile before and while a crowd hangs, seconds."""
    w.proxy.set(NO_FAULT)
    wait_until(lambda: w.rig.get(f"/simple/{again('well', turn)}/").status == 200, HUNG_SECONDS, "the upstream asked")
    with undisturbed():
        calm = _p99(w.rig)
        w.proxy.set(UPSTREAM_MODES["hung"])
        # Sockets, not threads: the load is theirs. Nobody asked for these pages before.
        crowd = [_ask(w.rig, f"/simple/{again(f'far-{i}', turn)}/") for i in range(CROWD)]
        busy = _p99(w.rig)
    statuses = {_status(connection) for connection in crowd}
    say(f"hosted p99: {calm * 1000:.2f} ms calm, {busy * 1000:.2f} ms under {CROWD} hung requests")
    assert statuses == {503}, statuses
    return calm, busy


def _p99(rig: Rig) -> float:
    """The median of three 99th percentiles, seconds."""
    rounds = []
    for _ in range(3):
        answers = [rig.get("/simple/hosted/") for _ in range(300)]
        assert {a.status for a in answers} == {200}
        rounds.append(statistics.quantiles([a.seconds for a in answers], n=100)[98])
    return statistics.median(rounds)


def _ask(rig: Rig, path: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", rig.port), timeout=HUNG_SECONDS)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: drill\r\nConnection: close\r\n\r\n".encode())
    return connection


def _status(connection: socket.socket) -> int:
    with connection, connection.makefile("rb") as answer:
        return int(answer.readline().split()[1])
