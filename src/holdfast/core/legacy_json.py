"""The legacy JSON API: `/pypi/<name>/json` and `/pypi/<name>/<version>/json`.

Scripts, mirrors (bandersnatch 8: `info`, `releases`, `last_serial`, absolute file URLs whose path starts with
`/packages`), renovate and dependabot read it. Facts about a release's text come from the core metadata of one of its
files, which the caller reads first: `metadata_source` says which. Unknown fields are null, as on the public index.
"""

import json
from collections.abc import Iterable, Mapping
from json.encoder import encode_basestring as quoted
from typing import Any

from holdfast.core.errors import Absent, Refused
from holdfast.core.filenames import version_key
from holdfast.core.model import File, Record, format_time
from holdfast.core.simple_json import file_path, offered_files, page_serial, to_bytes, url_segment, versions_of

NOT_FOUND = b'{"message": "Not Found"}'  # the body of a 404 here, whatever other errors look like

# Core metadata, by the lower-snake names of packaging.metadata.RawMetadata (a value is text, a list or a mapping).
Metadata = Mapping[str, object]

_TEXTS = (
    "author author_email description_content_type download_url home_page license license_expression maintainer "
    "maintainer_email summary"
).split()
_LISTS = "dynamic license_files provides_extra requires_dist".split()
_NO_COUNTS = {"last_day": -1, "last_month": -1, "last_week": -1}  # the public index stopped counting, keys stayed


def project_document(record: Record, metadata: Metadata | None, *, public_base: str) -> bytes:
    """The project's newest release and the files of all. Raises Absent, Refused, Corrupt.

    `public_base` is the absolute URL of the index's root, without a trailing slash; `metadata` belongs to the file
    that `metadata_source(record, None)` names.
    """
    version = _newest_version(record)
    releases: dict[str, list[str]] = {v: [] for v in _versions(record)}
    for file in record.files:
        if file.version in releases:
            releases[file.version].append(_file(file, record, public_base))
    listed = ",".join(f"{quoted(v)}:[{','.join(files)}]" for v, files in releases.items())
    return _document(record, version, metadata, public_base, f'"releases":{{{listed}}},', releases[version])


def release_document(record: Record, raw_version: str, metadata: Metadata | None, *, public_base: str) -> bytes:
    """One release. Raises Absent, Refused, Corrupt; the other arguments are those of project_document."""
    version = find_version(record, raw_version)
    files = [_file(file, record, public_base) for file in record.files if file.version == version]
    return _document(record, version, metadata, public_base, "", files)


def metadata_source(record: Record, raw_version: str | None = None) -> File | None:
    """The file whose core metadata describes the release (None = the newest): a wheel before an sdist.

    An sdist's may be kept although it is not offered beside the file: to describe a release it is good enough.
    None when no file of it has any. Raises Absent, Refused, Corrupt.
    """
    version = _newest_version(record) if raw_version is None else find_version(record, raw_version)
    with_metadata = [f for f in record.files if f.version == version and (f.has_metadata or f.metadata_sha256)]
    return min(with_metadata, key=lambda f: (f.packagetype != "bdist_wheel", f.filename), default=None)


def find_version(record: Record, raw_version: str) -> str:
    """The record's spelling of a version a client asked for: exactly that, else an equal one (`1.0.0` is `1.0`).

    Raises Absent, Refused, Corrupt.
    """
    versions = _versions(record)
    if raw_version in versions:
        return raw_version
    wanted = version_key(raw_version)
    for version in versions:
        if version_key(version) == wanted:
            return version
    raise Absent(f"{record.name} has no such release")


def newest_version(files: Iterable[File]) -> str:
    """The version shown as the project's: not yanked before yanked, final before pre-release, then the highest.

    "" when no file has a version.
    """
    yanked: dict[str, bool] = {}
    for file in files:
        if file.version:
            yanked[file.version] = yanked.get(file.version, True) and file.yanked
    return max(yanked, key=lambda v: (not yanked[v], not _is_prerelease(v), version_key(v)), default="")


def _versions(record: Record) -> list[str]:
    """The record's versions in order. Raises Corrupt, and Refused while the project is quarantined."""
    if record.status == "quarantined":
        because = f": {record.status_reason}" if record.status_reason else ""
        raise Refused(f"{record.name} is in quarantine{because}")
    return versions_of(offered_files(record))


