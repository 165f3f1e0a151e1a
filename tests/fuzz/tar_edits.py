"""Gzipped tars made wrong by their structure: header fields under a fresh checksum, pax records, doubled members."""

import random
import zlib

from tests.fuzz.bytes_edits import edited_lines, scrambled

BLOCK = 512
# (offset, length) of header fields: name, mode, uid, size, mtime, typeflag, linkname, magic, uname, prefix.
_FIELDS = ((0, 100), (100, 8), (108, 8), (124, 12), (136, 12), (156, 1), (157, 100), (257, 8), (265, 32), (345, 155))
_TYPES = b"0\x001234567xgLKSDVNMX5AI"
_NAMES = (
    b"demo-1.0/a.py",
    b"demo-1.0/PKG-INFO",
    b"demo-1.0/../x",
    b"/etc/x",
    b"demo-1.0/",
    b"demo-1.0",
    b"a\0b",
    b"\xff",
)
_PAX = (
    *(
        b"path=demo-1.0/other.py",
        b"path=demo-1.0/PKG-INFO",
        b"path=demo-1.0/d/",
        b"size=0",
        b"size=5",
        b"size=-1",
        b"size=99999999999",
    ),
    *(b"linkpath=/etc/passwd", b"GNU.sparse.name=demo-1.0/a.py", b"GNU.sparse.size=9", b"GNU.sparse.major=1"),
    *(b"GNU.sparse.map=0,1", b"hdrcharset=BINARY", b"mtime=nan", b"comment=x", b"path=", b"path=a\0b", b"uid=-1"),
)


def edited_tar(rng: random.Random, data: bytes, metadata_words: tuple[bytes, ...]) -> bytes:
    """The tar inside edited, and compressed again."""
    try:
        tar = zlib.decompressobj(31).decompress(data, 1 << 20)
    except zlib.error:
        return scrambled(rng, data)
    blocks = [tar[at : at + BLOCK] for at in range(0, len(tar), BLOCK)]
    for _ in range(rng.choice((1, 1, 2, 3))):
        _edit_blocks(rng, blocks, metadata_words)
    return compressed(rng, b"".join(blocks))


def compressed(rng: random.Random, tar: bytes) -> bytes:
    """A gzip member, now and then two, or with something behind."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    packed = packer.compress(tar) + packer.flush()
    return packed + (rng.choice((b"", b"x", b"\0" * 8, packed)) if rng.random() < 0.05 else b"")


def _edit_blocks(rng: random.Random, blocks: list[bytes], metadata_words: tuple[bytes, ...]) -> None:
    headers = [at for at, block in enumerate(blocks) if block[257:262] == b"ustar"]
    at = rng.choice(headers) if headers else 0
    kind = rng.randrange(8)
    if kind <= 2 and headers:
        blocks[at] = _edited_header(rng, blocks[at])
    elif kind == 3:
        blocks[at:at] = _special(rng)
    elif kind == 4 and headers:
        blocks.insert(rng.randrange(len(blocks) + 1), blocks[at])
    elif kind == 5 and blocks:
        del blocks[rng.randrange(len(blocks))]
    elif kind == 6 and blocks:
        where = rng.randrange(len(blocks))
        blocks[where] = scrambled(rng, blocks[where])[:BLOCK].ljust(BLOCK, b"\0")
    else:
        for where, block in enumerate(blocks):
            if block.startswith(b"Metadata-Version"):
                text = edited_lines(rng, block.rstrip(b"\0"), metadata_words)[:BLOCK]
                blocks[where] = text.ljust(BLOCK, b"\n")


def _edited_header(rng: random.Random, block: bytes) -> bytes:
    out = bytearray(block)
    offset, length = rng.choice(_FIELDS)
    choices = {
        1: bytes([rng.choice(_TYPES)]),
        12: rng.choice(
            (b"00000000000\0", b"00000000001\0", b"77777777777\0", b"\x80" + b"\0" * 10 + b"\5", b"\xff" * 12)
        ),
    }
    value = choices.get(length, rng.choice(_NAMES))
    out[offset : offset + length] = value[:length].ljust(length, b"\0")
    return with_checksum(bytes(out)) if rng.random() < 0.9 else bytes(out)


def with_checksum(header: bytes) -> bytes:
    """The header with the checksum it should have."""
    bare = header[:148] + b" " * 8 + header[156:]
    return bare[:148] + b"%06o\0 " % sum(bare) + bare[156:]


def _special(rng: random.Random) -> list[bytes]:
    """A pax or GNU header and its data, to stand before a member."""
    kind = rng.choice(b"xgLKX")
    if kind in b"LK":
        body = rng.choice(_NAMES) + b"\0"
    else:
        body = b"".join(map(pax_record, rng.sample(_PAX, rng.choice((1, 1, 2)))))
    if rng.random() < 0.1:
        body = scrambled(rng, body)
    return [header_of(b"././@PaxHeader", len(body), kind), *_padded(body)]


def header_of(name: bytes, size: int, kind: int) -> bytes:
    """A plain ustar header."""
    fields = name.ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + b"%011o\0" % size + b"00000000000\0" + b" " * 8
    return with_checksum((fields + bytes([kind]) + b"\0" * 100 + b"ustar\x0000").ljust(BLOCK, b"\0"))


def pax_record(text: bytes) -> bytes:
    """`length key=value\\n`, the length counting itself."""
    length = len(text) + 2
    while len(b"%d" % length) + len(text) + 2 != length:
        length += 1
    return b"%d %s\n" % (length, text)


def _padded(body: bytes) -> list[bytes]:
    return [body[at : at + BLOCK].ljust(BLOCK, b"\0") for at in range(0, len(body), BLOCK)]
