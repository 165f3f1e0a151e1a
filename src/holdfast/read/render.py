"""Pages from stored records: pure functions of (stored bytes, representation, policy), run in threads or the helper.

Everything here may take long for a large project; the event loop never calls it.
"""

import zlib
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import msgspec

from holdfast.core import simple_html, simple_json
from holdfast.core.errors import Corrupt
from holdfast.core.negotiation import Encoding
from holdfast.core.policy import Policy, Removal, gate_page
from holdfast.tree.compressed import decompress
from holdfast.tree.record import RECORD_BYTES_MAX, decode_record
from holdfast.tree.rendered import compress_page

COMPRESSED_BYTES_MIN = 200  # below that an encoding only adds headers

Shape = str  # "json" or "html": what the bytes are, whatever media type they are sent under


@dataclass(frozen=True, slots=True)
class Job:
    """One page to make. `removed` carries the digests that must not be shown, with reason and legal flag."""

    stored: bytes
    digest: str | None  # the record's, to hold it to; None for a pulled page, whose object has no digest in its name
    shape: Shape
    encoding: Encoding
    public_base: str
    removed: tuple[tuple[str, str, bool], ...]
    now: datetime


def render(job: Job) -> bytes:
    """The page's bytes in the job's shape and encoding. Raises Corrupt."""
    record = decode_record(job.stored, job.digest)
    shown = gate_page(record, policy_of(job), now=job.now).record
    page = simple_json if job.shape == "json" else simple_html
    return compress_page(page.detail(shown, public_base=job.public_base), job.encoding)


def policy_of(job: Job) -> Policy:
    """The rules the job's page obeys."""
    return Policy({digest: Removal(reason, legal) for digest, reason, legal in job.removed})


def decode(body: bytes, encoding: Encoding, what: str) -> bytes:
    """Undo `compress_page`, checking the encoding's own checksum. Raises Corrupt."""
    if encoding == "zstd":
        return decompress(body, what, RECORD_BYTES_MAX)
    if encoding == "gzip":
        try:
            unfolder = zlib.decompressobj(wbits=31)
            plain = unfolder.decompress(body, RECORD_BYTES_MAX)
        except zlib.error as error:
            raise Corrupt(f"{what} is not gzip: {error}") from error
        if not unfolder.eof or unfolder.unused_data:
            raise Corrupt(f"{what} is not one whole gzip member")
        return plain
    return body


class _Private(msgspec.Struct):
    fetched_at: datetime | None = None
    upstream_serial: int | None = None


class _Meta(msgspec.Struct):
    last_serial: int = msgspec.field(name="_last-serial", default=0)


class _Peeked(msgspec.Struct):
    name: str
    meta: _Meta
    private: _Private = msgspec.field(name="_holdfast")


@dataclass(frozen=True, slots=True)
class PulledFacts:
    """What the front needs of a pulled page without decoding its files."""

    digest: str
    fetched_at: datetime | None
    serial: int


_peek = msgspec.json.Decoder(_Peeked)


def pulled_facts(stored: bytes, name: str) -> PulledFacts:
    """Facts about a stored pulled page. Raises Corrupt."""
    document = decompress(stored, f"the pulled page of {name}", RECORD_BYTES_MAX)
    try:
        found = _peek.decode(document)
    except msgspec.MsgspecError as error:
        raise Corrupt(f"the pulled page of {name} does not parse: {error}") from error
    if found.name != name:
        raise Corrupt(f"the pulled page of {name} is that of {found.name}")
    return PulledFacts(
        sha256(document).hexdigest(),
        found.private.fetched_at,
        found.meta.last_serial or found.private.upstream_serial or 0,
    )
