"""multipart/form-data, read strictly and in one pass from a spooled body (RFC 7578, RFC 2046 5.1).

Frameworks forgive: base64 parts, folders in filenames, text around the parts. What two parsers could read
differently is refused here instead. Text fields are bounded; the `content` part goes to a file while it is hashed.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from holdfast.core.digests import Digests, DigestsOfFile
from holdfast.core.form_cut import Cut
from holdfast.core.multipart import CONTENT, HEADER_BYTES_MAX, MalformedForm, boundary_of, part_of

MIB = 1024 * 1024
_CHUNK = 1 * MIB

_IGNORED_FILES = ("gpg_signature",)  # old tools still send it; nobody reads it


@dataclass(frozen=True, slots=True)
class FormLimits:
    """Bounds on everything but the content part, whose size the front has already bounded."""

    parts_max: int = 10_000  # classifiers and dependencies are one part each
    header_bytes_max: int = HEADER_BYTES_MAX  # of one part
    field_bytes_max: int = 4 * MIB  # one field; a long description is about 300 kB
    text_bytes_max: int = 8 * MIB  # all fields together


LIMITS = FormLimits()


@dataclass(frozen=True, slots=True)
class Content:
    """The uploaded file: where it lies and what its bytes hash to (hex)."""

    path: Path
    filename: str  # as the client wrote it: judge before use
    size: int  # bytes
    sha256: str
    blake2b_256: str
    md5: str


@dataclass(frozen=True, slots=True)
class Form:
    """Every text field with its values in order of arrival, and the file, when there was one."""

    fields: Mapping[str, tuple[str, ...]]
    content: Content | None

    def one(self, name: str) -> str:
        """The field's first value, "" when it was not sent; distutils sent UNKNOWN for that."""
        value = self.fields.get(name, ("",))[0]
        return "" if value == "UNKNOWN" else value


def read_form(
    body: BinaryIO, content_type: str, folder: Path, limits: FormLimits = LIMITS, cut: Cut | None = None
) -> Form:
    """Read a whole form; the content part is written to a new file in `folder`, which the caller deletes.

    With `cut`, its bytes were cut out of the body while it arrived, and lie in `folder` already. Raises MalformedForm
    (no file is left behind) and OSError when the folder cannot be written.
    """
    reader = _Reader(body, boundary_of(content_type), limits)
    fields: dict[str, list[str]] = {}
    content: Content | None = None
    text_bytes = 0
    try:
        for name, filename in reader.parts():
            if name == CONTENT:
                if filename is None or content is not None:
                    raise MalformedForm("The form must have exactly one 'content' part, and it must be a file.")
                content = _take_cut(reader, filename, folder, cut) if cut else _store_content(reader, filename, folder)
                continue
            value = reader.field_bytes()
            text_bytes += len(value)
            if text_bytes > limits.text_bytes_max:
                raise MalformedForm(f"The form's fields are larger than {limits.text_bytes_max} bytes together.")
            if filename is None:
                fields.setdefault(name, []).append(_decode(value))
            elif name not in _IGNORED_FILES:
                raise MalformedForm("A text field was sent as a file.")
        if cut is not None and content is None:
            raise MalformedForm("The form's content is not one of its parts.")
    except BaseException:
        if content is not None:
            content.path.unlink(missing_ok=True)
        raise
    return Form({name: tuple(values) for name, values in fields.items()}, content)


def _decode(value: bytes) -> str:
    """UTF-8, or Latin-1 from tools that never heard of it; the file's own metadata is the truth anyway."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _take_cut(reader: "_Reader", filename: str, folder: Path, cut: Cut) -> Content:
    """What the front cut out is this part's content only if the part is empty, and just there."""
    if reader.position != cut.at or any(reader.chunks()):
        raise MalformedForm("The form's content does not end with a boundary.")
    return _content(folder / cut.name, filename, cut.digests)


def _content(path: Path, filename: str, found: DigestsOfFile) -> Content:
    return Content(path, filename, found.size, found.sha256, found.blake2b_256, found.md5)


