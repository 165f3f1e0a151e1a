"""What a row of the failure table stands on: an index under test, its upstream, and the fault proxy between them."""

import gzip
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import urljoin

from holdfast.drill.corpus import Upstream, Wheel, wheel
from holdfast.drill.faults import NO_FAULT, UPSTREAM_MODES, Fault
from holdfast.drill.proxy import FaultProxy
from holdfast.drill.rig import Answer, fetch

FRESHNESS_SECONDS = 1.0  # what every subject is set to: older pages ask the upstream again
SETTLED_SECONDS_MAX = 5.0  # after the row before: how fast it recovers is a row of its own
GIVEN_UP_SECONDS = 25.0  # how long a row waits for an answer
HUNG = 200
SEEN_VERSIONS = ("1.0", "2.0", "3.0")
FILLED = {"wrong": 300_000, "short": 300_000, "crowded": 2_000_000, "left": 3_000_000}  # projects, bytes of their file
JSON = "application/vnd.pypi.simple.v1+json"
_LINK = re.compile(r'<a\s[^>]*?href="([^"]*)"[^>]*>([^<]*)</a>', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Subject:
    """An index under test. `hosted` is a page that needs no upstream: of a project it holds itself, else a kept one."""

    name: str
    simple: str  # its Simple API over the upstream, with a trailing slash
    hosted: str  # "" = it can have no such page


@dataclass(frozen=True, slots=True)
class Cell:
    """How one row went: what was seen in a few words, and whether installs would have gone on.

    `is_late`: a figure alone was missed; what was answered was right.
    """

    good: bool
    text: str
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A project page as an installer reads it."""

    status: int
    files: dict[str, str] = field(default_factory=dict)  # filename -> absolute URL
    seconds: float = 0.0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Stage:
    """A subject, the upstream it pulls from, and the proxy between them."""

    subject: Subject
    upstream: Upstream
    proxy: FaultProxy
    seen: dict[str, tuple[Page, float]] = field(default_factory=dict)  # pages given once, and when (monotonic)

    def add(self, project: str, *versions: str, filler_bytes: int = 0) -> list[Wheel]:
        """Have releases of a project on the upstream; `prepare` has put most there before the subject started."""
        return _put(self.upstream, project, *versions, filler_bytes=filler_bytes)

    def page(self, project: str, encoding: str = "identity") -> Page:
        """Ask the subject for a page as pip does."""
        headers = {"Accept": f"{JSON}, text/html;q=0.1", "Accept-Encoding": encoding}
        return page_of(
            fetch(f"{self.subject.simple}{project}/", timeout=GIVEN_UP_SECONDS, headers=headers), self, project
        )

    def warm(self, project: str, *versions: str) -> Page:
        """A page that the subject has given once and that has grown old since."""
        self.see(project, *versions)
        page, at = self.seen[project]
        time.sleep(max(0.0, at + FRESHNESS_SECONDS * 1.3 - time.monotonic()))
        return page

    def see(self, project: str, *versions: str) -> None:
        """Ask for a page once, if nobody has, so that it can grow old while other rows are played."""
        if project not in self.seen:
            self.add(project, *(versions or SEEN_VERSIONS))
            self.seen[project] = self.settled(project), time.monotonic()

    def settled(self, project: str) -> Page:
        """A page as the subject gives it when all is well; for some seconds it may still suffer from the row before."""
        since = time.monotonic()
        while not (page := self.page(project)).files and time.monotonic() - since < SETTLED_SECONDS_MAX:
            time.sleep(0.1)
        return page

    @contextmanager
    def fault(self, fault: Fault) -> Iterator[None]:
        """The upstream fails like this inside the block."""
        self.proxy.set(fault)
        try:
            yield
        finally:
            self.proxy.set(NO_FAULT)


def prepare(upstream: Upstream) -> None:
    """Put every row's projects there: an index that remembers the upstream's project list must not miss them."""
    for mode in (*UPSTREAM_MODES, "empty"):
        _put(upstream, f"seen-{mode}", *SEEN_VERSIONS)
        _put(upstream, f"unseen-{mode}", "1.0")
        _put(upstream, f"back-{mode}", "1.0")
    for name in ("broken", *(f"fine-{n}" for n in range(6)), *(f"far-{n}" for n in range(HUNG)), "many", "awake"):
        _put(upstream, name, "1.0")
    _put(upstream, "serial", "1.0", "2.0")
    for name, size in FILLED.items():
        _put(upstream, name, "1.0", filler_bytes=size)


def _put(upstream: Upstream, project: str, *versions: str, filler_bytes: int = 0) -> list[Wheel]:
    made = [wheel(project, version, filler_bytes=filler_bytes) for version in versions]
    for one in made:
        if upstream.answer(f"/files/{one.filename}") is None:
            upstream.add(one)
    return made


def page_of(answer: Answer, stage: Stage, project: str) -> Page:
    """Read an answer as an installer would."""
    body = gzip.decompress(answer.body) if answer.headers.get("content-encoding") == "gzip" else answer.body
    base = f"{stage.subject.simple}{project}/"
    files: dict[str, str] = {}
    if answer.status == 200 and "json" in answer.headers.get("content-type", ""):
        files = {found["filename"]: urljoin(base, found["url"]) for found in json.loads(body)["files"]}
    elif answer.status == 200:
        for href, text in _LINK.findall(body.decode(errors="replace")):
            files[text.strip()] = urljoin(base, unescape(href).partition("#")[0])
    return Page(answer.status, files, answer.seconds, len(answer.body))
