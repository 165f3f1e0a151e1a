"""A record's stored form: a Simple API 1.4 detail document whose private `_holdfast` keys hold the rest.

decode(encode(record)) == record; equal records give equal bytes and so equal digests. The digest is the sha256 of
the uncompressed JSON, so it survives a change of compression. Optional fields are left out, not written as null.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Generic, Literal, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from holdfast.core.errors import Corrupt
from holdfast.core.model import File, PackageType, Record, Role, Status
from holdfast.core.simple_json import file_url
from holdfast.tree.compressed import compress, decompress

LEVEL = 1  # of zstd: half the time of level 3, and a tenth smaller, because digests only seem to repeat (measured)
RECORD_BYTES_MAX = 512 * 1024 * 1024  # uncompressed; the largest page known is below 100 MiB
_VERSION = 1

Files = TypeVar("Files")


@dataclass(frozen=True, slots=True)
class EncodedRecord:
    """A record ready to be stored."""

    json_bytes: bytes
    digest: str
    stored_bytes: bytes


def file_documents(files: Sequence[File], project: str) -> list[bytes]:
    """The document of each file. They stand in a record as they are, so that a writer may keep them for its next."""
    encode = _encoder.encode
    return [encode(_wire_file(file, project)) for file in files]


def encode_record(
    record: Record, documents: Callable[[Sequence[File], str], list[bytes]] = file_documents
) -> EncodedRecord:
    """The record's canonical document, its digest, and the bytes to store.

    `documents` answers what `file_documents` does. Raises Corrupt for text that is not Unicode: a lone surrogate from
    an upstream's JSON has no bytes.
    """
    try:
        json_bytes = _encoder.encode(_document(record, documents(record.files, record.name)))
    except UnicodeEncodeError as error:
        raise Corrupt(f"the record of {record.name} has text that cannot be written as UTF-8") from error
    return EncodedRecord(json_bytes, sha256(json_bytes).hexdigest(), compress(json_bytes, LEVEL))


def decode_record(stored_bytes: bytes, digest: str | None, bytes_max: int = RECORD_BYTES_MAX) -> Record:
    """Read a stored record; with a `digest`, hold it to that. Raises Corrupt on any mismatch."""
    what = f"record {digest}" if digest else "a stored page"
    json_bytes = decompress(stored_bytes, what, bytes_max)
    if digest is not None and sha256(json_bytes).hexdigest() != digest:
        raise Corrupt(f"{what} does not have the bytes of its digest")
    try:
        document = _decoder.decode(json_bytes)
    except msgspec.MsgspecError as error:
        raise Corrupt(f"{what} does not parse: {error}") from error
    if document.private.v != _VERSION:
        raise Corrupt(f"{what} has format {document.private.v}, this release reads {_VERSION}")
    return _record(document)


class _Wire(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Base of the document's parts; the order of fields is the order of bytes."""


class _Meta(_Wire, frozen=True):
    api_version: str = msgspec.field(name="api-version")  # PEP 629
    last_serial: int = msgspec.field(name="_last-serial")


class _ProjectStatus(_Wire, frozen=True):
    status: Status  # PEP 792
    reason: str = ""


class _Metadata(_Wire, frozen=True):
    sha256: str


class _PrivateFile(_Wire, frozen=True):
    """What a Simple API file entry has no word for."""

    version: str = ""
    packagetype: PackageType = "other"
    python_version: str = ""
    upload_time_is_ours: bool = False
    yanked_reason: str = ""  # only of a file that is not yanked, or yanked without the reason being text
    metadata_sha256: str = ""  # only while the sidecar cannot be served
    provenance_sha256: str = ""
    md5: str = ""
    blake2b_256: str = ""
    hashes: tuple[tuple[str, str], ...] = ()
    upstream_url: str = ""


class _File(_Wire, frozen=True):
    filename: str
    url: str  # relative to the detail page, so that every mount, prefix and export may use the same bytes
    hashes: dict[str, str]
    requires_python: str | UnsetType = msgspec.field(name="requires-python", default=UNSET)  # PEP 345
    size: int | UnsetType = UNSET  # PEP 700
    upload_time: datetime | UnsetType = msgspec.field(name="upload-time", default=UNSET)  # PEP 700
    yanked: bool | str = False  # PEP 592
    core_metadata: bool | _Metadata = msgspec.field(name="core-metadata", default=False)  # PEP 714
    provenance: str | UnsetType = UNSET  # PEP 740
    private: _PrivateFile = msgspec.field(name="_holdfast", default_factory=_PrivateFile)


