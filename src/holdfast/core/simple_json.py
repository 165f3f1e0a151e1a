"""The Simple API as JSON, version 1.4: the product; HTML is a view of the same facts.

PEP 691 (JSON), 700 (versions, size, upload-time), 592 (yanked), 658/714 (core metadata), 740 (provenance),
792 (project status). PEP 708 was rejected: its fields are passed through from upstreams, never made here.
Pure functions of their arguments: equal records give equal bytes, keys sorted, compact. Text is joined by hand
because the standard library's encoder needs four times as long for a 2,000-file page.
"""

import hashlib
import json
import re
from binascii import unhexlify
from collections.abc import Callable, Iterable, Iterator, Sequence
from json.encoder import encode_basestring as quoted
from typing import NamedTuple
from urllib.parse import quote

from holdfast.core.errors import Corrupt
from holdfast.core.model import File, Record, Status, format_time

API_VERSION = "1.4"
_RENDERER = "1"  # raise whenever the bytes of any page change for an unchanged record (JSON or HTML)
_LIST_CHUNK_PROJECTS = 2000  # about 100 KB of JSON: large enough to compress well, small enough to hold

WriteFiles = Callable[[Sequence[File], str, str], list[str]]  # of files, project and public base: a text for each

_PLAIN_IN_URL = re.compile(r"[A-Za-z0-9._~-]+")


class ListedProject(NamedTuple):
    """One line of the project list. Callers give them in the order of their normalised names."""

    name: str  # normalised
    display: str
    serial: int
    status: Status = "active"


def renderer(public_base: str) -> str:
    """What a page's bytes depend on besides its record: the part of a cache key that goes with the digest."""
    return f"{_RENDERER}-{hashlib.sha256(public_base.encode()).hexdigest()[:8]}"


def file_entries(files: Sequence[File], project: str, public_base: str) -> list[str]:
    """The entry of each file. They stand in a page as they are, so that a writer may keep them for its next page."""
    return [_file(file, project, public_base) for file in files]


def detail(record: Record, *, public_base: str, entries: WriteFiles = file_entries) -> bytes:
    """The project page. Raises Corrupt.

    `public_base` is the absolute URL of the index's root, without a trailing slash. `entries` answers what
    `file_entries` does.
    A quarantined project keeps its page and its status but offers no versions and no files (PEP 792).
    """
    files = offered_files(record)
    tracks = extra_locations(record, "tracks")
    meta_tracks = f',"tracks":{_list(tracks)}' if tracks else ""
    alternates = extra_locations(record, "alternate-locations")
    head = f'"alternate-locations":{_list(alternates)},' if alternates else ""
    reason = f'"reason":{quoted(record.status_reason)},' if record.status_reason else ""
    page = (
        f'{{{head}"files":[{",".join(entries(files, record.name, public_base))}],'
        f'"meta":{{"_last-serial":{page_serial(record)},"api-version":"{API_VERSION}"{meta_tracks}}},'
        f'"name":{quoted(record.name)},'
        f'"project-status":{{{reason}"status":"{record.status}"}},'
        f'"versions":{_list(versions_of(files))}}}'
    )
    return to_bytes(page)


def project_list(projects: Iterable[ListedProject], serial: int) -> bytes:
    """The list of all projects; see project_list_chunks."""
    return b"".join(project_list_chunks(projects, serial))


def project_list_chunks(projects: Iterable[ListedProject], serial: int) -> Iterator[bytes]:
    """The list of all projects in chunks of about 100 KB, for indexes with hundreds of thousands of names.

    Quarantined projects are left out; names are display names, as the public index gives them.
    """
    yield to_bytes(f'{{"meta":{{"_last-serial":{serial},"api-version":"{API_VERSION}"}},"projects":[')
    lines: list[str] = []
    comma = ""
    for project in projects:
        if project.status == "quarantined":
            continue
        lines.append(f'{{"_last-serial":{project.serial},"name":{quoted(project.display)}}}')
        if len(lines) == _LIST_CHUNK_PROJECTS:
            yield to_bytes(comma + ",".join(lines))
            lines, comma = [], ","
    yield to_bytes((comma + ",".join(lines) if lines else "") + "]}")


