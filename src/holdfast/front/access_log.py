"""The access log: one JSON line per request, written by a thread of its own so that no request ever waits for a disk.

Requests append a tuple to a list; the thread formats and writes twice a second or every few hundred lines. When the
disk is full or slow the list reaches its bound, and lines are dropped and counted. Never logged: Authorization,
bodies, query values.
"""

import fcntl
import json
import os
import sys
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from time import gmtime, strftime

FLUSH_SECONDS = 0.5
WAKE_LINES = 512  # a batch of this size is formatted in well under a millisecond
LINES_MAX = 50_000  # about 20 MB of waiting tuples; one to two seconds of the highest measured rate

# (time, client, what read/hot.py log_fragment made, user agent, microseconds or -1)
Line = tuple[float, str, str, str | None, int]

_quoted = lru_cache(maxsize=1024)(json.dumps)  # of user agents: few differ, and a hostile mix stays bounded


class AccessLog:
    """Appending is `lines.append(...)` through `add`; everything else happens in the thread `start` makes."""

    def __init__(self, path: Path | None, bytes_max: int, flush_seconds: float = FLUSH_SECONDS) -> None:
        """`path` None means standard output. Nothing is opened before the first line is written."""
        self.dropped = 0
        self.written = 0
        self._path = path
        self._bytes_max = bytes_max
        self._flush_seconds = flush_seconds
        self._lines: list[Line] = []
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._fd = -1 if path is not None else sys.stdout.fileno()
        self._writing = threading.Lock()

    def add(self, line: Line) -> None:
        """Take one line; drops it when too many wait."""
        lines = self._lines
        waiting = len(lines)
        if waiting < LINES_MAX:
            lines.append(line)
            if waiting == WAKE_LINES:
                self._wake.set()
        else:
            self.dropped += 1

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="access-log", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, then end the thread."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=2)
        self.flush()

    def flush(self) -> None:
        """Write what waits now. Lines that cannot be written are dropped and counted."""
        with self._writing:
            lines, self._lines = self._lines, []
            for start in range(0, len(lines), WAKE_LINES):
                batch = lines[start : start + WAKE_LINES]
                try:
                    self._write("".join(map(_format, batch)).encode("utf-8", "replace"))
                    self.written += len(batch)
                except OSError:
                    self.dropped += len(batch)

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait(self._flush_seconds)
            self._wake.clear()
            self.flush()

    def _write(self, data: bytes) -> None:
        if self._path is not None:
            self._turn(self._path)
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]

    def _turn(self, path: Path) -> None:
        """Have the right file open: the first time, after another worker rotated it, and past the size limit."""
        if self._fd >= 0:
            mine = os.fstat(self._fd)
            if mine.st_size < self._bytes_max and _is_same(path, mine):
                return
            self._rotate(path, mine)
            os.close(self._fd)
            self._fd = -1
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def _rotate(self, path: Path, mine: os.stat_result) -> None:
        """Move the full file aside; several workers share it, so only one of them may."""
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        try:
            if mine.st_size >= self._bytes_max and _is_same(path, mine):
                os.replace(path, path.with_name(path.name + ".1"))
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)


def open_access_log(setting: str, default: Path, bytes_max: int) -> AccessLog | None:
    """The log for the setting: "" = the default file, "-" = standard output, "off" = none, else a file."""
    if setting == "off":
        return None
    if setting == "-":
        return AccessLog(None, bytes_max)
    return AccessLog(Path(setting) if setting else default, bytes_max)


@lru_cache(maxsize=8)
def _second(epoch: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(epoch))


def _format(line: Line, second: Callable[[int], str] = _second) -> str:
    at, client, known, agent, micros = line
    whole = int(at)
    took = f',"duration_us":{micros}' if micros >= 0 else ""
    return (
        f'{{"time":"{second(whole)}.{int((at - whole) * 1000):03d}Z","client":"{client}",{known}{took},'
        f'"agent":{_quoted(agent) if agent else "null"}}}\n'
    )


def _is_same(path: Path, mine: os.stat_result) -> bool:
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    return (found.st_ino, found.st_dev) == (mine.st_ino, mine.st_dev)
