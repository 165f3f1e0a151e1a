"""Descriptions: text of strangers in three markup languages, made into HTML that can do nothing but be read.

Runs in the helper process. readme_renderer renders and cleans; description_html.py then writes every tag anew from its
own, smaller list. Whatever fails, is too long or takes too long is shown as plain text: a page never fails for it.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from functools import lru_cache
from hashlib import sha256
from types import FrameType

from markupsafe import Markup

from holdfast.read.people.description_html import rewritten

RENDERED_CHARS_MAX = 400_000  # the longest descriptions known are half of it; comrak and docutils take a second for it
SHOWN_CHARS_MAX = 100_000  # of a description that is shown as plain text
RENDER_SECONDS_MAX = 4.0  # then as plain text; docutils with a table of ten thousand cells takes longer
ALARM_AGAIN_SECONDS = 0.05  # one alarm may be lost, see _within
HTML_CHARS_MAX = 2_000_000  # a few thousand fenced blocks, highlighted
KEPT = 64  # descriptions remembered, about 5 MB: a project's page is made again with every new file


@dataclass(frozen=True, slots=True)
class Description:
    """`html` is clean; else `text` is to be shown as it is, and `why` says why. Both empty: there is none."""

    html: Markup | None = None
    text: str = ""
    why: str = ""


class _TooSlow(BaseException):
    """The description takes too long. No Exception, so that no library's own handler takes it for its own trouble."""


def described(text: str, content_type: str, *, images: bool, seconds_max: float = RENDER_SECONDS_MAX) -> Description:
    """The description as the page shows it."""
    if not text.strip():
        return Description()
    return _described(
        sha256(text.encode("utf-8", "replace")).hexdigest(), _Text(text), content_type, images, seconds_max
    )


class _Text(str):
    """A text that counts as equal to any other: its digest stands beside it in the key."""

    __slots__ = ()

    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Text)


@lru_cache(KEPT)
def _described(_digest: str, text: _Text, content_type: str, images: bool, seconds_max: float) -> Description:
    kind, variant = _parsed(content_type)
    if len(text) > RENDERED_CHARS_MAX:
        cut = f"it has {len(text):,} characters: this is its beginning"
        return Description(text=str(text[:SHOWN_CHARS_MAX]), why=cut)
    if kind == "text/plain":
        return Description(text=str(text[:SHOWN_CHARS_MAX]))
    try:
        with _within(seconds_max):
            html = _renderer(kind, variant)(str(text))
            if html and len(html) <= HTML_CHARS_MAX:
                return Description(html=Markup(rewritten(html, images=images)))  # noqa: S704 -- every tag written anew
            why = "it does not follow the rules of its markup" if not html else "it grows too large"
    except _TooSlow:
        why = "it takes too long to render"
    except Exception:  # noqa: BLE001 - three libraries read what a stranger wrote
        why = "it cannot be rendered"
    return Description(text=str(text[:SHOWN_CHARS_MAX]), why=why)


def _parsed(content_type: str) -> tuple[str, str]:
    """(media type, Markdown variant); without one a description is reStructuredText, as the field has it."""
    message = Message()
    message["content-type"] = content_type or "text/x-rst"
    variant = message.get_param("variant", "GFM")
    return message.get_content_type(), variant if variant in ("GFM", "CommonMark") else "GFM"


def _renderer(kind: str, variant: str) -> Callable[[str], str | None]:
    if kind == "text/markdown":
        from readme_renderer import markdown

        return lambda text: markdown.render(text, variant=variant)
    from readme_renderer import rst

    return lambda text: rst.render(text)


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Raises _TooSlow in the body once the time is over. The helper does one thing at a time, in its main thread.

    The alarm repeats until the body has ended: what is raised in a garbage collector's callback or in a destructor is
    dropped by the interpreter, and a single alarm that fell there would leave the body without a limit.
    """
    late, running = False, True

    def ring(_number: int, _frame: FrameType | None) -> None:
        nonlocal late
        late = True
        if running:
            raise _TooSlow

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, ALARM_AGAIN_SECONDS)
    try:
        try:
            yield
        finally:
            running = False
    finally:  # of its own: an alarm may still raise on the way into the inner one
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    if late:
        raise _TooSlow
