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
from holdfast.core.policy import Policy, gate_page
from holdfast.tree.compressed import decompress
from holdfast.tree.record import RECORD_BYTES_MAX, decode_record
from holdfast.tree.rendered import compress_page

Shape = str  # "json" or "html": what the bytes are, whatever media type they are sent under


@dataclass(frozen=True, slots=True)
class Job:
    """One page to make. `policy` is narrowed down to the page's project."""

    stored: bytes
    digest: str | None  # the record's, to hold it to; None for a pulled page, whose object has no digest in its name
    shape: Shape
    encoding: Encoding
    public_base: str
    policy: Policy
    now: datetime


@dataclass(frozen=True, slots=True)
class Made:
    """A finished page. `tag` identifies its bytes where rules kept files off it; "" = record and removals do."""

    body: bytes
    valid_until: datetime | None = None  # a rule will let more, or less, pass from then on
    shows_until: datetime | None = None  # a rule will let less pass from then on
    tag: str = ""


def render(job: Job) -> Made:
    """The page in the job's shape and encoding. Raises Corrupt."""
    record = decode_record(job.stored, job.digest)
    gated = gate_page(record, job.policy, now=job.now)
    page = simple_json if job.shape == "json" else simple_html
    body = page.detail(gated.record, public_base=job.public_base)
    by_rules = job.policy.has_rules and gated.record is not record
    tag = sha256(body).hexdigest()[:32] if by_rules else ""
    return Made(compress_page(body, job.encoding), gated.valid_until, gated.shows_until, tag)


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