def offered_files(record: Record) -> tuple[File, ...]:
    """The files a page may show: none while the project is quarantined. Raises Corrupt.

    All digests are held to be hex in one cheap pass, so that the renderers need not escape them one by one.
    """
    if record.status == "quarantined":
        return ()
    try:
        unhexlify("".join([f.sha256 for f in record.files]))
        unhexlify("".join([f.metadata_sha256 for f in record.files]))
    except ValueError as error:
        raise Corrupt(f"the record of {record.name} has a digest that is not hex") from error
    return record.files


def versions_of(files: Iterable[File]) -> list[str]:
    """The unique known versions of these files, in the files' own order: a record's is PEP 440's (PEP 700)."""
    return list(dict.fromkeys([f.version for f in files if f.version]))


def page_serial(record: Record) -> int:
    """`_last-serial` and `X-PyPI-Last-Serial`: the project's own, else its upstream's, else 0."""
    return record.serial or record.upstream_serial or 0


def file_path(file: File, project: str) -> str:
    """Where an index serves the file, below its root, percent-encoded and without a leading slash."""
    name = url_segment(file.filename)
    digest = file.sha256
    if not digest:
        return f"packages/-/{project}/{name}"
    return f"packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{name}"


def file_url(file: File, project: str) -> str:
    """The file's link on a project page: relative to `<root>/simple/<project>/`, so it survives every mount."""
    return "../../" + file_path(file, project)


def url_segment(text: str) -> str:
    """Percent-encode one path segment. `+` is encoded too: some servers and stores read it as a space."""
    return text if _PLAIN_IN_URL.fullmatch(text) else quote(text, safe="", errors="replace")


def provenance_url(file: File, project: str, public_base: str) -> str:
    """The absolute URL of the file's provenance (PEP 740), an upstream's own passed through; "" = none."""
    if file.provenance_sha256:
        name = url_segment(file.filename)
        return f"{public_base}/integrity/{project}/{url_segment(file.version)}/{name}/provenance"
    return file.provenance_url


def extra_locations(record: Record, key: str) -> list[str]:
    """A PEP 708 field an upstream gave, if it is what it should be: a list of URLs. Anything else is no field."""
    text = dict(record.upstream_extras).get(key)
    if text is None:
        return []
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return found if isinstance(found, list) and all(isinstance(u, str) for u in found) else []


def to_bytes(text: str) -> bytes:
    """UTF-8 that every strict decoder accepts: a lone surrogate in somebody's text must not break a page."""
    return text.encode("utf-8", "replace")


def _list(texts: Iterable[str]) -> str:
    return f"[{','.join(map(quoted, texts))}]"


def _file(file: File, project: str, public_base: str) -> str:
    """One file. Absent fields cost no call, pages are long."""
    metadata = "false"
    if file.has_metadata:
        metadata = f'{{"sha256":"{file.metadata_sha256}"}}' if file.metadata_sha256 else "true"
    hashes = f'{{"sha256":"{file.sha256}"}}' if file.sha256 else _weaker_hashes(file)
    provenance = "null"
    if file.provenance_sha256 or file.provenance_url:
        provenance = quoted(provenance_url(file, project, public_base))
    requires = quoted(file.requires_python) if file.requires_python else "null"
    size = f'"size":{file.size},' if file.size is not None else ""
    uploaded = f'"upload-time":"{format_time(file.upload_time)}",' if file.upload_time else ""
    yanked = "false"
    if file.yanked:
        yanked = quoted(file.yanked_reason) if file.yanked_reason else "true"
    return (
        # The second spelling is the public index's early mistake, which uv and pdm still read.
        f'{{"core-metadata":{metadata},"data-dist-info-metadata":{metadata},'
        f'"filename":{quoted(file.filename)},"hashes":{hashes},"provenance":{provenance},'
        f'"requires-python":{requires},{size}{uploaded}'
        f'"url":"{file_url(file, project)}","yanked":{yanked}}}'
    )


def _weaker_hashes(file: File) -> str:
    """For an upstream file without sha256: whatever digests its page gave."""
    return f"{{{','.join(f'{quoted(algorithm)}:{quoted(value)}' for algorithm, value in sorted(file.hashes))}}}"