def _store_content(reader: "_Reader", filename: str, folder: Path) -> Content:
    """Copy the part to a file of its own while hashing it. The file is removed again if the form breaks off."""
    digests = Digests()
    descriptor, name = tempfile.mkstemp(prefix="content-", dir=folder)
    path = Path(name)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as out:
            for chunk in reader.chunks():
                digests.update(chunk)
                _write_all(out.fileno(), chunk)
        found = digests.finish()
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        digests.close()
    return _content(path, filename, found)


def _write_all(descriptor: int, chunk: bytes | memoryview) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(descriptor, view) :]


class _Reader:
    """The body as parts: between them headers are parsed, within one the bytes run up to the next boundary."""

    def __init__(self, body: BinaryIO, boundary: bytes, limits: FormLimits) -> None:
        self._body = body
        self._delimiter = b"\r\n--" + boundary
        self._limits = limits
        self._buffer = b"\r\n"  # so that the first boundary looks like all others
        self._start = 0  # of what was not yet taken from the buffer
        self._read = 0  # bytes of the body that are or were in the buffer
        self._open = False  # inside a part whose bytes were not all taken

    @property
    def position(self) -> int:
        """How many bytes of the body were taken."""
        return self._read - (len(self._buffer) - self._start)

    def parts(self) -> Iterator[tuple[str, str | None]]:
        """(name, filename or None) of each part; its bytes must be taken before the next step."""
        if self._take(len(self._delimiter)) != self._delimiter:
            raise MalformedForm("The body does not begin with its boundary.")
        count = 0
        while self._starts_part():
            count += 1
            if count > self._limits.parts_max:
                raise MalformedForm(f"The form has more than {self._limits.parts_max} parts.")
            named = part_of(self._header_block().split(b"\r\n"))
            self._open = True
            yield named
            assert not self._open, "the part's bytes were not taken"
        if self._take(3) not in (b"", b"\r\n"):
            raise MalformedForm("Bytes follow the end of the form.")

    def chunks(self) -> Iterator[bytes]:
        """The part's bytes, piece by piece, up to and without the next boundary.

        The boundary's own text inside a part is refused: after a bare line feed, say, other readers end the part.
        """
        keep = len(self._delimiter) - 1  # a boundary may straddle two reads
        while (end := self._buffer.find(self._delimiter[2:], self._start) - 2) < -2:
            safe = len(self._buffer) - keep
            if safe > self._start:
                yield self._buffer[self._start : safe]
                self._start = safe
            if not self._fill():
                raise MalformedForm("The form ends before its last boundary.")
        if end < self._start or self._buffer[end : end + 2] != b"\r\n":
            raise MalformedForm("The form's boundary stands inside one of its parts.")
        if end > self._start:
            yield self._buffer[self._start : end]
        self._start = end + len(self._delimiter)
        self._open = False

    def field_bytes(self) -> bytes:
        """The whole part, when it is a small one."""
        pieces: list[bytes] = []
        size = 0
        for chunk in self.chunks():
            size += len(chunk)
            if size > self._limits.field_bytes_max:
                raise MalformedForm(f"A form field is larger than {self._limits.field_bytes_max} bytes.")
            pieces.append(chunk)
        return b"".join(pieces)

    def _starts_part(self) -> bool:
        """After a boundary: True when a part follows, False at the closing `--`."""
        mark = self._take(2)
        if mark not in (b"\r\n", b"--"):
            raise MalformedForm("A boundary of the form is not followed by a line end.")
        return mark == b"\r\n"

    def _header_block(self) -> bytes:
        while (end := self._buffer.find(b"\r\n\r\n", self._start)) < 0:
            if len(self._buffer) - self._start > self._limits.header_bytes_max or not self._fill():
                raise MalformedForm("A part of the form has no proper headers.")
        if end - self._start > self._limits.header_bytes_max:
            raise MalformedForm("A part of the form has no proper headers.")
        block = self._buffer[self._start : end]
        self._start = end + 4
        return block

    def _take(self, count: int) -> bytes:
        """The next `count` bytes, fewer only at the end."""
        while len(self._buffer) - self._start < count and self._fill():
            pass
        taken = self._buffer[self._start : self._start + count]
        self._start += len(taken)
        return taken

    def _fill(self) -> bool:
        chunk = self._body.read(_CHUNK)
        self._buffer = self._buffer[self._start :] + chunk
        self._start = 0
        self._read += len(chunk)
        return bool(chunk)