def _newest_version(record: Record) -> str:
    if not _versions(record):
        raise Absent(f"{record.name} has no releases")
    return newest_version(record.files)


def _is_prerelease(version: str) -> bool:
    parsed = version_key(version)[1]
    return False if isinstance(parsed, str) else parsed.is_prerelease


def _document(
    record: Record, version: str, metadata: Metadata | None, public_base: str, releases: str, urls: list[str]
) -> bytes:
    info = json.dumps(
        _info(record, version, metadata or {}, public_base), ensure_ascii=False, sort_keys=True, separators=(",", ":")
    )
    return to_bytes(
        f'{{"info":{info},"last_serial":{page_serial(record)},{releases}"urls":[{",".join(urls)}],"vulnerabilities":[]}}'
    )


def _info(record: Record, version: str, metadata: Metadata, public_base: str) -> dict[str, object]:
    files = [f for f in record.files if f.version == version]
    yanked = all(f.yanked for f in files)
    reasons = [f.yanked_reason for f in files if f.yanked_reason]
    requires = next((f.requires_python for f in files if f.requires_python), None)
    project_url = f"{public_base}/project/{record.name}/"
    return {
        **{name: _text(metadata.get(name)) for name in _TEXTS},
        **{name: _texts(metadata.get(name)) or None for name in _LISTS},
        "bugtrack_url": None,
        "classifiers": _texts(metadata.get("classifiers")),
        "description": _text(metadata.get("description")) or "",
        "docs_url": None,
        "downloads": _NO_COUNTS,
        "keywords": ",".join(_texts(metadata.get("keywords"))) or None,
        "name": record.display,
        "package_url": project_url,
        "platform": ",".join(_texts(metadata.get("platforms"))) or None,
        "project_url": project_url,
        "project_urls": _project_urls(metadata.get("project_urls")),
        "release_url": f"{project_url}{url_segment(version)}/",
        "requires_python": _text(metadata.get("requires_python")) or requires,
        "version": version,
        "yanked": yanked,
        "yanked_reason": (reasons[0] if reasons else None) if yanked else None,
    }


def _file(file: File, record: Record, public_base: str) -> str:
    """One file as JSON text: joined by hand as in simple_json, since a project's document has every file."""
    digests = {"blake2b_256": file.blake2b_256, "md5": file.md5, "sha256": file.sha256, **dict(file.hashes)}
    uploaded = format_time(file.upload_time) if file.upload_time else ""
    return (
        f'{{"comment_text":null,"digests":{{{_pairs(digests)}}},"downloads":-1,'
        f'"filename":{quoted(file.filename)},"has_sig":false,"md5_digest":{_or_null(file.md5)},'
        f'"packagetype":{quoted(file.packagetype)},"python_version":{_or_null(file.python_version)},'
        f'"requires_python":{_or_null(file.requires_python)},'
        f'"size":{"null" if file.size is None else file.size},'
        # The older form has neither zone nor fractions; it is UTC.
        f'"upload_time":{_or_null(uploaded[:19])},"upload_time_iso_8601":{_or_null(uploaded)},'
        f'"url":{quoted(public_base)[:-1]}/{file_path(file, record.name)}",'
        f'"yanked":{"true" if file.yanked else "false"},"yanked_reason":{_or_null(file.yanked_reason)}}}'
    )


def _pairs(texts: Mapping[str, str]) -> str:
    return ",".join([f"{quoted(name)}:{quoted(texts[name])}" for name in sorted(texts) if texts[name]])


def _or_null(text: str) -> str:
    return quoted(text) if text else "null"


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _texts(value: object) -> list[str]:
    """A list of texts from whatever a metadata parser gave: a list, one text, or nothing."""
    if isinstance(value, str):
        return [value] if value else []
    return [v for v in value if isinstance(v, str)] if isinstance(value, list | tuple) else []


def _project_urls(value: object) -> dict[str, str] | None:
    """Label to URL, from a mapping or from `Label, URL` lines."""
    if isinstance(value, Mapping):
        pairs: Iterable[tuple[Any, Any]] = value.items()
    else:
        pairs = ((label.strip(), url.strip()) for label, _, url in (line.partition(",") for line in _texts(value)))
    return {str(label): str(url) for label, url in pairs if url} or None
