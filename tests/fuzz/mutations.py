"""One mutator for each target: `mutate(rng, data)` gives another input, by structure most of the time.

An input of `archive` is one byte that chooses the filename, then the file; one of `stream` begins with a byte that
chooses how it is read. The others are the bytes themselves.
"""

import random
from collections.abc import Callable

import wheels

from tests.fuzz.bytes_edits import WORDS, edited_lines, scrambled
from tests.fuzz.tar_edits import edited_tar
from tests.fuzz.zip_records import edited_records, rebuilt_wheel

Mutate = Callable[[random.Random, bytes], bytes]

METADATA_LINES = (
    *(
        b"Metadata-Version: 2.5",
        b"Metadata-Version: 2.1",
        b"Name: demo",
        b"Name: other",
        b"Version: 1.0",
        b"Version: 01.0",
    ),
    *(b"Summary: x", b"Summary: UNKNOWN", b"Requires-Dist: a; extra == 'b'", b"Requires-Dist: a @ file:///x"),
    *(b"Requires-Python: >=3", b"Requires-Python: ===x y", b"Provides-Extra: b", b"License-Expression: MIT OR X"),
    *(
        b"License-File: ../x",
        b"License-File: L",
        b"Dynamic: name",
        b"Description-Content-Type: text/markdown; charset=x",
    ),
    *(
        b"Description-Content-Type: text/x-rst",
        b"Project-URL: a, https://a.example",
        b"Project-URL: a, b",
        b"Classifier: A",
    ),
    *(b"Content-Type: multipart/mixed; boundary=a", b"Content-Transfer-Encoding: base64", b"Import-Name: a.b"),
    *(b"Import-Namespace: a.b", b"", b"--a", b" folded", b"no header", b"From x", b"name : x", b": x", b"Home-page: h"),
    *(b"Name: =?utf-8?q?demo?=", b"Keywords: a,b", b"Author-email: \xff", b"Description: x", b"Platform: UNKNOWN"),
)
_PART_HEADS = (
    *(b'Content-Disposition: form-data; name="name"', b'Content-Disposition: form-data; name="content"; filename="x"'),
    *(
        b'content-disposition: form-data; name="a"',
        b"Content-Disposition: form-data; name=a",
        b"Content-Type: text/plain",
    ),
    *(
        b"Content-Type: multipart/mixed; boundary=b",
        b"Content-Transfer-Encoding: quoted-printable",
        b"X-A: b",
        b" folded",
    ),
    *(b'Content-Disposition: form-data; filename="b"; name="a"', b'Content-Disposition: form-data; name="a"; name="b"'),
    *(
        b"Content-Length: 5",
        b"Content-Disposition: form-data; name=\"content\"; filename*=UTF-8''a",
        b"",
        b"A:b",
        b"A :b",
    ),
)
_VALUES = (
    b"file_upload",
    b"submit",
    b"1",
    b"demo",
    b"bdist_wheel",
    b"sdist",
    b"source",
    b"py3",
    b"1.0",
    b"\xff",
    b"[]",
)
_FILENAME_PIECES = (
    *"- -- _ . + ! 1 1.0 0 py3 py2.py3 none any cp311 demo Demo d.e-mo .whl .tar.gz .zip .WHL \u00e9 \u0661 v".split(),
    *(" ", "\n", "\0", "/", "..", "1" * 130, "a." * 60, "1.0+l.1", "1!2", "py3-none-any", "-1-py3-none-any", "%2f"),
)


def archive(rng: random.Random, data: bytes) -> bytes:
    """A wheel's or sdist's records, members, headers or bytes changed."""
    kind, body = data[:1] or b"\0", data[1:]
    roll = rng.random()
    if roll < 0.02:
        return bytes([rng.randrange(3)]) + body
    if roll < 0.12:
        return kind + scrambled(rng, body)
    if body[:2] == b"\x1f\x8b":
        return kind + edited_tar(rng, body, METADATA_LINES)
    if roll < 0.4:
        return kind + edited_records(rng, body)
    return kind + rebuilt_wheel(rng, body, METADATA_LINES)


