"""Files at hand, whole or one range, answered from the server's own thread without a task: open and verified ones, and
parts of those that are held in memory.

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
    """What to send: bytes `start` to `end` of `source`; of a file once it was asked whether it `is_unchanged`."""

    status: int
    headers: Headers
    source: OpenFile | bytes
    start: int
    end: int
    log: str
    tally: Tally


class HotFile:
    """One file under one URL path."""

    __slots__ = ("_etag", "_headers", "_log", "_partial", "_source", "_whole")

    def __init__(self, path: str, etag: str, headers: Headers, source: Known | bytes, tallies: Tallies) -> None:
        """`source` is the body, or gives the open file as it was verified: None when it must be opened again."""
        self._etag = etag
        self._headers = headers
        self._source = source
        self._whole = tallies.of("file", 200, "hot")
        self._partial = tallies.of("file", 206, "hot")
        self._log = log_start("GET", path)

    def answer(self, get: Callable[[str], str | None]) -> FileAnswer | None:
        """The answer to a GET; None for what takes more than a look."""
        if get("if-none-match") is not None:
            return None
        found: OpenFile | bytes | None = self._source if isinstance(self._source, bytes) else self._source()
        if found is None:
            return None
        size = len(found) if isinstance(found, bytes) else found.identity[2]
        try:
            start, length, whole = requested_span(get("range"), get("if-range"), self._etag, size)
        except Unsatisfiable:
            return None
        headers = [*self._headers, ("content-length", str(length))]
        if whole:
            return FileAnswer(200, headers, found, 0, size, log_end(self._log, 200, size, "hot"), self._whole)
        end = start + length
        headers.append(("content-range", f"bytes {start}-{end - 1}/{size}"))
        log = log_end(self._log, 206, length, "hot")
        return FileAnswer(206, headers, found, start, end, log, self._partial)
