"""The URL space: from a decoded path to the route that owns it. A pure function; nothing here knows any content.

An index is one subtree; the default index's root is `/`. What no route owns is `NotFound`. A spelling that is nearly
right is a `Moved` with its one canonical address, relative, so that no answer depends on Host and no hop leads to
another hop. `@<date>` before `simple/` and `packages/` is the same index as of that date (as_of.py), `@preview/<token>`
the index with one staged release (previews.py).
"""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlsplit

from holdfast.config import DEFAULT_INDEX, Config
from holdfast.core import preview_token
from holdfast.core.names import is_filename, is_project_name, is_sha256, normalize
from holdfast.core.page_paths import is_control_page
from holdfast.core.simple_json import url_segment
from holdfast.read.as_of import SPELLING, parse_moment
from holdfast.read.people.addresses import AssetRoute, FeedRoute, Page, page_at

METADATA_SUFFIX = ".metadata"


@dataclass(frozen=True, slots=True)
class Moved:
    """The canonical address, relative to the one asked."""

    location: str
    index: str | None = field(default=None, compare=False)  # whose rights come first


@dataclass(frozen=True, slots=True)
class SimpleList:
    index: str
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class SimpleDetail:
    index: str
    name: str  # normalised
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class FileRoute:
    """A file by its digest, or its core metadata."""

    index: str
    sha256: str
    filename: str
    metadata: bool
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class UnhashedFile:
    """A file of an upstream that gives no sha256."""

    index: str
    project: str
    filename: str
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class LegacyJson:
    """The legacy JSON document of a project, or of one release when `version` is not empty."""

    index: str
    name: str
    version: str  # as written


@dataclass(frozen=True, slots=True)
class ProvenanceRoute:
    """The provenance document of a file (PEP 740), at the address the public index's integrity API has."""

    index: str
    name: str
    version: str  # as written
    filename: str


@dataclass(frozen=True, slots=True)
class PreviewRoute:
    """An address below a preview of a staged release; `inner` is the route it would be of the index itself."""

    index: str
    token: str = field(repr=False)
    inner: "Route"


@dataclass(frozen=True, slots=True)
class Forwarded:
    """Control's: uploads and the management API."""

    index: str


@dataclass(frozen=True, slots=True)
class ForwardedPage:
    """Control's pages: accounts, management, operators; and who the visitor is, for scripts of public pages."""


@dataclass(frozen=True, slots=True)
class Own:
    """The process's own addresses: healthz, readyz, metrics, upstreams."""

    what: str


@dataclass(frozen=True, slots=True)
class NotFound:
    reason: str
    index: str | None = None  # the index whose rights decide whether that may be told
    for_people: bool = False  # no program has any business there: whoever asks followed a link, or typed


LABELS: dict[type, str] = {  # how metrics call the routes
    Moved: "moved",
    SimpleList: "list",
    SimpleDetail: "simple",
    FileRoute: "file",
    UnhashedFile: "file",
    LegacyJson: "legacy-json",
    ProvenanceRoute: "provenance",
    PreviewRoute: "preview",
    Forwarded: "forwarded",
    ForwardedPage: "page",
    Own: "own",
    Page: "people",
    FeedRoute: "feed",
    AssetRoute: "asset",
    NotFound: "unknown",
}


Route = (
    Moved | SimpleList | SimpleDetail | FileRoute | UnhashedFile | LegacyJson | ProvenanceRoute | PreviewRoute
    | Forwarded | ForwardedPage | Own | Page | FeedRoute | AssetRoute | NotFound
)  # fmt: skip

_OWN = {"/healthz": "healthz", "/readyz": "readyz", "/metrics": "metrics", "/upstreams": "upstreams"}
_OIDC = re.compile(r"/_/oidc/([a-z0-9-]{1,64}/)?(audience|mint-token)|/_/oidc/burn-token|/\.well-known/pytp")
_NOTHING_HERE = "there is nothing at this address"
_NOT_IN_VIEWS = "a view as of a date has simple/ and packages/ only, and takes no uploads"


class Routes:
    """Knows the index names and the path prefix of the public URL."""

    def __init__(self, indexes: tuple[str, ...], default: str, prefix: str, *, publishing: bool = False) -> None:
        """`prefix` is the public URL's path, without a trailing slash; "" for none.

        Without trusted `publishing` its addresses are nobody's: uv asks for them on each publish, and no costs nothing.
        """
        self._publishing = publishing
        self._indexes = frozenset(indexes) - {default}
        self._default = default
        self._prefix = prefix

    def find(self, path: str) -> Route:
        """The route of a decoded path, with or without the public prefix: proxies may strip it or not."""
        if self._prefix and (path == self._prefix or path.startswith(self._prefix + "/")):
            path = path[len(self._prefix) :] or "/"
        if path in _OWN:
            return Own(_OWN[path])
        if is_control_page(path) and "\x00" not in path:
            return ForwardedPage()
        if self._publishing and _OIDC.fullmatch(path):
            return Forwarded(self._default)
        if path.startswith("/_/") or "\x00" in path or not path.startswith("/"):
            return NotFound(_NOTHING_HERE)
        if path.startswith("/api/") or path == "/api":
            return Forwarded(self._default)
        parts = path[1:].split("/")
        index = self._default
        if parts[0] in self._indexes:
            if len(parts) == 1:
                return Moved(f"{parts[0]}/", parts[0])
            index, parts = parts[0], parts[1:]
        if parts[0] == preview_token.SEGMENT:
            return _in_preview(index, parts[1:])
        if parts[0].startswith("@"):
            return _in_view(index, parts[0][1:], parts[1:])
        return _in_index(index, parts)


