"""The Simple API as HTML (PEP 503), a frozen view of the facts simple_json tells.

PEP 833 froze HTML at version 1.4: new features come to JSON only, and people parse these pages with regular
expressions, so the shape is pinned to the byte by a snapshot test. Do not tidy it. HTML cannot carry sizes,
upload times or versions.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from holdfast.core.model import File, Record
from holdfast.core.simple_json import (
    ListedProject,
    WriteFiles,
    extra_locations,
    file_url,
    offered_files,
    page_serial,
    provenance_url,
    to_bytes,
)

REPOSITORY_VERSION = "1.4"  # for ever (PEP 833)
_LIST_CHUNK_PROJECTS = 2000
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")

_HEAD = f"""<!DOCTYPE html>
<html lang="en">
  <head>
    <meta name="pypi:repository-version" content="{REPOSITORY_VERSION}">
"""


def file_anchors(files: Sequence[File], project: str, public_base: str) -> list[str]:
    """The line of each file. They stand in a page as they are, so that a writer may keep them for its next page."""
    # A project repeats a handful of these, and escaping is what takes time here.
    requires = {text: _escaped(text) for text in {file.requires_python for file in files}}
    return [_anchor(file, project, public_base, requires[file.requires_python]) for file in files]


def detail(record: Record, *, public_base: str, anchors: WriteFiles = file_anchors) -> bytes:
    """The project page; the arguments are those of simple_json.detail. Raises Corrupt."""
    title = f"Links for {_escaped(record.name)}"
    lines = anchors(offered_files(record), record.name, public_base)
    page = (
        f"{_HEAD}{''.join(_metas(record))}    <title>{title}</title>\n  </head>\n  <body>\n"
        f"    <h1>{title}</h1>\n{''.join(lines)}"
        f"  </body>\n</html>\n<!--SERIAL {page_serial(record)}-->\n"
    )
    return to_bytes(page)


def project_list(projects: Iterable[ListedProject], serial: int) -> bytes:
    """The list of all projects; see project_list_chunks."""
    return b"".join(project_list_chunks(projects, serial))


def project_list_chunks(projects: Iterable[ListedProject], serial: int) -> Iterator[bytes]:
    """The list of all projects in chunks of about 100 KB; quarantined ones are left out, as in JSON."""
    yield to_bytes(f"{_HEAD}    <title>Simple index</title>\n  </head>\n  <body>\n")
    lines: list[str] = []
    for project in projects:
        if project.status == "quarantined":
            continue
        text = project.display if project.display == project.name else _escaped(project.display)
        lines.append(f'    <a href="{project.name}/">{text}</a><br />\n')
        if len(lines) == _LIST_CHUNK_PROJECTS:
            yield to_bytes("".join(lines))
            lines = []
    yield to_bytes(f"{''.join(lines)}  </body>\n</html>\n<!--SERIAL {serial}-->\n")


def _metas(record: Record) -> Iterator[str]:
    yield _meta("project-status", record.status)
    if record.status_reason:
        yield _meta("project-status-reason", record.status_reason)
    for key in ("tracks", "alternate-locations"):
        for location in extra_locations(record, key):
            yield _meta(key, location)


def _meta(name: str, content: str) -> str:
    return f'    <meta name="pypi:{name}" content="{_escaped(content)}">\n'


def _anchor(file: File, project: str, public_base: str, escaped_requires: str) -> str:
    """One file. The attributes' order is part of the frozen shape; absent ones cost no call, pages are long."""
    name, url = file.filename, file_url(file, project)
    requires = f' data-requires-python="{escaped_requires}"' if escaped_requires else ""
    yanked = f' data-yanked="{_escaped(file.yanked_reason)}"' if file.yanked else ""
    metadata = ""
    if file.has_metadata:
        value = f"sha256={file.metadata_sha256}" if file.metadata_sha256 else "true"
        metadata = f' data-dist-info-metadata="{value}" data-core-metadata="{value}"'
    provenance = ""
    if file.provenance_sha256 or file.provenance_url:
        provenance = f' data-provenance="{_escaped(provenance_url(file, project, public_base))}"'
    fragment = f"#sha256={file.sha256}" if file.sha256 else _weaker_fragment(file)
    # A name that stands in its URL as it is has no character that HTML would need escaped.
    text = name if url.endswith(name) else _escaped(name)
    return f'    <a href="{url}{fragment}"{requires}{yanked}{metadata}{provenance}>{text}</a><br />\n'


def _weaker_fragment(file: File) -> str:
    """For an upstream file without sha256: the strongest digest its page gave."""
    known = dict(file.hashes)
    for algorithm in ("sha512", "sha384", "sha224", "sha1", "md5"):
        if algorithm in known:
            return f"#{algorithm}={_escaped(known[algorithm])}"
    return ""


def _escaped(text: str) -> str:
    """Text for an attribute or between tags. Control characters, which HTML forbids, become spaces."""
    return escape(_CONTROLS.sub(" ", text))
