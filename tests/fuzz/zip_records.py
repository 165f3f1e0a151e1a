"""Zips and wheels made wrong by their structure: single fields of records, and whole members behind a fresh RECORD."""

import io
import random
import struct
import zipfile
import zlib

import wheels

from tests.fuzz.bytes_edits import NUMBERS, WORDS, edited_lines, scrambled

# (offset in the record, struct form) of the fields worth changing.
_LOCAL = [(4, "H"), (6, "H"), (8, "H"), (14, "L"), (18, "L"), (22, "L"), (26, "H"), (28, "H")]
_CENTRAL = [(4, "H"), (8, "H"), (10, "H"), (16, "L"), (20, "L"), (24, "L"), (28, "H"), (30, "H"), (32, "H"), (34, "H")]
_CENTRAL += [(36, "H"), (38, "L"), (42, "L")]
_END = [(4, "H"), (6, "H"), (8, "H"), (10, "H"), (12, "L"), (16, "L"), (20, "H")]
_RECORDS = {b"PK\1\2": _CENTRAL, b"PK\3\4": _LOCAL, b"PK\5\6": _END}
NAMES = (
    *("demo/a.py", "demo/../a", "/etc/x", "demo//a", "demo/", "demo", "demo\\a", "C:a", "demo/\u00e9", "demo/a\0b"),
    *(
        "demo-1.0.dist-info/METADATA",
        "demo-1.0.dist-info/RECORD.jws",
        "demo-1.0.dist-info/WHEEL",
        "Demo-1.0.dist-info/x",
    ),
    *("demo-1.0.data/scripts/x", "demo-1.0.data/other/x", "other-1.0.data/purelib/x", "demo-1.0.dist-info/licenses/L"),
    *("demo/" + "n" * 300, "demo/e\u0301", "DEMO/A.PY", "demo/a.py/b", "demo/a,b", 'demo/"q"', "demo/ a", "a\r\nb"),
)
WHEEL_LINES = (
    *(b"Tag: py3-none-any", b"Tag: py2.py3-none-any", b"Build: 1", b"Wheel-Version: 1.9", b"Wheel-Version: 2.0"),
    *(b"Root-Is-Purelib: false", b"Root-Is-Purelib: TRUE", b"Generator: x", b"", b" folded", b"Tag: cp311-cp311-any"),
)


def edited_records(rng: random.Random, data: bytes) -> bytes:
    """Single fields of records changed in place."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3))):
        magic = rng.choice(list(_RECORDS))
        places = [at for at in range(len(out) - 4) if out[at : at + 4] == magic]
        if not places:
            continue
        at, (offset, form) = rng.choice(places), rng.choice(_RECORDS[magic])
        size = struct.calcsize(f"<{form}")
        if at + offset + size > len(out):
            continue
        old = struct.unpack_from(f"<{form}", out, at + offset)[0]
        value = rng.choice([*NUMBERS, old + 1, old - 1, old ^ 0x800, old ^ 8, len(data)]) & (256**size - 1)
        struct.pack_into(f"<{form}", out, at + offset, value)
    return bytes(out)


def rebuilt_wheel(rng: random.Random, data: bytes, metadata_words: tuple[bytes, ...]) -> bytes:
    """The members edited, RECORD mostly made to fit again, and written anew with all the freedom zips have."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(entry.filename, archive.read(entry)) for entry in archive.infolist()][:40]
    except Exception:  # noqa: BLE001 - whatever it raises on a broken zip
        return scrambled(rng, data)
    for _ in range(rng.choice((0, 1, 1, 2))):
        _edit_members(rng, members, metadata_words)
    record = next((name for name, _ in members if name.endswith(".dist-info/RECORD")), "")
    if record and rng.random() < 0.9:
        listed = {name: body for name, body in members if name != record and not name.endswith("/")}
        fresh = wheels.record_text(listed, record)
        if rng.random() < 0.3:
            fresh = edited_lines(rng, fresh, (b"demo/a.py,,", b'"demo/a.py",sha256=x,1', b",,", b'"a\nb",,', b"a,b"))
        members = [(name, fresh if name == record else body) for name, body in members]
    return _written(rng, members)


def _edit_members(rng: random.Random, members: list[tuple[str, bytes]], metadata_words: tuple[bytes, ...]) -> None:
    at = rng.randrange(len(members)) if members else 0
    kind = rng.randrange(6)
    if kind == 0 or not members:
        members.insert(at, (rng.choice(NAMES), rng.choice(WORDS) * rng.randrange(4)))
    elif kind == 1:
        members[at] = (rng.choice(NAMES), members[at][1])
    elif kind == 2:
        del members[at]
    elif kind == 3:
        members.append(members[at])
    else:
        name, body = members[at]
        if name.endswith(("METADATA", "PKG-INFO")):
            body = edited_lines(rng, body, metadata_words)
        elif name.endswith("WHEEL"):
            body = edited_lines(rng, body, WHEEL_LINES)
        else:
            body = scrambled(rng, body)
        members[at] = (name, body)


def _written(rng: random.Random, members: list[tuple[str, bytes]]) -> bytes:
    """Locals, directory and end record by hand: flags, extra areas, descriptors and gaps where chance wants them."""
    out, directory = bytearray(), bytearray()
    odd = rng.random() < 0.4
    for name, body in members:
        raw = name.encode("utf-8", "surrogatepass")
        flags = 0x800 if not raw.isascii() or (odd and rng.random() < 0.2) else 0
        method = rng.choice((0, 8))
        packed = body if method == 0 else _deflated(rng, body)
        crc, offset = zlib.crc32(body), len(out)
        extra = central_extra = b""
        if odd and rng.random() < 0.3:
            extra = _extra(rng, raw, len(body), len(packed))
            central_extra = rng.choice((b"", extra, _extra(rng, raw, len(body), len(packed))))
        head = (20, flags, method, 0, 0x5C21, crc, len(packed), len(body), len(raw))
        out += struct.pack("<4s5H3L2H", b"PK\3\4", *head, len(extra)) + raw + extra + packed
        if odd and rng.random() < 0.1:
            out += struct.pack("<4s3L", b"PK\7\x08", crc, len(packed), len(body)) if rng.random() < 0.5 else b"gap"
        mode = rng.choice((0o100644, 0o100644, 0o120777, 0o40755, 0)) if odd else 0o100644
        tail = (len(central_extra), 0, 0, 0, mode << 16, offset)
        directory += struct.pack("<4s6H3L5H2L", b"PK\1\2", 0x314, *head, *tail) + raw + central_extra
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, len(members), len(members), len(directory), len(out), 0)
    return bytes(out + directory + end)


def _deflated(rng: random.Random, body: bytes) -> bytes:
    packer = zlib.compressobj(rng.choice((0, 1, 9)), zlib.DEFLATED, -15)
    return packer.compress(body) + packer.flush()


def _extra(rng: random.Random, raw: bytes, size: int, packed: int) -> bytes:
    """One field or two of an extra area: ZIP64 sizes, true or not, a second name, a time, or rubbish."""
    fields = (
        struct.pack("<2H2Q", 1, 16, size, packed),
        struct.pack("<2H2Q", 1, 16, size + 1, packed),
        struct.pack("<2H", 1, 0),
        struct.pack("<2HBL", 0x7075, 5 + len(raw), 1, zlib.crc32(raw)) + raw,
        struct.pack("<2HBL", 0x5455, 5, 1, 0),
        struct.pack("<2H", 0xCAFE, 0),
        b"\1",
        struct.pack("<2H", 2, 60000),
    )
    return b"".join(rng.choice(fields) for _ in range(rng.choice((1, 1, 2))))