def _in_preview(index: str, parts: list[str]) -> Route:
    """What lies below `@preview/<token>`: links and redirects are relative, so they stay there."""
    if len(parts) < 2 or not preview_token.is_token(parts[0]) or parts[1] not in ("simple", "packages"):
        return NotFound(_NOTHING_HERE, index)
    inner = _in_index(index, parts[1:])
    return inner if isinstance(inner, NotFound) else PreviewRoute(index, parts[0], inner)


def routes_of(config: Config) -> Routes:
    """The routes of a configured instance."""
    names, prefix = tuple(index.name for index in config.indexes), urlsplit(config.public_url).path.rstrip("/")
    return Routes(names, DEFAULT_INDEX, prefix, publishing=bool(config.providers))


def _in_view(index: str, date: str, parts: list[str]) -> Route:
    """What lies below `@<date>`: links and redirects are relative, so they stay there."""
    as_of = parse_moment(date)
    if as_of is None:
        return NotFound(f"{date[:40]!r} is no date: {SPELLING}", index)
    if parts[:1] not in (["simple"], ["packages"]):
        return NotFound(_NOT_IN_VIEWS, index)
    route = _in_index(index, parts)
    if isinstance(route, SimpleList | SimpleDetail | FileRoute | UnhashedFile):
        return replace(route, as_of=as_of)
    return route


def _in_index(index: str, parts: list[str]) -> Route:
    match parts:
        case ["simple"]:
            return Moved("simple/", index)
        case ["simple", ""]:
            return SimpleList(index)
        case ["simple", raw] | ["simple", raw, ""]:
            return _detail(index, raw, "" if len(parts) == 2 else "../")
        case ["pypi", raw, "json"] | ["pypi", raw, "json", ""]:
            return _legacy(index, raw, "", len(parts) - 2)
        case ["pypi", raw, version, "json"] | ["pypi", raw, version, "json", ""]:
            return _legacy(index, raw, version, len(parts) - 2)
        case ["packages", "-", project, filename]:
            return _unhashed(index, project, filename)
        case ["packages", first, second, rest, filename]:
            return _file(index, first + second + rest, filename, well_cut=len(first) == len(second) == 2)
        case ["integrity", raw, version, filename, "provenance"]:
            return _provenance(index, raw, version, filename)
        case ["legacy"] | ["legacy", ""]:
            return Forwarded(index)
        case ["legacy", "+simple", raw] | ["legacy", "+simple", raw, ""]:
            # hatch asks here, devpi's shape, which files exist before it uploads.
            return SimpleDetail(index, normalize(raw)) if is_project_name(raw) else _no_name(index)
    found = page_at(index, parts)
    if isinstance(found, str):
        return Moved(found, index)
    return found or NotFound(_NOTHING_HERE, index, for_people=True)


def told_as_page(route: Route, accept: str | None) -> Page | None:
    """The page in whose frame an error there is told; None where programs ask, which expect a problem document.

    Browsers name XHTML among what they accept; installers do not, and get what they always got.
    """
    if isinstance(route, Page):
        return route
    if "application/xhtml+xml" not in (accept or ""):
        return None
    if isinstance(route, SimpleList | SimpleDetail | FileRoute | UnhashedFile | FeedRoute):
        return Page(route.index, "home")  # people follow links to files and to the Simple API, too
    if isinstance(route, NotFound) and route.for_people and route.index:
        return Page(route.index, "home")
    return Page(DEFAULT_INDEX, "home") if route == Own("upstreams") else None


def _detail(index: str, raw: str, up: str) -> Route:
    if not is_project_name(raw):
        return _no_name(index)
    name = normalize(raw)
    if name == raw and up:
        return SimpleDetail(index, name)
    return Moved(f"{up}{name}/", index)


def _legacy(index: str, raw: str, version: str, depth: int) -> Route:
    """`depth` is how many segments follow `pypi/<raw>`'s own, to walk back in a relative redirect."""
    if not is_project_name(raw) or len(version) > 200 or "/" in version:
        return _no_name(index)
    name = normalize(raw)
    if name != raw:
        tail = f"{url_segment(version)}/json" if version else "json"
        return Moved("../" * depth + f"{name}/{tail}", index)
    return LegacyJson(index, name, version)


def _file(index: str, digest: str, filename: str, *, well_cut: bool) -> Route:
    metadata = filename.endswith(METADATA_SUFFIX)
    filename = filename.removesuffix(METADATA_SUFFIX)
    if not well_cut or not is_sha256(digest) or not is_filename(filename):
        return NotFound(_NOTHING_HERE, index)
    return FileRoute(index, digest, filename, metadata)


def _unhashed(index: str, raw: str, filename: str) -> Route:
    if not is_project_name(raw) or normalize(raw) != raw or not is_filename(filename):
        return NotFound(_NOTHING_HERE, index)
    return UnhashedFile(index, raw, filename)


def _provenance(index: str, raw: str, version: str, filename: str) -> Route:
    if not is_project_name(raw):
        return _no_name(index)
    if not version or len(version) > 200 or not is_filename(filename):
        return NotFound(_NOTHING_HERE, index)
    name = normalize(raw)
    if name != raw:
        return Moved(f"../../../{name}/{url_segment(version)}/{url_segment(filename)}/provenance", index)
    return ProvenanceRoute(index, name, version, filename)


def _no_name(index: str) -> NotFound:
    return NotFound("that is not a project name", index)
