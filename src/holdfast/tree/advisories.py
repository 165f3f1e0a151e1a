"""The stored table of known malware and vulnerabilities: content-addressed, read lazily, old ones swept.

One JSON document, compressed. Its projects stay packed in memory until somebody asks for one of them, so that a
front takes a new table in without holding its loop up. The overrides name the table in force; it names nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import msgspec

from holdfast.core.advisories import Advisories, Advisory, Affected, Kind, Span
from holdfast.core.errors import Corrupt
from holdfast.store.port import Store
from holdfast.tree import addresses
from holdfast.tree.compressed import compress, decompress
from holdfast.tree.overrides import newest, of_serial

TABLE_BYTES_MAX = 512 * 1024 * 1024  # uncompressed; 40,000 advisories need less than 10 MiB
SUPERSEDED_KEPT = timedelta(days=1)  # a front that lags behind the overrides still asks for the table they named
CHANGES_SWEPT_MAX = 500  # how far back a sweep looks for the change that superseded a table
_VERSION = 1


class EncodedAdvisories(msgspec.Struct, frozen=True):
    """A table ready to be stored, and what it holds."""

    digest: str
    stored_bytes: bytes
    modified: datetime | None
    malware: int
    vulnerabilities: int
    projects: int

    @property
    def known(self) -> int:
        """Advisories of both kinds."""
        return self.malware + self.vulnerabilities


def encode_advisories(table: Advisories) -> EncodedAdvisories:
    """The table's stored form; equal tables give equal digests on every machine."""
    modified = table.modified.astimezone(UTC) if table.modified is not None else None
    projects = {name: [_packed(affected) for affected in table.entries[name]] for name in sorted(table.entries)}
    json_bytes = _encoder.encode(_Table(_VERSION, modified, table.malware, table.vulnerabilities, projects))
    digest = sha256(json_bytes).hexdigest()
    return EncodedAdvisories(
        digest, compress(json_bytes), modified, table.malware, table.vulnerabilities, len(projects)
    )


def put_advisories(store: Store, table: EncodedAdvisories | Advisories) -> str:
    """Store a table; answers its digest. Not in force until the overrides name it. Raises Unavailable."""
    if isinstance(table, Advisories):
        table = encode_advisories(table)
    store.put(addresses.advisories(table.digest), table.stored_bytes)
    return table.digest


def read_advisories(store: Store, digest: str) -> Advisories:
    """The table of that digest. Raises Absent, Unavailable, Corrupt."""
    what = f"advisory table {digest}"
    json_bytes = decompress(store.get(addresses.advisories(digest)), what, TABLE_BYTES_MAX)
    if sha256(json_bytes).hexdigest() != digest:
        raise Corrupt(f"{what} does not have the bytes of its digest")
    try:
        stored = _decoder.decode(json_bytes)
    except msgspec.MsgspecError as error:
        raise Corrupt(f"{what} does not parse: {error}") from error
    if stored.v != _VERSION:
        raise Corrupt(f"{what} has format {stored.v}, this release reads {_VERSION}")
    return Advisories(
        _Entries(stored.projects, what),
        modified=stored.modified,
        malware=stored.malware,
        vulnerabilities=stored.vulnerabilities,
        name=digest,
    )


def sweep_advisories(store: Store, now: datetime) -> list[str]:
    """Delete tables that the overrides gave up more than a day ago; answers their digests. Raises Unavailable, Corrupt.

    A table that no change ever named stays: it may be on its way into the next one.
    """
    current = newest(store)
    stored = {_digest(info.key) for info in store.list(addresses.ADVISORIES_PREFIX)}
    doubtful = stored - {current.advisories}
    given_up: list[str] = []
    later = current
    for _ in range(CHANGES_SWEPT_MAX):
        earlier = of_serial(store, later.serial - 1) if doubtful and later.serial > 1 else None
        if earlier is None:
            break
        if earlier.advisories in doubtful:
            doubtful.discard(earlier.advisories)
            if later.at is not None and later.at <= now - SUPERSEDED_KEPT:
                given_up.append(earlier.advisories)
        later = earlier
    for digest in given_up:
        store.delete(addresses.advisories(digest))
    return given_up


class _Affected(msgspec.Struct, frozen=True, array_like=True, gc=False):
    id: str
    kind: Kind
    summary: str
    spans: tuple[tuple[str, str, bool], ...] = ()
    versions: tuple[str, ...] = ()


class _Table(msgspec.Struct, frozen=True):
    v: int
    modified: datetime | None
    malware: int
    vulnerabilities: int
    projects: dict[str, list[_Affected]]


class _Stored(msgspec.Struct, frozen=True):
    """The same, its projects still packed."""

    v: int
    modified: datetime | None
    malware: int
    vulnerabilities: int
    projects: dict[str, msgspec.Raw]


@dataclass(frozen=True, slots=True)
class _Entries(Mapping[str, tuple[Affected, ...]]):
    """Unpacks a project when it is asked for."""

    packed: dict[str, msgspec.Raw]
    what: str

    def __getitem__(self, project: str) -> tuple[Affected, ...]:
        try:
            found = _project_decoder.decode(self.packed[project])
        except msgspec.MsgspecError as error:
            raise Corrupt(f"{self.what} does not parse for {project}: {error}") from error
        return tuple(
            Affected(Advisory(one.id, one.kind, one.summary), one.versions, tuple(Span(*span) for span in one.spans))
            for one in found
        )

    def __contains__(self, project: object) -> bool:
        return project in self.packed

    def __iter__(self) -> Iterator[str]:
        return iter(self.packed)

    def __len__(self) -> int:
        return len(self.packed)


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Stored)
_project_decoder = msgspec.json.Decoder(list[_Affected])


def _packed(affected: Affected) -> _Affected:
    spans = tuple((span.introduced, span.end, span.includes_end) for span in affected.spans)
    advisory = affected.advisory
    return _Affected(advisory.id, advisory.kind, advisory.summary, spans, affected.versions)


def _digest(key: str) -> str:
    return key.removeprefix(addresses.ADVISORIES_PREFIX).removesuffix(".json.zst")
