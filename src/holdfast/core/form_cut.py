"""Cutting the uploaded file out of a form while it arrives, so that nobody has to copy it afterwards.

The form is written to one file, without the bytes of its content part, and these to another. Whoever receives does
not judge: what does not look like a form goes on as it came, and control, which reads strictly, refuses it. What it
relies on is one thing: no boundary stands inside the bytes that were cut out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from holdfast.core.digests import DigestsOfFile
from holdfast.core.multipart import CONTENT, HEADER_BYTES_MAX, MalformedForm, part_of

Where = Literal["form", "content"]
Piece = tuple[Where, bytes | memoryview]

_REFERENCE = re.compile(
    r"(?P<form>\w[\w.-]{0,99});(?P<name>\w[\w.-]{0,99}) at (?P<at>\d{1,18}) size (?P<size>\d{1,18})"
    r" sha256 (?P<sha256>[0-9a-f]{64}) blake2b (?P<blake2b>[0-9a-f]{64}) md5 (?P<md5>[0-9a-f]{32})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Cut:
    """The file that was cut out: its name in the spool folder, its bytes' digests, and where in the form they were."""

    name: str
    at: int  # bytes of the form before it
    digests: DigestsOfFile


def reference(form: str, cut: Cut | None) -> str:
    """How a front tells control of a spooled body, and of what was cut out of it."""
    if cut is None:
        return form
    of = cut.digests
    return f"{form};{cut.name} at {cut.at} size {of.size} sha256 {of.sha256} blake2b {of.blake2b_256} md5 {of.md5}"


def read_reference(text: str) -> tuple[str, Cut | None]:
    """(name of the form's file, what was cut out of it); any other text is given back as a name, to be judged."""
    found = _REFERENCE.fullmatch(text)
    if found is None:
        return text, None
    digests = DigestsOfFile(int(found["size"]), found["sha256"], found["blake2b"], found["md5"])
    return found["form"], Cut(found["name"], int(found["at"]), digests)


class Cutter:
    """Takes a body chunk by chunk and tells of each piece where it belongs. Keeps a few kilobytes at most."""

    def __init__(self, boundary: bytes) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._mark = self._delimiter[2:]  # whatever stands before it, the text of a boundary ends the content
        self._held = b""  # not yet told: the start of something, perhaps
        self._state: Literal["boundary", "headers", "field", "content", "rest"] = "boundary"
        self._formed = 0  # bytes told as the form's
        self.at: int | None = None  # where the content was cut out

    def feed(self, chunk: bytes) -> Iterator[Piece]:
        """The pieces that are certain now, in order."""
        if self._state == "content" and len(chunk) > len(self._delimiter):
            yield from self._feed_content(chunk)
            return
        self._held += chunk
        yield from self._told()

    def end(self) -> Iterator[Piece]:
        """What was held back, at the end of the body."""
        if self._held:
            yield self._tell("content" if self._state == "content" else "form", len(self._held))

    def _told(self) -> Iterator[Piece]:
        while True:
            before = self._state
            match before:
                case "boundary":
                    yield from self._first_boundary()
                case "headers":
                    yield from self._headers()
                case "field":
                    yield from self._field()
                case "content":
                    yield from self._content()
                case "rest":
                    if self._held:
                        yield self._tell("form", len(self._held))
            if self._state == before:
                return

    def _first_boundary(self) -> Iterator[Piece]:
        if len(self._held) >= len(self._mark):
            self._state = "headers" if self._held.startswith(self._mark) else "rest"
            if self._state == "headers":
                yield self._tell("form", len(self._mark))

    def _headers(self) -> Iterator[Piece]:
        """Behind a boundary: a line end and a part's headers. Anything else is control's to refuse."""
        if not b"\r\n".startswith(self._held[:2]):
            self._state = "rest"
            return
        end = self._held.find(b"\r\n\r\n", 2)
        if end < 0 or end - 2 > HEADER_BYTES_MAX:
            if end > 0 or len(self._held) > HEADER_BYTES_MAX + 6:
                self._state = "rest"
            return
        try:
            name, filename = part_of(self._held[2:end].split(b"\r\n"))
        except MalformedForm:
            self._state = "rest"
            return
        yield self._tell("form", end + 4)
        self._state = "content" if name == CONTENT and filename is not None else "field"
        if self._state == "content":
            self.at = self._formed

    def _field(self) -> Iterator[Piece]:
        found = self._held.find(self._delimiter)
        if found >= 0:
            yield self._tell("form", found + len(self._delimiter))
            self._state = "headers"
        elif (safe := len(self._held) - len(self._delimiter) + 1) > 0:
            yield self._tell("form", safe)

    def _content(self) -> Iterator[Piece]:
        found = self._held.find(self._mark)
        if found < 0:
            if (safe := len(self._held) - len(self._delimiter) + 1) > 0:
                yield self._tell("content", safe)
            return
        is_end = self._held[max(found - 2, 0) : found] == b"\r\n"
        if size := found - 2 if is_end else found:
            yield self._tell("content", size)
        self._state = "rest"

    def _feed_content(self, chunk: bytes) -> Iterator[Piece]:
        """As `_content`, without copying a chunk that has no boundary."""
        keep = len(self._delimiter) - 1
        if self._mark in self._held + chunk[:keep] or self._mark in chunk:
            self._held += chunk
            yield from self._told()
            return
        if self._held:
            yield "content", self._held
        yield "content", memoryview(chunk)[:-keep]
        self._held = chunk[-keep:]

    def _tell(self, where: Where, size: int) -> Piece:
        piece, self._held = self._held[:size], self._held[size:]
        if where == "form":
            self._formed += size
        return where, piece
