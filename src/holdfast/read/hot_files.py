"""Large files that are open and verified: answered from the server's own thread, whole or one range, without a task.

As hot.py, this runs beside the event loop: it looks, and changes nothing but counters.
"""

from collections.abc import Callable
from dataclasses import dataclass

from holdfast.read.conditions import Unsatisfiable, requested_span
from holdfast.read.hot import log_fragment
from holdfast.read.local_files import OpenFile
from holdfast.wire.messages import Headers
from holdfast.wire.tally import Tallies, Tally

AtHand = Callable[[], OpenFile | None]


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """What the server is told to send: bytes `start` to `end` of `path`, or all of it."""

    status: int
    headers: Headers
    path: str
    start: int
    end: int
    log: str
    tally: Tally


class HotFile:
    """One large file under one URL path."""

    __slots__ = ("_at_hand", "_etag", "_headers", "_partial", "_path", "_whole")

    def __init__(self, path: str, etag: str, headers: Headers, at_hand: AtHand, tallies: Tallies) -> None:
        """`at_hand` gives the verified open file, or None when it must be opened or checked again."""
        self._path = path
        self._etag = etag
        self._headers = headers
        self._at_hand = at_hand
        self._whole = tallies.of("file", 200, "hot")
        self._partial = tallies.of("file", 206, "hot")

    def answer(self, get: Callable[[str], str | None]) -> FileAnswer | None:
        """The answer to a GET; None for what takes more than a look."""
        if get("if-none-match") is not None:
            return None
        file = self._at_hand()
        if file is None:
            return None
        try:
            span = requested_span(get("range"), get("if-range"), self._etag, file.size)
        except Unsatisfiable:
            return None
        status, tally = (200, self._whole) if span.whole else (206, self._partial)
        end = span.start + span.length
        headers = [*self._headers, ("content-length", str(span.length))]
        if not span.whole:
            headers.append(("content-range", f"bytes {span.start}-{end - 1}/{file.size}"))
        log = log_fragment("GET", self._path, status, span.length, "hot")
        return FileAnswer(status, headers, str(file.path), span.start, end, log, tally)
