"""Reads a dump of OSV records, a zip file or a folder of JSON files, into an advisory table, within bounds.

Nothing is unpacked to disk and no name inside a dump is ever used as a path. Run as a program it does that for the
pull process, at low priority: tens of thousands of records would hold up its event loop.
"""

import os
import stat
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import msgspec

from holdfast.core.errors import Corrupt
from holdfast.core.model import parse_time
from holdfast.core.osv import Counts, Reading
from holdfast.tree.advisories import EncodedAdvisories, encode_advisories

RECORDS_MAX = 500_000  # ten times what one ecosystem has; a dump of every ecosystem is close to it
RECORD_BYTES_MAX = 4 * 1024 * 1024  # the largest known is below 1 MiB
TOTAL_BYTES_MAX = 4 * 1024 * 1024 * 1024  # unpacked
SUFFIX = ".json"
NICENESS = 10
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others take as much memory as a member asks for

Tell = Callable[[int, int], object]  # (records done, records in all)


class Compiled(msgspec.Struct, frozen=True, tag="compiled"):
    """The table a dump gives, and what was met on the way."""

    table: EncodedAdvisories
    counts: dict[str, int]

    @property
    def met(self) -> Counts:
        """The counts by name."""
        return Counts(**self.counts)


class NoTable(msgspec.Struct, frozen=True, tag="none"):
    """A program's answer when there is none."""

    reason: str


def compile_dump(path: Path, now: datetime, tell: Tell = lambda done, total: None) -> Compiled:
    """Read a dump; records that make no sense are counted and skipped. Raises Corrupt for what is no dump at all."""
    reading = Reading(now)
    for done, total, data in _records(path):
        if data is None:
            reading.skip()
        else:
            reading.add(data)
        tell(done, total)
    table, counts = reading.done()
    return Compiled(encode_advisories(table), asdict(counts))


def _records(path: Path) -> Iterator[tuple[int, int, bytes | None]]:
    """(number, of how many, one record's bytes or None when it could not be read). Raises Corrupt."""
    try:
        found = _folder_records(path) if path.is_dir() else _zip_records(path)
        unpacked = 0
        for done, total, data in found:
            unpacked += len(data or b"")
            if unpacked > TOTAL_BYTES_MAX:
                raise Corrupt(f"{path} holds more than {TOTAL_BYTES_MAX} bytes of records; is it an OSV dump?")
            yield done, total, data
    except OSError as error:
        raise Corrupt(f"{path} cannot be read: {error.strerror or error}") from error


def _zip_records(path: Path) -> Iterator[tuple[int, int, bytes | None]]:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError) as error:
        raise Corrupt(f"{path} is neither a folder nor a whole zip file: {error}") from error
    with archive:
        members = [info for info in archive.infolist() if info.filename.endswith(SUFFIX) and not info.is_dir()]
        _hold_to_count(path, len(members))
        for number, info in enumerate(members, 1):
            yield number, len(members), _member(archive, info)


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes | None:
    """One member, unfolded no further than a record may be, whatever it says of its size."""
    if info.compress_type not in _METHODS:
        return None
    try:
        with archive.open(info) as file:
            data = file.read(RECORD_BYTES_MAX + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError):
        return None  # damaged or encrypted
    return data if len(data) <= RECORD_BYTES_MAX else None


def _folder_records(path: Path) -> Iterator[tuple[int, int, bytes | None]]:
    files = folder_files(path)
    for number, file in enumerate(files, 1):
        yield number, len(files), _file(file)


def folder_files(path: Path) -> list[str]:
    """The JSON files below a folder, sorted. Links are not followed: a dump has none. Raises OSError, Corrupt."""

    def tell(error: OSError) -> None:
        raise error

    files: list[str] = []
    for folder, _, names in os.walk(path, onerror=tell):
        files += [os.path.join(folder, name) for name in names if name.endswith(SUFFIX)]
        _hold_to_count(path, len(files))
    return sorted(files)


def _file(path: str) -> bytes | None:
    """An ordinary file's bytes; a pipe, a device or a link is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        data = file.read(RECORD_BYTES_MAX + 1)
    return data if len(data) <= RECORD_BYTES_MAX else None


def _hold_to_count(path: Path, count: int) -> None:
    if count > RECORDS_MAX:
        raise Corrupt(f"{path} holds more than {RECORDS_MAX} records; is it an OSV dump?")


Answer = Compiled | NoTable
_encode = msgspec.msgpack.Encoder().encode
_decoder: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)


def decode_answer(data: bytes) -> Compiled:
    """What the program wrote. Raises Corrupt when it found no table, or ended before it was done."""
    try:
        answer = _decoder.decode(data)
    except msgspec.MsgspecError:
        raise Corrupt("the dump could not be read: the process that read it ended early") from None
    if isinstance(answer, NoTable):
        raise Corrupt(answer.reason)
    return answer


def main() -> None:
    """Read the dump of the first argument at the time of the second; write the answer to standard output."""
    os.nice(NICENESS)
    path, now = Path(sys.argv[1]), parse_time(sys.argv[2])
    answer: Answer
    try:
        answer = compile_dump(path, now)
    except Corrupt as error:
        answer = NoTable(error.reason)
    sys.stdout.buffer.write(_encode(answer))


if __name__ == "__main__":
    main()
