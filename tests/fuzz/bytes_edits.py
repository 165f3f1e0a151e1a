"""Edits of plain bytes, and the small words that parsers of archives and forms trip over."""

import random
import struct

WORDS = (
    b"",
    b"\0",
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b"--",
    b"/",
    b"../",
    b"./",
    b"\\",
    b'"',
    b"; ",
    b":",
    b"=",
    b"\xff",
    b"\xc3\xa9",
    b"\xd9\xa1",
    b"PK\1\2",
    b"PK\3\4",
    b"PK\5\6",
    b"PK\6\6",
    b"PK\6\7",
    b"PK\7\x08",
    b"ustar\x0000",
    b"\x1f\x8b\x08",
)
NUMBERS = (0, 1, 2, 7, 8, 0x14, 0x2D, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF)


def scrambled(rng: random.Random, data: bytes) -> bytes:
    """A few bytes changed, dropped, doubled or put in."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        at = rng.randrange(len(out) + 1)
        kind = rng.randrange(6)
        if kind == 0 and out:
            out[at % len(out)] ^= 1 << rng.randrange(8)
        elif kind == 1 and out:
            out[at % len(out)] = rng.randrange(256)
        elif kind == 2:
            del out[at : at + rng.choice((1, 2, 4, 30))]
        elif kind == 3:
            out[at:at] = rng.choice(WORDS)
        elif kind == 4:
            length = rng.randrange(64)
            other = rng.randrange(len(out) + 1)
            out[at:at] = out[other : other + length]
        else:
            form = rng.choice("BHLQ")
            number = rng.choice(NUMBERS) & (256 ** struct.calcsize(f"<{form}") - 1)
            out[at : at + struct.calcsize(f"<{form}")] = struct.pack(f"<{form}", number)
    return bytes(out)


def edited_lines(rng: random.Random, data: bytes, words: tuple[bytes, ...]) -> bytes:
    """Lines dropped, doubled, moved, broken, joined, or given another key or value."""
    lines = data.split(b"\n")
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.randrange(len(lines))
        kind = rng.randrange(7)
        key, colon, _ = lines[at].partition(b": ")
        if kind == 0:
            del lines[at : at + 1]
        elif kind == 1:
            lines.insert(rng.randrange(len(lines) + 1), lines[at])
        elif kind == 2:
            lines.insert(at, rng.choice(words))
        elif kind == 3 and colon:
            lines[at] = key + colon + rng.choice(words).rpartition(b": ")[2]
        elif kind == 4:
            lines[at] = lines[at] + rng.choice((b"\r", b"\n ", b"\r ", b"\x0b", b"\x0c", b"\x85", b"\0", b"\n\t", b" "))
        elif kind == 5:
            lines[at] = rng.choice((b" ", b"\t", b"\xef\xbb\xbf", b"From ", b":", b"")) + lines[at]
        else:
            lines[at] = scrambled(rng, lines[at])
        lines = lines or [b""]
    return b"\n".join(lines)
