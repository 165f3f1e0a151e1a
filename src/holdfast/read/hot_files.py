"""Large files that are open and verified: answered from the server's own thread, whole or one range, without a task.

As hot.py, this runs beside the event loop: it looks, and changes nothing but counters.
"""

from collections.abc import Callable
from typing import NamedTuple

from holdfast.read.conditions import Unsatisfiable, requested_span
from holdfast.read.hot import log_end, log_start
from holdfast.read.local_files import OpenFile
from holdfast.wire.messages import Headers
from holdfast.wire.tally import Tallies, Tally

Known = Callable[[], OpenFile | None]


class FileAnswer(NamedTuple):
    """What to send: bytes `start` to `end` of `file`, once that was asked whether it `is_unchanged`."""

    status: int
    headers: Headers
    file: OpenFile
    start: int
    end: int
    log: str
    tally: Tally


class HotFile:
    """One large file under one URL path."""

    __slots__ = ("_etag", "_headers", "_known", "_log_partial", "_log_whole", "_partial", "_whole")

    def __init__(self, path: str, etag: str, headers: Headers, known: Known, tallies: Tallies) -> None:
        """`known` gives the open file as it was verified, or None when it must be opened again."""
        self._etag = etag
        self._headers = headers
        self._known = known
        self._whole = tallies.of("file", 200, "hot")
        self._partial = tallies.of("file", 206, "hot")
        self._log_whole = log_start("GET", path, 200)
        self._log_partial = log_start("GET", path, 206)

    def answer(self, get: Callable[[str], str | None]) -> FileAnswer | None:
        """The answer to a GET; None for what takes more than a look."""
        if get("if-none-match") is not None:
            return None
        file = self._known()
        if file is None:
            return None
        size = file.identity[2]
        try:
            start, length, whole = requested_span(get("range"), get("if-range"), self._etag, size)
        except Unsatisfiable:
            return None
        headers = [*self._headers, ("content-length", str(length))]
        if whole:
            return FileAnswer(200, headers, file, 0, size, log_end(self._log_whole, size, "hot"), self._whole)
        end = start + length
        headers.append(("content-range", f"bytes {start}-{end - 1}/{size}"))
        log = log_end(self._log_partial, length, "hot")
        return FileAnswer(206, headers, file, start, end, log, self._partial)
