"""Uploads made to fill memory: a few kilobytes or megabytes on the wire that a careless reader takes for gigabytes.

Each is refused for a rule it breaks, or, where it breaks none, accepted; the drill looks at what it cost meanwhile.
"""

import gzip
import io
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from holdfast.drill.corpus import record_row

MIB = 1 << 20
BOUNDARY = "bombs-of-the-drill"
WHEEL_NAME, SDIST_NAME = "bomb-1.0-py3-none-any.whl", "bomb-1.0.tar.gz"
_INFO = "bomb-1.0.dist-info"
_METADATA = b"Metadata-Version: 2.1\nName: bomb\nVersion: 1.0\n"
_WHEEL = b"Wheel-Version: 1.0\nGenerator: drill\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_ROCKET = "\U0001f680"  # one of these makes Python keep a whole text at four bytes a character

Fields = Iterable[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Bomb:
    """`make` gives the request's body. `told`: words of the answer; "" when it breaks no rule and is accepted."""

    name: str
    told: str
    make: Callable[[], bytes]
    slow: bool = False  # seconds to make or to look through, or one of its kind is quick


def all_bombs() -> list[Bomb]:
    """Every one, archives first."""
    return [*_ZIPS, *_TARS, *_METADATA_BOMBS, *_FORMS]


def form(filename: str, content: bytes, more: Fields = ()) -> bytes:
    """The upload form around a file, with `more` fields."""
    kind = "bdist_wheel" if filename.endswith(".whl") else "sdist"
    fields = [(":action", b"file_upload"), ("protocol_version", b"1"), ("metadata_version", b"2.1")]
    fields += [("name", b"bomb"), ("version", b"1.0"), ("filetype", kind.encode())]
    fields += [("pyversion", b"py3" if kind == "bdist_wheel" else b"source"), *more]
    parts = [_part(f'name="{name}"', value) for name, value in fields]
    parts.append(_part(f'name="content"; filename="{filename}"', content))
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def _part(named: str, value: bytes) -> bytes:
    return f"--{BOUNDARY}\r\nContent-Disposition: form-data; {named}\r\n\r\n".encode() + value + b"\r\n"


# Zips


def wheel_form(members: Mapping[str, bytes], metadata: bytes = _METADATA, record: bytes | None = None) -> bytes:
    """A wheel of these members and the three that every wheel has; `record` replaces the true RECORD."""
    whole = {**members, f"{_INFO}/METADATA": metadata, f"{_INFO}/WHEEL": _WHEEL}
    rows = "".join(record_row(name, data) for name, data in whole.items()) + f"{_INFO}/RECORD,,\n"
    whole[f"{_INFO}/RECORD"] = rows.encode() if record is None else record
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in whole.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED if data else zipfile.ZIP_STORED)
    return form(WHEEL_NAME, out.getvalue())


def overlapping_form(members: int, nested: bool) -> bytes:
    """A megabyte that every member of the directory claims as its own, or that each quotes from the one before."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    kernel = packer.compress(bytes(MIB)) + packer.flush()
    crc = zlib.crc32(bytes(MIB))
    heads = [_local(f"bomb/{n:06}", crc, len(kernel), MIB) for n in range(members if nested else 1)]
    body = b"".join(heads) + kernel
    directory = bytearray()
    for number in range(members):
        offset = number * len(heads[0]) if nested else 0
        packed = len(body) - offset - len(heads[0])
        directory += _central(f"bomb/{number:06}", crc, packed, MIB, offset)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, members, members, len(directory), len(body), 0)
    return form(WHEEL_NAME, body + directory + end)


def _local(name: str, crc: int, packed: int, size: int) -> bytes:
    raw = name.encode()
    return struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 33, crc, packed, size, len(raw), 0) + raw


def _central(name: str, crc: int, packed: int, size: int, offset: int) -> bytes:
    raw = name.encode()
    head = struct.pack(
        "<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 8, 0, 33, crc, packed, size, len(raw), 0, 0, 0, 0, 0, offset
    )
    return head + raw


def _names(count: int, length: int, astral: bool = False) -> dict[str, bytes]:
    """Empty members with names of `length` bytes."""
    mark = _ROCKET if astral else ""
    return {f"bomb/{mark}{number:06}".ljust(length - 3 * len(mark), "n"): b"" for number in range(count)}


_ZIPS = [
    Bomb("zip of zeros", "more than 50 times its size", lambda: wheel_form({"bomb/zeros": bytes(100 * MIB)})),
    Bomb("zip of one megabyte claimed 30,000 times", "times its size", lambda: overlapping_form(30_000, False)),
    Bomb("zip of a few members claiming one megabyte", "overlap", lambda: overlapping_form(50, False)),
    Bomb("zip of members inside members", "overlap", lambda: overlapping_form(50, True)),
    Bomb("zip of 99,990 members", "", lambda: wheel_form(_names(99_990, 40)), slow=True),
    Bomb("zip of 120,000 members", "more than 100000 entries", lambda: wheel_form(_names(120_000, 12)), slow=True),
    Bomb("zip of names of 1,000 bytes", "directory is larger", lambda: wheel_form(_names(30_000, 990)), slow=True),
    Bomb(
        "zip of names in wide characters",
        "not in its RECORD",
        lambda: wheel_form(_names(14_000, 990, True), record=b""),
        slow=True,
    ),
    Bomb("zip of names of 60,000 bytes", "longer than 1000 bytes", lambda: wheel_form(_names(200, 60_000))),
    Bomb(
        "zip of names of 30,000 folders",
        "longer than 1000 bytes",
        lambda: wheel_form({"n/" * 30_000 + f"{number}": b"" for number in range(200)}),
    ),
    Bomb("RECORD of 8 million rows", "RECORD", lambda: wheel_form({}, record=b"a\n" * (8 * MIB - 1))),
    Bomb("RECORD of 5 million whole rows", "RECORD", lambda: wheel_form({}, record=b",,\n" * (5 * MIB)), slow=True),
    Bomb(
        "RECORD of one wide row",
        "RECORD",
        lambda: wheel_form({}, record=("n" * (16 * MIB - 8) + _ROCKET + ",,\n").encode()),
    ),
    Bomb(
        "RECORD of 500,000 files that are not there",
        "RECORD",
        lambda: wheel_form({}, record="".join(f"bomb/{n},sha256=x,{n}\n" for n in range(500_000)).encode()),
        slow=True,
    ),
]


# Sdists


def sdist_form(pieces: Iterator[bytes]) -> bytes:
    """A gzipped tar of these headers and bytes, closed as it should be."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1, mtime=0) as file:
        for piece in pieces:
            file.write(piece)
        file.write(bytes(1024))
    return form(SDIST_NAME, out.getvalue())


