"""A cleaned description written anew: only known tags and attributes, nothing that could pass for the page itself.

Headings go below the page's own, names (`id`) get a prefix, relative addresses lose their link, because they would lead
into this index, and pictures become links unless the operator lets them be loaded from elsewhere.
"""

import re
from html import escape
from html.parser import HTMLParser
from urllib.parse import urlsplit

PREFIX = "user-content-"
_HEADING_SHIFT = 1  # the page has the one <h1>
_VOID = frozenset({"br", "hr", "col"})
_TAGS = frozenset(
    "a abbr b blockquote br caption cite code col colgroup dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5"
    " h6 hr i kbd li ol p pre section span strong sub summary sup table tbody td th thead tr ul var".split()
)
_RENAMED = {"tt": "code", "acronym": "abbr", "aside": "div", "nav": "div", "section": "div", "picture": "span"}
_ATTRIBUTES = {
    "abbr": ("title",),
    "div": ("align",),
    "ol": ("start",),
    "p": ("align",),
    "td": ("align", "colspan", "rowspan"),
    "th": ("align",),
} | {f"h{level}": ("align",) for level in range(1, 7)}
_VALUES = {"align": re.compile(r"left|right|center|justify"), "title": re.compile(r".{1,200}")}
_NUMBER = re.compile(r"\d{1,5}")
_HIGHLIGHT = re.compile(r"[a-z]{1,2}[0-9a-z]?")  # pygments' short classes, which holdfast.css knows
_SCHEMES = ("http", "https", "mailto")


def rewritten(html: str, *, images: bool) -> str:
    """The description's HTML. `images`: https pictures stay pictures."""
    writer = _Writer(images)
    writer.feed(html)
    writer.close()
    return writer.text()


class _Writer(HTMLParser):
    """Writes what it reads, tag by tag, and closes what was left open."""

    def __init__(self, images: bool) -> None:
        super().__init__(convert_charrefs=True)
        self._images = images
        self._out: list[str] = []
        self._open: list[tuple[str, str, int]] = []  # tag as read, as written ("" = not at all), where in `_out`

    def text(self) -> str:
        while self._open:
            self._close(*self._open.pop()[1:])
        return "".join(self._out)

    def handle_data(self, data: str) -> None:
        self._out.append(escape(data, quote=False))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "img":
            self._picture(given)
        elif tag == "input":
            box = "checked" in given
            self._out.append(f'<span class="task" aria-hidden="true">{"☑" if box else "☐"}</span> ')
        elif tag in _VOID:
            self._out.append(f"<{tag}>")
        else:
            at = len(self._out)
            self._open.append((tag, self._begin(tag, given), at))

    def handle_endtag(self, tag: str) -> None:
        if all(read != tag for read, _, _ in self._open):
            return
        while True:
            read, written, at = self._open.pop()
            self._close(written, at)
            if read == tag:
                return

    def _close(self, written: str, at: int) -> None:
        if written == "a" and not "".join(self._out[at + 1 :]).strip():
            # A heading's own anchor: nothing to follow for who cannot see it, but a place that links lead to.
            id = re.search(r' id="[^"]*"', self._out[at])
            self._out[at:] = [f"<span{id[0]}></span>"] if id else []
        elif written == "table":
            self._out.append("</table></div>")
        elif written:
            self._out.append(f"</{written}>")

    def _begin(self, tag: str, given: dict[str, str]) -> str:
        """Write the start of an element; the tag it is written as, "" for none."""
        written = _RENAMED.get(tag, tag)
        if written not in _TAGS:
            return ""
        if len(written) == 2 and written[0] == "h" and written[1].isdigit():
            written = f"h{min(6, int(written[1]) + _HEADING_SHIFT)}"
        kept = self._kept(tag, written, given)
        if tag == "a" and not kept:
            return ""
        if written == "table":
            self._out.append('<div class="table" tabindex="0" role="region" aria-label="Table">')
        if written == "pre":
            kept.append('tabindex="0"')
        self._out.append(f"<{' '.join([written, *kept])}>")
        return written

    def _kept(self, tag: str, written: str, given: dict[str, str]) -> list[str]:
        kept = [f'id="{PREFIX}{escape(_name(given["id"]))}"'] if given.get("id") else []
        for name in _ATTRIBUTES.get(tag, ()):
            if name in given and _VALUES.get(name, _NUMBER).fullmatch(given[name]):
                kept.append(f'{name}="{escape(given[name])}"')
        if tag == "span" and _HIGHLIGHT.fullmatch(given.get("class", "")):
            kept.append(f'class="{given["class"]}"')
        if tag == "a" and (target := _target(given.get("href", ""))):
            kept.append(f'href="{escape(target)}"')
            if not target.startswith("#"):
                kept.append('rel="nofollow ugc"')
        return kept

    def _picture(self, given: dict[str, str]) -> None:
        source, alt = given.get("src", ""), given.get("alt", "").strip()
        address = _target(source)
        if address.startswith("#"):
            address = ""
        if self._images and address.startswith("https:"):
            sizes = [
                f' {name}="{given[name]}"' for name in ("width", "height") if _NUMBER.fullmatch(given.get(name, ""))
            ]
            shown = f'<img src="{escape(address)}" alt="{escape(alt)}" loading="lazy"{"".join(sizes)}>'
            self._out.append(shown)
            return
        label = (
            escape(alt or urlsplit(source).path.rpartition("/")[2][:40] if address or alt else "picture") or "picture"
        )
        is_linked = any(written == "a" for _, written, _ in self._open)
        if address and not is_linked:
            self._out.append(f'<a class="picture" href="{escape(address)}" rel="nofollow ugc">{label}</a>')
        else:
            self._out.append(f'<span class="picture">{label}</span>')


def _name(id: str) -> str:
    return re.sub(r"\s+", "-", id.removeprefix(PREFIX))[:200]


def _target(href: str) -> str:
    """The address of a link that may stay one; "" otherwise."""
    href = href.strip()
    if href.startswith("#"):
        return f"#{PREFIX}{_name(href[1:])}" if len(href) > 1 else ""
    try:
        parts = urlsplit(href)
    except ValueError:
        return ""
    if parts.scheme not in _SCHEMES or (parts.scheme != "mailto" and not parts.netloc):
        return ""
    return href