class _PrivateRecord(_Wire, frozen=True):
    index: str
    display: str
    roles: tuple[tuple[str, Literal["owner", "maintainer"]], ...] = ()
    organisation: str = ""
    upstream_serial: int | None = None
    fetched_at: datetime | None = None
    upstream_etag: str = ""
    upstream_extras: tuple[tuple[str, str], ...] = ()
    held: bool = False
    v: int = _VERSION


class _Document(_Wire, Generic[Files], frozen=True):
    meta: _Meta
    name: str
    versions: list[str]
    files: Files  # read as what they are; when the rest is written they are bytes already
    private: _PrivateRecord = msgspec.field(name="_holdfast")
    status: _ProjectStatus = msgspec.field(name="project-status", default=_ProjectStatus("active"))


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Document[list[_File]])


def _document(record: Record, files: Sequence[bytes]) -> _Document[msgspec.Raw]:
    return _Document(
        meta=_Meta("1.4", record.serial),
        name=record.name,
        versions=list(dict.fromkeys(file.version for file in record.files if file.version)),
        files=msgspec.Raw(b"[" + b",".join(files) + b"]"),
        private=_PrivateRecord(
            index=record.index,
            display=record.display,
            roles=tuple((role.user, role.role) for role in record.roles),
            organisation=record.organisation,
            upstream_serial=record.upstream_serial,
            fetched_at=_utc(record.fetched_at),
            upstream_etag=record.upstream_etag,
            upstream_extras=record.upstream_extras,
            held=record.held,
        ),
        status=_ProjectStatus(record.status, record.status_reason),
    )


def _wire_file(file: File, project: str) -> _File:
    digest = file.sha256
    reason_is_public = file.yanked and file.yanked_reason != ""
    upload_time = _utc(file.upload_time)
    return _File(
        file.filename,
        file_url(file, project),
        {"sha256": digest} if digest else {name: value for name, value in file.hashes if name != "sha256"},
        file.requires_python or UNSET,
        UNSET if file.size is None else file.size,
        UNSET if upload_time is None else upload_time,
        file.yanked_reason if reason_is_public else file.yanked,
        _Metadata(file.metadata_sha256) if file.has_metadata and file.metadata_sha256 else file.has_metadata,
        file.provenance_url or UNSET,
        _PrivateFile(
            file.version,
            file.packagetype,
            file.python_version,
            file.upload_time_is_ours,
            "" if reason_is_public else file.yanked_reason,
            "" if file.has_metadata else file.metadata_sha256,
            file.provenance_sha256,
            file.md5,
            file.blake2b_256,
            file.hashes,
            file.upstream_url,
        ),
    )


def _utc(moment: datetime | None) -> datetime | None:
    if moment is None or moment.tzinfo is UTC:
        return moment
    assert moment.tzinfo is not None, moment
    return moment.astimezone(UTC)


def _record(document: _Document[list[_File]]) -> Record:
    private = document.private
    return Record(
        index=private.index,
        name=document.name,
        display=private.display,
        serial=document.meta.last_serial,
        files=tuple([_file(wire) for wire in document.files]),
        status=document.status.status,
        status_reason=document.status.reason,
        roles=tuple(Role(user, role) for user, role in private.roles),
        organisation=private.organisation,
        upstream_serial=private.upstream_serial,
        fetched_at=private.fetched_at,
        upstream_etag=private.upstream_etag,
        upstream_extras=private.upstream_extras,
        held=private.held,
    )


def _file(wire: _File) -> File:
    private = wire.private
    yanked, metadata = wire.yanked, wire.core_metadata
    return File(
        wire.filename,
        wire.hashes.get("sha256", ""),
        None if wire.size is UNSET else wire.size,
        private.version,
        private.packagetype,
        private.python_version,
        None if wire.upload_time is UNSET else wire.upload_time,
        private.upload_time_is_ours,
        "" if wire.requires_python is UNSET else wire.requires_python,
        yanked is not False,
        yanked if isinstance(yanked, str) else private.yanked_reason,
        metadata.sha256 if isinstance(metadata, _Metadata) else private.metadata_sha256,
        metadata is not False,
        private.provenance_sha256,
        "" if wire.provenance is UNSET else wire.provenance,
        private.md5,
        private.blake2b_256,
        private.hashes,
        private.upstream_url,
    )