def _entry(name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE) -> bytes:
    made = tarfile.TarInfo(name)
    made.size, made.type = len(data), kind
    return made.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % 512)


def _pax(key: str, value: str) -> bytes:
    length = len(key) + len(value.encode()) + 3
    total = length + len(str(length + len(str(length))))
    return f"{total} {key}={value}\n".encode()


def _pkg_info(data: bytes = _METADATA) -> bytes:
    return _entry("bomb-1.0/PKG-INFO", data)


def _zeros(mebibytes: int) -> Iterator[bytes]:
    made = tarfile.TarInfo("bomb-1.0/zeros")
    made.size = mebibytes * MIB
    yield _pkg_info() + made.tobuf(tarfile.USTAR_FORMAT)
    for _ in range(mebibytes):
        yield bytes(MIB)


def _late_zeros(mebibytes: int) -> Iterator[bytes]:
    """Behind enough that control is told of it while it arrives."""
    yield _entry("bomb-1.0/noise", random.Random(40).randbytes(40 * MIB))
    yield from _zeros(mebibytes)


def _long_names(count: int, length: int) -> Iterator[bytes]:
    yield _pkg_info()
    for number in range(count):
        name = f"bomb-1.0/{_ROCKET}{number:06}".ljust(length, "n")
        yield _entry("pax", _pax("path", name), tarfile.XHDTYPE) + _entry("bomb-1.0/x")


def _global_records(headers: int, records: int) -> Iterator[bytes]:
    yield _pkg_info()
    for header in range(headers):
        data = "".join(_pax(f"k{header * records + n}", "").decode() for n in range(records))
        yield _entry("pax", data.encode(), tarfile.XGLTYPE) + _entry(f"bomb-1.0/{header}")


def _many_pkg_infos(count: int) -> Iterator[bytes]:
    for number in range(count):
        yield _entry(f"bomb-{number}/PKG-INFO", _METADATA + bytes(7 * MIB))


_TARS = [
    Bomb("gzip of zeros", "more than 50 times its size", lambda: sdist_form(_zeros(100))),
    Bomb(
        "gzip of nothing else",
        "times its size",
        lambda: form(SDIST_NAME, gzip.compress(bytes(100 * MIB), 1, mtime=0)),
        slow=True,
    ),
    Bomb(
        "gzip of zeros behind 40 MiB", "more than 50 times its size", lambda: sdist_form(_late_zeros(3200)), slow=True
    ),
    Bomb("gzip in gzip", "well-formed gzipped tar", lambda: form(SDIST_NAME, _gzips(4)), slow=True),
    Bomb("tar of 70,000 members", "", lambda: sdist_form(_members(70_000)), slow=True),
    Bomb("tar of 110,000 members", "more than 100000 entries", lambda: sdist_form(_members(110_000)), slow=True),
    Bomb("tar of long names", "longer than 1000 bytes", lambda: sdist_form(_long_names(250, 200_000))),
    Bomb("tar of 24 MB of names", "bytes together", lambda: sdist_form(_long_names(24_000, 980)), slow=True),
    Bomb("tar of global records", "global", lambda: sdist_form(_global_records(20, 6_000)), slow=True),
    Bomb("tar of a pax header of 100 MiB", "headers of one member", lambda: sdist_form(_one_header(100)), slow=True),
    Bomb("tar of many PKG-INFO", "exactly one top folder", lambda: sdist_form(_many_pkg_infos(9))),
]


