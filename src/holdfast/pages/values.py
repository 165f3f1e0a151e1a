"""What every template is given. No template engine is loaded for these: a front makes them and has a helper render."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

NoticeKind = Literal["info", "good", "warning", "danger"]


@dataclass(frozen=True, slots=True)
class Site:
    """Where this instance is: the one source of addresses on a page."""

    url: str  # absolute, without a trailing slash, from configuration

    @property
    def root(self) -> str:
        """The path every link starts with; ends in a slash."""
        return urlsplit(self.url).path.rstrip("/") + "/"

    @property
    def host(self) -> str:
        """What people call it."""
        return urlsplit(self.url).netloc.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something everybody is told on top of every page."""

    text: str
    kind: NoticeKind = "warning"


def sentence(detail: str) -> str:
    """A problem's detail as a page tells it. What begins with a filename or an address keeps its spelling."""
    first = detail.partition(" ")[0]
    begun = detail[:1].upper() + detail[1:] if first.isalpha() else detail
    return begun if not begun or begun.endswith((".", "!", "?")) else f"{begun}."
