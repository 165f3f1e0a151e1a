"""What a front hands to the helper that makes pages, and what comes back: plain values that travel."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from holdfast.core.negotiation import Encoding
from holdfast.pages.values import Notice, Site
from holdfast.read.people.snippets import Place
from holdfast.read.render import Job


@dataclass(frozen=True, slots=True)
class Frame:
    """What every page needs: where it is, for whom it is encoded, what everybody is told."""

    site: Site
    root: str  # the path of the index's own root, ends in a slash
    place: Place
    index: str  # "" for the default one
    encoding: Encoding
    now: datetime
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one of a project's records comes from. `upstream` "" = hosted here."""

    upstream: str = ""
    seen: datetime | None = None  # when the upstream last gave its page


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the front has to read before a project's page can be made."""

    version: str  # the release that is shown; "" when there is none
    side: int = 0  # which of the records lists the file
    filename: str = ""  # of the file whose core metadata describes the release; "" when no file has any
    sha256: str = ""
    metadata_sha256: str = ""
    provenance: tuple[str, ...] = ()  # digests of provenance documents kept here


@dataclass(frozen=True, slots=True)
class ProjectJob:
    """A project's page. `jobs` are its records, the upper one first, each with the rules it is judged by."""

    frame: Frame
    name: str
    asked_version: str
    jobs: tuple[Job, ...]
    origins: tuple[Origin, ...]
    metadata: bytes | None = None
    trouble: str = ""  # why there is no metadata although there should be
    provenance: tuple[bytes, ...] = ()
    images: bool = False  # pictures of descriptions may be loaded from elsewhere


@dataclass(frozen=True, slots=True)
class FeedJob:
    """The feed of a project's releases. `jobs` as of its page."""

    frame: Frame
    jobs: tuple[Job, ...]
    format: Literal["rss", "atom"]
    own_url: str


@dataclass(frozen=True, slots=True)
class PlainJob:
    """A page that is all template: its context is ready."""

    frame: Frame
    template: str
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Painted:
    """A finished page."""

    body: bytes  # encoded
    tag: str  # of the page before it was encoded
    valid_until: datetime | None = None  # it has to be made again by then


@dataclass(frozen=True, slots=True)
class Brief:
    """A project in a list. `metadata_sha256` is where its summary is to be found."""

    name: str
    display: str
    status: str = "active"
    version: str = ""
    uploaded: datetime | None = None
    summary: str = ""
    metadata_sha256: str = ""
    role: str = ""  # of the person whose page it is
