"""Where fuzzing starts: the legal files and forms, and every hostile row of the upload corpus that is not large."""

import zlib
from functools import cache
from itertools import product
from pathlib import Path

import attested
import wheels
from control import corpus_archives, corpus_forms

from tests.fuzz.targets import CONTENT_TYPE, DATA, FILENAMES, INPUT_BYTES_MAX

SAVED = Path(__file__).parent / "saved"  # inputs that were once a finding, one folder for each target
FULL_METADATA = wheels.metadata_text(
    "demo",
    "1.0",
    requires=["a>=1; python_version > '3'", "b[c]==2"],
    requires_python=">=3.9",
    metadata={
        "Summary": "a summary",
        "Author-email": "A <a@a.example>",
        "License-Expression": "MIT OR Apache-2.0",
        "Classifier": ["Programming Language :: Python :: 3", "Operating System :: OS Independent"],
        "Project-URL": ["Home, https://a.example", "Docs, https://b.example"],
        "Provides-Extra": ["x", "y"],
        "Dynamic": "Description",
        "Description-Content-Type": "text/markdown; charset=UTF-8",
        "Import-Name": "demo",
        "Keywords": "a,b",
    },
    description="# Demo\n\nText: with a colon\n",
)


@cache
def seeds(target: str) -> tuple[bytes, ...]:
    """The inputs of one target, in a fixed order, findings of old first."""
    found = [*saved(target), *_SEEDS[target]()]
    return tuple(dict.fromkeys(one for one in found if len(one) <= INPUT_BYTES_MAX))


def saved(target: str) -> list[bytes]:
    """Inputs that were once a finding."""
    return [path.read_bytes() for path in sorted((SAVED / target).glob("*.bin"))]


def _archives() -> list[bytes]:
    files = {"demo/a.py": b"a" * 300, "demo/b.py": b"b = 1\n"}
    made = [
        b"\0" + wheels.wheel("demo", "1.0", files=files)[1],
        b"\0" + wheels.wheel("demo", "1.0", files=files, description="text\n")[1],
        b"\1" + wheels.sdist("demo", "1.0", files={"a.py": b"a" * 600, "b/c.py": b""})[1],
        b"\2" + wheels.sdist("demo", "1.0", suffix=".zip")[1],
    ]
    for row in corpus_archives.ROWS:
        content_type, body = row.make() if row.index == "main" else ("", b"")
        filename, data = _content_of(content_type, body)
        if filename in FILENAMES:
            made.append(bytes([FILENAMES.index(filename)]) + data)
    return made


def _content_of(content_type: str, body: bytes) -> tuple[str, bytes]:
    """The file in a form of this suite's own making."""
    _head, mark, rest = body.partition(b'name="content"; filename="')
    name, _, rest = rest.partition(b'"')
    data = rest.partition(b"\r\n\r\n")[2]
    end = data.rfind(f"\r\n--{wheels.BOUNDARY}".encode())
    after = data.find(f"\r\n--{wheels.BOUNDARY}".encode())
    return name.decode("utf-8", "replace"), data[: min(end, after)] if mark and content_type else b""


def _metadata() -> list[bytes]:
    return [
        FULL_METADATA,
        wheels.metadata_text("demo", "1.0"),
        b"Metadata-Version: 1.0\nName: demo\nVersion: 1.0\nSummary: UNKNOWN\nLicense: a\n      b\nPlatform: UNKNOWN\n",
        b"Metadata-Version: 2.1\r\nName: demo\r\nVersion: 1.0\r\nRequires-Dist: a (>=1)\r\n\r\ntext\r\n",
    ]


def _filenames() -> list[bytes]:
    more = ("De.mo_a-1!1.0rc1+l.1-1b-py2.py3-abi3.none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", "a-b-1.0.zip")
    rows = [row for row in corpus_forms.ROWS if row.what.startswith("the filename ")]
    told = [row.what.removeprefix("the filename ")[1:-1].encode() for row in rows]
    return [*(name.encode() for name in (*FILENAMES, *more)), *told]


def _forms() -> list[bytes]:
    made = []
    for archive in (wheels.wheel("demo", "1.0"), wheels.sdist("demo", "1.0")):
        made += [encode(*archive)[1] for encode in wheels.BODIES.values()]
    rows = [row.make() for row in corpus_forms.ROWS if row.index == "main"]
    return made + [body for content_type, body in rows if content_type == CONTENT_TYPE]


def _attestations() -> list[bytes]:
    one = attested.attestation(FILENAMES[0], DATA)
    other = attested.attestation(FILENAMES[0], DATA, predicateType=attested.SLSA, predicate={"a": 1})
    return [attested.field(one).encode(), attested.field(one, other).encode(), b"[]", b"null"]


def _streams() -> list[bytes]:
    """Blocks of every kind, with and without a frame, and a match over the whole window."""
    contents = (
        b"",
        FULL_METADATA,
        bytes(40_000),
        bytes(range(256)) * 20,
        FULL_METADATA + bytes(31_000) + FULL_METADATA,
    )
    made = []
    for kind, wbits in ((0, -zlib.MAX_WBITS), (1, 16 + zlib.MAX_WBITS)):
        for content, (level, strategy) in product(
            contents, ((0, 0), (1, 0), (9, 0), (6, zlib.Z_FIXED), (6, zlib.Z_RLE))
        ):
            packer = zlib.compressobj(level, zlib.DEFLATED, wbits, 9, strategy)
            packed = packer.compress(content[:300]) + packer.flush(zlib.Z_SYNC_FLUSH) + packer.compress(content[300:])
            made.append(bytes([kind + 2 * (len(made) % 4)]) + packed + packer.flush())
    return made


_SEEDS = {
    "archive": _archives,
    "metadata": _metadata,
    "filename": _filenames,
    "form": _forms,
    "attestations": _attestations,
    "stream": _streams,
}
