"""What can be answered at once: finished answers by request path. No await, no I/O, no rendering.

`find` runs in the server's own thread while the event loop changes the table in another, so it only does single
dictionary lookups and reads immutable answers; whoever changes an answer replaces it.
"""

import json
from collections.abc import Callable, Container
from typing import TYPE_CHECKING

from holdfast.clock import Clock
from holdfast.core.logged_path import loggable
from holdfast.core.negotiation import Encoding, Media, choose, choose_encoding
from holdfast.wire.messages import Headers, Response
from holdfast.wire.tally import Tallies

if TYPE_CHECKING:
    from holdfast.read.hot_files import FileAnswer, HotFile

Variant = tuple[Media, Encoding]
VARIANTS_MAX = 2048  # pairs of raw Accept and Accept-Encoding remembered; clients send a few dozen


class Prepared:
    """One finished answer and its 304. `log` fragments end up in the access log as they are."""

    __slots__ = (
        "body",
        "etag",
        "headers",
        "length",
        "log",
        "log_unchanged",
        "status",
        "tally",
        "tally_unchanged",
        "unchanged",
    )

    def __init__(self, route: str, path: str, response: Response, tallies: Tallies) -> None:
        """`response` must have a bytes body. Its ETag, Cache-Control, Vary and the like are what a 304 repeats."""
        assert isinstance(response.body, bytes), response
        self.status = response.status
        self.headers = response.headers
        self.body = response.body
        self.length = len(response.body)
        self.etag = next((value for name, value in response.headers if name == "etag"), "")
        self.unchanged = unchanged_headers(response.headers)
        self.log = log_fragment("GET", path, response.status, self.length, "hot")
        self.log_unchanged = log_fragment("GET", path, 304, 0, "hot")
        self.count_in(route, tallies)

    def count_in(self, route: str, tallies: Tallies) -> None:
        """Count this answer there from now on."""
        self.tally = tallies.of(route, self.status, "hot")
        self.tally_unchanged = tallies.of(route, 304, "hot")


def unchanged_headers(headers: Headers) -> Headers:
    """What a 304 repeats of the 200 it stands for (RFC 9110 §15.4.5): nothing that describes the body."""
    return [field for field in headers if field[0] not in ("content-length", "content-type", "content-encoding")]


def log_fragment(method: str, path: str, status: int, length: int, cache: str) -> str:
    """The part of an access-log line that is the same for every request for one representation."""
    return log_end(log_start(method, path), status, length, cache)


def log_start(method: str, path: str) -> str:
    """What of it says who was asked for, for who answers one path with many lengths."""
    return f'"method":{json.dumps(method)},"path":{json.dumps(loggable(path))}'


def log_end(start: str, status: int, length: int, cache: str) -> str:
    """All of it, from what `log_start` made."""
    return f'{start},"status":{status},"bytes":{length},"cache":"{cache}"'


class HotEntry:
    """The finished answers of one path: by variant for pages, one (`only`) for files and absent names."""

    # Bits of `used`, set together by every answer: the page store takes back the one, read/usage.py the other.
    SPARED = 1  # not the next to leave memory
    NOTED = 2  # used since pull was last told

    __slots__ = ("file", "index", "only", "pulled", "sha256", "until", "used", "variants")

    def __init__(
        self, index: str, only: Prepared | None = None, sha256: str = "", file: "HotFile | None" = None
    ) -> None:
        self.index = index  # the private index whose reading rights apply; "" = anybody may read
        self.only = only
        self.sha256 = sha256  # of a file: looked up among the removed digests each time
        self.file = file  # of a file: one that leaves from the disk, or the parts of `only`
        self.variants: dict[Variant, Prepared] = {}
        self.until = 0.0  # monotonic seconds after which somebody must look at the answer's age; 0 = for good
        self.pulled: tuple[str, str, str] | None = None  # which object of `pulled/` it is made from (read/usage.py)
        self.used = 3


class HotTable:
    """Paths to entries. Whoever fills it (pages, files) also bounds and empties it."""

    def __init__(self, may_read: Callable[[str, str | None], bool], clock: Clock) -> None:
        """`may_read(index, authorization)` must answer from memory; False sends the request the slow way."""
        self.entries: dict[str, HotEntry] = {}
        self.removed: Container[str] = frozenset()
        self._may_read = may_read
        self._monotonic = clock.monotonic
        self._variants: dict[tuple[str | None, str | None], Variant] = {}

    def find(self, path: str, get: Callable[[str], str | None]) -> tuple[Prepared, bool] | None:
        """The answer to a GET without query, and whether it is a 304; None when it takes more than a look."""
        entry = self.entries.get(path)
        if entry is None or (entry.until and self._monotonic() > entry.until):
            return None
        prepared = entry.only
        if prepared is None:
            if entry.file is not None:
                return None
            variant = self._variants.get((get("accept"), get("accept-encoding")))
            if variant is None:
                return None
            prepared = entry.variants.get(variant)
            if prepared is None:
                return None
        elif entry.sha256 and (get("range") or entry.sha256 in self.removed):
            return None
        if entry.index and not self._may_read(entry.index, get("authorization")):
            return None
        entry.used = 3
        tag = get("if-none-match")
        if tag is not None and prepared.etag:
            return (prepared, True) if tag == prepared.etag else None
        return prepared, False

    def find_file(self, path: str, get: Callable[[str], str | None]) -> "FileAnswer | None":
        """As `find`, of a file that is at hand on the disk, or of a part of one in memory."""
        entry = self.entries.get(path)
        if entry is None or entry.file is None or entry.sha256 in self.removed:
            return None
        if entry.until and self._monotonic() > entry.until:
            return None
        if entry.index and not self._may_read(entry.index, get("authorization")):
            return None
        entry.used = 3
        return entry.file.answer(get)

    def variant(self, accept: str | None, accept_encoding: str | None) -> Variant:
        """What these headers ask for, remembered for `find`."""
        key = (accept, accept_encoding)
        found = self._variants.get(key)
        if found is None:
            found = (choose(accept), choose_encoding(accept_encoding))
            if len(self._variants) >= VARIANTS_MAX:
                self._variants = {}
            if len(accept or "") + len(accept_encoding or "") < 2048:
                self._variants[key] = found
        return found
