"""The field's words as frozen values. Each wire field names the standard it comes from."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

PackageType = Literal["sdist", "bdist_wheel", "other"]
Status = Literal["active", "archived", "deprecated", "quarantined"]  # PEP 792
MetadataOrigin = Literal["", "wheel", "none"]  # of an upstream's file: as it offers, made here, or not to be had
STATUSES: tuple[Status, ...] = ("active", "archived", "deprecated", "quarantined")


@dataclass(frozen=True, slots=True)
class File:
    """One distribution file as an index lists it.

    `sha256` is empty only for an upstream file whose page gave no such digest; it then lives at
    `packages/-/<project>/<filename>` until its first verified fetch gives it one.
    """

    filename: str
    sha256: str  # hex
    size: int | None  # bytes, PEP 700; None only where an upstream does not say
    version: str  # normalised PEP 440 text; "" where an upstream filename has none
    packagetype: PackageType = "other"
    python_version: str = ""  # legacy JSON: "source", "py3", "cp311" ...
    upload_time: datetime | None = None  # PEP 700, aware UTC
    upload_time_is_ours: bool = False  # first-seen time, made up by us because the upstream gives none
    requires_python: str = ""  # PEP 345
    yanked: bool = False  # PEP 592
    yanked_reason: str = ""
    metadata_sha256: str = ""  # PEP 658/714, hex; "" = no digest known
    has_metadata: bool = False  # the sidecar can be served
    provenance_sha256: str = ""  # PEP 740, digest of the stored provenance document
    provenance_url: str = ""  # PEP 740, an upstream's own absolute URL, passed through
    md5: str = ""  # legacy JSON only
    blake2b_256: str = ""  # legacy JSON only
    hashes: tuple[tuple[str, str], ...] = ()  # further upstream digests, (algorithm, hex), when sha256 is empty
    upstream_url: str = ""  # absolute; only in pulled records and cards, never on a page


@dataclass(frozen=True, slots=True)
class Role:
    """A person's standing on a project."""

    user: str
    role: Literal["owner", "maintainer"]


@dataclass(frozen=True, slots=True)
class Record:
    """Everything the read side needs to know of one project in one index: the content of a record object.

    Files are sorted by (version, filename). `serial` is the project's own last serial (0 for pulled projects,
    which carry their upstream's in `upstream_serial` when it gives one).
    """

    index: str  # the hosted index, or the upstream, that this record belongs to
    name: str  # normalised
    display: str
    serial: int
    files: tuple[File, ...] = ()
    status: Status = "active"
    status_reason: str = ""
    roles: tuple[Role, ...] = ()
    organisation: str = ""  # hosted only: the organisation that holds the project
    upstream_serial: int | None = None
    fetched_at: datetime | None = None  # pulled only: when the upstream last gave this page (aware UTC)
    upstream_etag: str = ""  # pulled only
    upstream_extras: tuple[tuple[str, str], ...] = field(default=())  # pulled only: fields passed through as JSON text
    held: bool = False  # hosted only: in quarantine since it was created, until a moderator looked at its name


@dataclass(frozen=True, slots=True)
class Card:
    """What is known for good about one file of one index: small, durable, never evicted."""

    index: str  # hosted index or upstream
    project: str  # normalised
    filename: str
    sha256: str
    size: int | None
    upload_time: datetime | None
    upload_time_is_ours: bool = False
    metadata_sha256: str = ""
    has_metadata: bool = False
    metadata_from: MetadataOrigin = ""  # pulled only
    provenance_sha256: str = ""
    upstream_urls: tuple[str, ...] = ()
    deleted: bool = False  # delisted by its owner; bytes are kept for a while
    provenance_url: str = ""  # of an upstream's file: it has an attestation, whoever keeps that


def format_time(moment: datetime) -> str:
    """PEP 700's `upload-time`: UTC, microseconds only when there are any, `Z`."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat()[:-6] + "Z"  # six characters: +00:00


def parse_time(text: str) -> datetime:
    """Read an ISO 8601 instant; one without a zone is taken as UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    try:
        if moment.tzinfo is None:
            return datetime.combine(moment, moment.time(), UTC)  # seven times as fast as `replace`
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text} lies outside the calendar in UTC") from None
