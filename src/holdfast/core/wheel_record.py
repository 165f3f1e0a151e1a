"""A wheel's RECORD: every file of the archive once, with the digest and size of its bytes (binary format spec).

Installers write what RECORD says into the environment and uninstall by it; most never compare. An index can.
"""

import base64
import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from holdfast.core.upload_problems import Problem, problem

ALGORITHMS = ("sha256", "sha384", "sha512")  # md5 and sha1 are forbidden by the specification
_UNHASHED = ("RECORD", "RECORD.jws", "RECORD.p7s")  # cannot hold their own digest; the signatures need no row at all
LINE_BYTES_MAX = 4096  # a path is at most 1,000 bytes, a digest 100
_KNOWN = {name: name for name in ALGORITHMS}  # one text for all rows instead of one each
_STEP = "Build the wheel again with a current build tool, and change nothing inside it afterwards."


class _LongLine(Exception):  # noqa: N818 - a verdict on what a client sent
    """A line of RECORD that no path and digest would fill."""


@dataclass(frozen=True, slots=True)
class Row:
    """What RECORD says of one file."""

    algorithm: str  # "" when no digest is given
    digest: str  # url-safe base64 without padding
    size: str  # decimal bytes, perhaps ""


@dataclass(frozen=True, slots=True)
class ListedFile:
    """One file of the archive: its path, its size, and its bytes piece by piece.

    `sha256`: the digest of just these bytes, when they were read through to their end while the upload arrived.
    """

    name: str
    size: int  # bytes
    pieces: Callable[[], Iterator[bytes]]
    sha256: bytes | None = None


def check_record(record: bytes, files: Iterable[ListedFile], top: str, rows_max: int) -> list[Problem]:
    """Compare RECORD with the wheel. `top` is the `.dist-info` folder. `pieces` may raise Hostile."""
    own = f"{top}/RECORD"
    unseen, problems = read_rows(record, own, rows_max)
    unhashed = {f"{top}/{name}" for name in _UNHASHED}
    missing: list[str] = []
    wrong: list[str] = []
    for file in files:
        row = unseen.pop(file.name, None)
        if row is None and file.name not in unhashed:
            missing.append(file.name)
        judged = row if row is not None and file.name not in unhashed else None
        if not _fits(file, judged):
            wrong.append(file.name)
    unseen.pop(own, None)
    problems += _first(missing, "is in the wheel and not in its RECORD")
    problems += _first(list(unseen), "is in RECORD and not in the wheel")
    problems += _first(wrong, "has not the digest and size that RECORD says")
    return problems


def read_rows(record: bytes, own: str, rows_max: int) -> tuple[dict[str, Row], list[Problem]]:
    """The rows by path, and what is wrong with their form. No more is read than `rows_max` rows."""
    rows: dict[str, Row] = {}
    problems: list[Problem] = []
    malformed: list[str] = []
    twice: list[str] = []
    try:
        for count, row in enumerate(csv.reader(_lines(record), strict=True)):
            if count >= rows_max:
                return {}, [problem("content", own, f"has more than {rows_max} rows", _STEP)]
            if len(row) != 3:
                malformed += row[:1]
                continue
            algorithm, equals, digest = row[1].partition("=")
            if row[0] in rows:
                twice.append(row[0])
            rows[row[0]] = Row(_KNOWN.get(algorithm, algorithm) if equals else row[1], digest, row[2])
    except (UnicodeDecodeError, csv.Error):
        return {}, [problem("content", own, "is not a CSV file in UTF-8", _STEP)]
    except _LongLine:
        return {}, [problem("content", own, f"has a line longer than {LINE_BYTES_MAX} bytes", _STEP)]
    problems += _first(malformed, "is a row of RECORD without its three columns")
    problems += _first(twice, "is in RECORD more than once")
    weak = [path for path, row in rows.items() if not path.startswith(own) and row.algorithm not in ALGORITHMS]
    problems += _first(weak, f"is in RECORD without a digest by {', '.join(ALGORITHMS)}")
    return rows, problems


def _lines(record: bytes) -> Iterator[str]:
    """One line after another, so that the text is never there as a whole. Raises _LongLine, UnicodeDecodeError."""
    for line in io.BytesIO(record):
        if len(line) > LINE_BYTES_MAX:
            raise _LongLine
        yield line.decode("utf-8")


def _fits(file: ListedFile, row: Row | None) -> bool:
    """Compare, after the file was read to its end once, whatever the row says: now, unless it was read on its way."""
    # A row without a known digest was told of before.
    algorithm = row.algorithm if row is not None and row.algorithm in ALGORITHMS else ""
    digest = _read_through(file, algorithm)
    if row is None:
        return True
    if row.size not in ("", str(file.size)):
        return False
    if not algorithm:
        return True
    # Padded or in hex is against the specification, and still can be read in one way only.
    encoded = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return row.digest.rstrip("=") == encoded or row.digest == digest.hex()


def _read_through(file: ListedFile, algorithm: str) -> bytes:
    """The file's digest, b"" for no algorithm. Raises Hostile when the file cannot be read to its end."""
    if file.sha256 is not None and algorithm in ("", "sha256"):
        return file.sha256
    hasher = hashlib.new(algorithm) if algorithm else None
    for piece in file.pieces():
        if hasher is not None:
            hasher.update(piece)
    return hasher.digest() if hasher is not None else b""


def _first(names: list[str], rule: str) -> list[Problem]:
    if not names:
        return []
    more = f" ({len(names)} such files)" if len(names) > 1 else ""
    return [problem("content", names[0], rule + more, _STEP)]
