"""Where the pages for people are: from the segments of a path to the page that lives there. Pure.

Pages of an index lie at its root, beside `simple/`; those of the instance as a whole at the default index's only.
"""

from dataclasses import dataclass
from typing import Literal

from holdfast.config import DEFAULT_INDEX
from holdfast.core.names import is_project_name, normalize
from holdfast.core.simple_json import url_segment

Kind = Literal["home", "project", "search", "browse", "set-up", "indexes", "user", "org"]
Feed = Literal["updates", "packages", "releases"]  # newest releases, newest projects, releases of one project
FeedFormat = Literal["rss", "atom"]
VERSION_CHARS_MAX = 200
PERSON_CHARS_MAX = 150  # of a person's or an organisation's name
_FORMATS: dict[str, FeedFormat] = {".xml": "rss", ".atom": "atom"}


@dataclass(frozen=True, slots=True)
class Page:
    """One page. `index` is whose rights and whose content it has."""

    index: str
    kind: Kind
    name: str = ""  # a normalised project name; a person's or an organisation's
    version: str = ""  # as written


@dataclass(frozen=True, slots=True)
class FeedRoute:
    """A feed, at the addresses the public index has; the same with `.atom` in place of `.xml` is an Atom feed."""

    index: str
    what: Feed
    format: FeedFormat
    name: str = ""  # a normalised project name, of its releases


@dataclass(frozen=True, slots=True)
class AssetRoute:
    """A style, script or picture of the pages: for everybody, of any release."""

    name: str


def page_at(index: str, parts: list[str]) -> Page | FeedRoute | AssetRoute | str | None:
    """What lies there: a page, a feed, an asset, the relative address of the one that is meant, or nothing."""
    match parts:
        case [""]:
            return Page(index, "home")
        case ["search" | "browse" | "set-up" as kind]:
            return f"{kind}/"
        case ["search", ""]:
            return Page(index, "search")
        case ["browse", ""]:
            return Page(index, "browse")
        case ["rss", *rest]:
            return _feed(index, rest)
        case ["set-up", ""]:
            return Page(index, "set-up")
        case ["project", raw] | ["project", raw, ""]:
            return _project(index, raw, "", "../" * (len(parts) - 2))
        case ["project", raw, version] | ["project", raw, version, ""]:
            return _project(index, raw, version, "../" * (len(parts) - 2))
    return _of_the_instance(parts) if index == DEFAULT_INDEX else None


def _of_the_instance(parts: list[str]) -> Page | AssetRoute | str | None:
    match parts:
        case ["indexes"]:
            return "indexes/"
        case ["indexes", ""]:
            return Page(DEFAULT_INDEX, "indexes")
        case ["user" | "org", name] if _is_person(name):
            return f"{url_segment(name)}/"
        case ["user", name, ""] if _is_person(name):
            return Page(DEFAULT_INDEX, "user", name)
        case ["org", name, ""] if _is_person(name):
            return Page(DEFAULT_INDEX, "org", name)
        case ["assets", name]:
            return AssetRoute(name)
    return None


def _feed(index: str, rest: list[str]) -> FeedRoute | str | None:
    stem, dot, ending = rest[-1].partition(".") if rest else ("", "", "")
    format = _FORMATS.get(dot + ending)
    match [*rest[:-1], stem]:
        case ["updates" | "packages" as what] if format is not None:
            return FeedRoute(index, what, format)
        case ["project", raw, "releases"] if format is not None and is_project_name(raw):
            name = normalize(raw)
            return FeedRoute(index, "releases", format, name) if name == raw else f"../{name}/{rest[-1]}"
    return None


def _project(index: str, raw: str, version: str, up: str) -> Page | str | None:
    if not is_project_name(raw) or len(version) > VERSION_CHARS_MAX:
        return None
    name = normalize(raw)
    is_whole = up == "../" * (2 if version else 1)
    if name == raw and is_whole:
        return Page(index, "project", name, version)
    return f"{up}{name}/{url_segment(version)}/" if version else f"{up}{name}/"


def _is_person(name: str) -> bool:
    return 0 < len(name) <= PERSON_CHARS_MAX and name.isprintable()