def _members(count: int) -> Iterator[bytes]:
    yield _pkg_info()
    for number in range(count):
        yield _entry(f"bomb-1.0/{number:06}")


def _one_header(mebibytes: int) -> Iterator[bytes]:
    yield _pkg_info()
    made = tarfile.TarInfo("pax")
    made.size, made.type = mebibytes * MIB, tarfile.XHDTYPE
    yield made.tobuf(tarfile.USTAR_FORMAT)
    for _ in range(mebibytes):
        yield bytes(MIB)


def _gzips(depth: int) -> bytes:
    data = gzip.compress(bytes(100 * MIB), 1, mtime=0)
    for _ in range(depth):
        data = gzip.compress(data, 9, mtime=0)
    return data


# Metadata


def _metadata_form(more: bytes) -> bytes:
    return wheel_form({"bomb/__init__.py": b""}, metadata=_METADATA + more)


_METADATA_BOMBS = [
    Bomb("metadata of 2 million headers", "lines of headers", lambda: _metadata_form(b"A:\n" * (2 * MIB))),
    Bomb(
        "metadata of 300,000 headers",
        "lines of headers",
        lambda: _metadata_form(b"".join(b"x%x:\n" % n for n in range(300_000))),
        slow=True,
    ),
    Bomb("metadata of 50,000 classifiers", "fields", lambda: _metadata_form(b"Classifier:\n" * 50_000)),
    Bomb(
        "metadata of 9,000 kinds of headers",
        "kinds of fields",
        lambda: _metadata_form(b"".join(b"x%x:\n" % n for n in range(9_000))),
    ),
    Bomb(
        "metadata of a header of 2 million lines",
        "lines of headers",
        lambda: _metadata_form(b"Description: x\n" + b" x\n" * (2 * MIB)),
    ),
    Bomb("metadata of 4 million lines", "", lambda: _metadata_form(b"\n" + b"a\n" * (4 * MIB - MIB // 8))),
    Bomb("metadata of 7 MiB in wide characters", "", lambda: _metadata_form(b"\n" + b"a" * 7 * MIB + _ROCKET.encode())),
    Bomb("metadata of 9 MiB", "larger than", lambda: _metadata_form(b"\n" + b"a" * 9 * MIB)),
]


# Forms


def _fields(fields: Fields) -> bytes:
    return form(WHEEL_NAME, b"", fields)


def _attested(text: bytes) -> bytes:
    return _fields([("attestations", text)])


_FOUR = 4 * MIB - 64

_FORMS = [
    Bomb("form of 20,000 parts", "more than 10000 parts", lambda: _fields([("classifiers", b"x")] * 20_000)),
    Bomb("form of 9,000 fields", "is empty", lambda: _fields((f"f{n}", b"x" * 900) for n in range(9_000))),
    Bomb("form of a field of 64 MiB", "larger than", lambda: _fields([("description", bytes(64 * MIB))])),
    Bomb(
        "form of 64 fields of a megabyte", "larger than", lambda: _fields([("description", bytes(MIB))] * 64), slow=True
    ),
    Bomb(
        "form of wide characters",
        "is empty",
        lambda: _fields([("description", b"x" * _FOUR + _ROCKET.encode()), ("keywords", b"x" * (_FOUR - 9000))]),
    ),
    Bomb(
        "form of a part header of 64 MiB",
        "no proper headers",
        lambda: f"--{BOUNDARY}\r\nContent-Disposition: ".encode() + b"x" * 64 * MIB,
    ),
    Bomb(
        "form of a million part headers",
        "no proper headers",
        lambda: f"--{BOUNDARY}\r\n".encode() + b"a: b\r\n" * 1_000_000,
    ),
    Bomb("attestations of 1,400,000 lists", "attestations", lambda: _attested(b"[" + b"[]," * (_FOUR // 3) + b"[]]")),
    Bomb(
        "attestations of 1,400,000 lists in one",
        "attestations",
        lambda: _attested(b"[[" + b"[]," * (_FOUR // 3) + b"[]]]"),
    ),
    Bomb(
        "attestations of 600,000 objects", "attestations", lambda: _attested(b"[" + b'{"":0},' * (_FOUR // 7) + b"{}]")
    ),
    Bomb(
        "attestations of 600,000 objects in one",
        "attestations",
        lambda: _attested(b"[[" + b'{"":0},' * (_FOUR // 7) + b"{}]]"),
    ),
    Bomb("attestations 4 million deep", "attestations", lambda: _attested(b"[" * _FOUR)),
    Bomb("attestations of a number of 4 million digits", "attestations", lambda: _attested(b"[" + b"1" * _FOUR + b"]")),
    Bomb("attestations of 8 MiB", "larger than", lambda: _attested(b" " * 8 * MIB)),
]
