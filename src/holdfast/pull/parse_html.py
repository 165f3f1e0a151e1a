"""Project pages in HTML (PEP 503, with attributes of PEP 592, 658, 714 and 740, and metas of PEP 629, 708 and 792)."""

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

from holdfast.core.errors import Unavailable
from holdfast.core.filenames import project_candidates
from holdfast.core.model import File
from holdfast.core.names import is_filename, is_project_name, normalize
from holdfast.pull.listed import (
    TEXT_CHARS_MAX,
    Files,
    Page,
    absolute,
    check_api_version,
    extras_of,
    listed_file,
    status_of,
    text_of,
)

_EXTENSIONS = tuple(
    ".whl .tar.gz .zip .tgz .tar.bz2 .tar.xz .tar.z .tar .tbz .egg .exe .msi .rpm .deb .dmg".split()
)  # what indexes list, or listed in the past
LOCATIONS_MAX = 100  # of each kind
_HEADING = re.compile(r"links\s+for\s+(\S+)", re.IGNORECASE)


def html_page(body: bytes, url: str, name: str) -> Page:
    """An anchor is a file when the last segment of its URL, or its text, is a distribution's filename.

    A page without any file of this project's name counts only when it says that it is a Simple API page: it carries
    the repository version (PEP 629) or the customary heading with this project's name. Anything else may be a
    maintenance page with status 200, or a parked domain that offers a `setup.exe`.
    """
    parser = _Anchors()
    # Without what follows the last tag: the standard parser looks through that again for each `<` in it (60 KB of
    # unfinished tags took 44 s).
    try:
        parser.feed(body[: body.rfind(b">") + 1].decode("utf-8", "replace"))
        parser.close()
    except AssertionError:  # how the standard parser says no to marked sections such as `<![x`
        raise Unavailable(f"the upstream answered for {name} with HTML that cannot be read") from None
    check_api_version(parser.metas.get("pypi:repository-version"), name)
    base = absolute(url, parser.base) or url
    found = Files()
    for attributes, text in parser.anchors:
        found.add(_html_file(attributes, text.strip(), base, name))
    files = found.files()
    is_named = any(name in project_candidates(file.filename) for file in files)
    if not is_named and not (_says_what_it_is(parser, name) and (files or not parser.anchors)):
        raise Unavailable(f"the upstream answered for {name} with an HTML page that is no project page")
    status, reason = status_of(
        {
            "status": parser.metas.get("pypi:project-status"),
            "reason": parser.metas.get("pypi:project-status-reason", ""),
        }
    )
    extras = extras_of({key: parser.locations[f"pypi:{key}"] for key in ("alternate-locations", "tracks")})
    return Page(display=name, files=files, skipped=found.skipped, status=status, status_reason=reason, extras=extras)


def _says_what_it_is(parser: "_Anchors", name: str) -> bool:
    heading = _HEADING.search(parser.heading)
    named = heading is not None and is_project_name(heading[1]) and normalize(heading[1]) == name
    return named or "pypi:repository-version" in parser.metas


def _html_file(attributes: Mapping[str, str], text: str, base: str, project: str) -> File | None:
    href = attributes.get("href", "").strip()
    link, _, fragment = href.partition("#")
    address = absolute(base, link)
    filename = unquote(urlsplit(address).path.rpartition("/")[2])
    if not _is_distribution(filename):
        filename = text
    if not href or not _is_distribution(filename):
        return None
    hashes = dict(_pairs(fragment))
    metadata = attributes.get("data-core-metadata", attributes.get("data-dist-info-metadata"))
    metadata = None if metadata == "false" else metadata
    return listed_file(
        filename,
        project,
        address,
        hashes,
        requires_python=text_of(attributes.get("data-requires-python", "").strip()),
        yanked="data-yanked" in attributes,
        yanked_reason=text_of(attributes.get("data-yanked", "").strip()),
        has_metadata=metadata is not None,
        metadata_sha256=dict(_pairs(metadata or "")).get("sha256", ""),
        provenance_url=text_of(attributes.get("data-provenance", "")),
    )


def _is_distribution(filename: str) -> bool:
    return is_filename(filename) and filename.lower().endswith(_EXTENSIONS)


def _pairs(text: str) -> list[tuple[str, str]]:
    """`sha256=...&md5=...` as pairs in lower case."""
    cut = [part.partition("=") for part in text.split("&")]
    return [(key.strip().lower(), value.strip().lower()) for key, _, value in cut]


class _Anchors(HTMLParser):
    """Collects anchors with their text, the base, the metas and the words of title and first headings."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.anchors: list[tuple[dict[str, str], str]] = []
        self.base = ""
        self.metas: dict[str, str] = {}
        self.locations: dict[str, list[str]] = {"pypi:alternate-locations": [], "pypi:tracks": []}
        self.heading = ""
        self._open: dict[str, str] | None = None
        self._text: list[str] = []
        self._in_heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {key: value or "" for key, value in attrs}
        if tag == "a":
            self._end_anchor()
            self._open = attributes
        elif tag == "base" and not self.base:
            self.base = attributes.get("href", "")
        elif tag == "meta" and "name" in attributes:
            name, content = attributes["name"].lower(), attributes.get("content", "")
            self.metas.setdefault(name, content)
            if name in self.locations and len(self.locations[name]) < LOCATIONS_MAX:
                self.locations[name].append(content)
        elif tag in ("title", "h1"):
            self._in_heading = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._end_anchor()
        elif tag in ("title", "h1"):
            self._in_heading = False
            self.heading += " "

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self._text.append(data)
        elif self._in_heading and len(self.heading) < TEXT_CHARS_MAX:
            self.heading += data

    def close(self) -> None:
        super().close()
        self._end_anchor()

    def _end_anchor(self) -> None:
        if self._open is not None:
            self.anchors.append((self._open, "".join(self._text)))
        self._open = None
        self._text = []