def metadata(rng: random.Random, data: bytes) -> bytes:
    """Header lines of METADATA changed."""
    return scrambled(rng, data) if rng.random() < 0.15 else edited_lines(rng, data, METADATA_LINES)


def filename(rng: random.Random, data: bytes) -> bytes:
    """Pieces of filenames put in, taken out or exchanged."""
    text = data.decode("utf-8", "surrogateescape")
    at = rng.randrange(len(text) + 1)
    until = min(len(text), at + rng.choice((0, 0, 1, 3, 8)))
    changed = text[:at] + rng.choice(_FILENAME_PIECES) + text[until:]
    return changed[:2000].encode("utf-8", "surrogateescape")


def form(rng: random.Random, data: bytes) -> bytes:
    """Parts dropped, doubled, moved; their headers and values changed."""
    if rng.random() < 0.15:
        return scrambled(rng, data)
    line = b"--" + wheels.BOUNDARY.encode()
    parts = data.split(line)
    for _ in range(rng.choice((1, 1, 2))):
        at = rng.randrange(len(parts))
        kind = rng.randrange(6)
        if kind == 0 and len(parts) > 1:
            del parts[at]
        elif kind == 1:
            parts.insert(rng.randrange(len(parts) + 1), parts[at])
        elif kind == 2:
            parts.insert(at, b"\r\n" + rng.choice(_PART_HEADS) + b"\r\n\r\n" + rng.choice(_VALUES) + b"\r\n")
        else:
            parts[at] = _edited_part(rng, parts[at])
    return line.join(parts)


def _edited_part(rng: random.Random, part: bytes) -> bytes:
    head, blank, body = part.partition(b"\r\n\r\n")
    kind = rng.randrange(4)
    if kind == 0:
        return head + b"\r\n" + rng.choice(_PART_HEADS) + blank + body
    if kind == 1:
        return head + blank + rng.choice(_VALUES) + b"\r\n"
    if kind == 2:
        return scrambled(rng, head) + blank + body
    return head + rng.choice((b"\n\n", b"\r\r", b"\r\n \r\n", b"\r\n\r\n\r\n", rng.choice(WORDS))) + body


def attestations(rng: random.Random, data: bytes) -> bytes:
    """JSON with values and keys exchanged, nested, doubled."""
    pieces = (
        b"[",
        b"]",
        b"{",
        b"}",
        b",",
        b'"version":2',
        b"null",
        b"1e999",
        b"NaN",
        b'"\\ud800"',
        b"[" * 500,
        b'"a":1',
        b'""',
    )
    at = rng.randrange(len(data) + 1)
    if rng.random() < 0.5:
        return scrambled(rng, data)
    return data[:at] + rng.choice(pieces) + data[at + rng.choice((0, 1, 5)) :]


def stream(rng: random.Random, data: bytes) -> bytes:
    """Bits and bytes changed anywhere, at the head, or at the end; something behind it; or read in another way."""
    kind, body = data[:1] or b"\0", bytearray(data[1:])
    roll = rng.random()
    if roll < 0.1:
        kind = bytes([rng.randrange(256)])
    elif roll < 0.5 and body:
        at = rng.choice(
            (rng.randrange(len(body)), rng.randrange(min(len(body), 24)), -1 - rng.randrange(8) % len(body))
        )
        body[at] ^= rng.choice((1 << rng.randrange(8), rng.randrange(1, 256)))
    elif roll < 0.6:
        body += rng.choice((b"\0", b"\0" * 512, bytes(body), rng.randbytes(9)))
    elif roll < 0.7:
        del body[rng.randrange(len(body) + 1) :]
    else:
        body[:] = scrambled(rng, bytes(body))
    return kind + bytes(body)


MUTATORS: dict[str, Mutate] = {
    "archive": archive,
    "metadata": metadata,
    "filename": filename,
    "form": form,
    "attestations": attestations,
    "stream": stream,
}
