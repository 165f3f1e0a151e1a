"""A cleaned description written anew: only known tags and attributes, nothing that could pass for the page itself.

Headings go below the page's own, names (`id`) get a prefix, relative addresses lose their link, because they would lead
into this index, and pictures become links unless the operator lets them be loaded from elsewhere. Every element stands
where the HTML standard lets it stand, so that no description makes its page invalid: lists get the items they lack, and
what may hold words alone ends where a block begins.
"""

import re
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser
from urllib.parse import urlsplit

from holdfast.read.people.links import encoded

PREFIX = "user-content-"
_HEADING_SHIFT = 1  # the page has the one <h1>
_VOID = frozenset({"br", "hr", "col"})
_TAGS = frozenset(
    "a abbr b blockquote br caption cite code col colgroup dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5"
    " h6 hr i kbd li ol p pre section span strong sub summary sup table tbody td th thead tr ul var".split()
)
_RENAMED = {"tt": "code", "acronym": "abbr", "aside": "div", "nav": "div", "section": "div", "picture": "span"}
_WORDS = frozenset("a abbr b br cite code del em i kbd span strong sub sup var".split())  # stand in a line of text
_HOLDS_WORDS = (_WORDS - {"a"}) | frozenset("p pre summary h1 h2 h3 h4 h5 h6".split())
_ITEMS = {"ul": "li", "ol": "li", "dl": "dd"}  # what stands in them directly, and is put around what is not that
_HOLDERS = {"li": ("ul", "ol"), "dt": ("dl",), "dd": ("dl",), "figcaption": ("figure",)}  # elsewhere: a <div>
_TABLE_PARTS = frozenset("caption col colgroup tbody td th thead tr".split())
_SUMMARY = "<summary>Details</summary>"
_ATTRIBUTES = {
    "abbr": ("title",),
    "ol": ("start",),
    "td": ("colspan", "rowspan"),
}
_ALIGNED = frozenset("div p td th h1 h2 h3 h4 h5 h6".split())
_ALIGNMENT = re.compile(r"left|right|center|justify")
_VALUES = {"title": re.compile(r".{1,200}")}
_NUMBER = re.compile(r"\d{1,5}")
_HIGHLIGHT = re.compile(r"[a-z]{1,2}[0-9a-z]?")  # pygments' short classes, which holdfast.css knows
_SCHEMES = ("http", "https", "mailto")


def rewritten(html: str, *, images: bool) -> str:
    """The description's HTML. `images`: https pictures stay pictures."""
    writer = _Writer(images)
    writer.feed(html)
    writer.close()
    return writer.text()


@dataclass(slots=True)
class _Open:
    """An element that is open."""

    read: str  # the tag as read, "" for one that was put in
    written: str  # "" = not at all
    at: int  # where in the output it begins
    is_empty: bool = True


class _Writer(HTMLParser):
    """Writes what it reads, tag by tag, and closes what was left open."""

    def __init__(self, images: bool) -> None:
        super().__init__(convert_charrefs=True)
        self._images = images
        self._out: list[str] = []
        self._open: list[_Open] = []
        self._ids: set[str] = set()

    def text(self) -> str:
        while self._open:
            self._close(self._open.pop())
        return "".join(self._out)

    def handle_data(self, data: str) -> None:
        if data.strip():
            self._settle("span")
        self._out.append(escape(data, quote=False))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "img":
            self._settle("span")
            self._picture(given)
        elif tag == "input":
            self._settle("span")
            box = "checked" in given
            self._out.append(f'<span class="task" aria-hidden="true">{"☑" if box else "☐"}</span> ')
        elif tag in _VOID:
            self._settle(tag)
            self._out.append(f"<{tag}>")
        else:
            self._begin(tag, given)

    def handle_endtag(self, tag: str) -> None:
        if all(one.read != tag for one in self._open):
            return
        while True:
            found = self._open.pop()
            self._close(found)
            if found.read == tag:
                return

    def _close(self, ended: _Open) -> None:
        written, at = ended.written, ended.at
        if written == "a" and not "".join(self._out[at + 1 :]).strip():
            # A heading's own anchor: nothing to follow for who cannot see it, but a place that links lead to.
            id = re.search(r' id="[^"]*"', self._out[at])
            self._out[at:] = [f"<span{id[0]}></span>"] if id else []
        elif written == "table":
            self._out.append("</table></div>")
        elif written == "details" and ended.is_empty:
            self._out.append(f"{_SUMMARY}</details>")
        elif written in _ITEMS and ended.is_empty:
            self._out[at] = ""
        elif written:
            self._out.append(f"</{written}>")

    def _begin(self, tag: str, given: dict[str, str]) -> None:
        """Write the start of an element, as far as it may stand here."""
        written = self._fitting(_RENAMED.get(tag, tag))
        kept = self._kept(tag, written, given) if written else []
        if not written or (tag == "a" and not kept):
            self._open.append(_Open(tag, "", len(self._out)))
            return
        self._settle(written)
        at = len(self._out)
        if written == "table":
            self._out.append('<div class="table" tabindex="0" role="region" aria-label="Table">')
        if written == "pre":
            kept.append('tabindex="0"')
        self._out.append(f"<{' '.join([written, *kept])}>")
        self._open.append(_Open(tag, written, at))

    def _fitting(self, tag: str) -> str:
        """What an element is written as in this place, "" for not at all."""
        here, above = self._here(), {one.written for one in self._open}
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            tag = f"h{min(6, int(tag[1]) + _HEADING_SHIFT)}"
            return "strong" if above & {"dt", "th"} else tag
        if tag not in _TAGS or (tag in _TABLE_PARTS and "table" not in above):
            return ""
        if (tag in ("a", "details") and "a" in above) or (tag == "table" and "caption" in above):
            return ""
        if tag == "summary" and not (here is not None and here.written == "details" and here.is_empty):
            return "" if "summary" in above else "div"
        if tag in _HOLDERS and not any(one.written in _HOLDERS[tag] for one in self._open):
            return "div"
        return tag

    def _settle(self, tag: str) -> None:
        """Make the place one where such an element may stand: end what holds words alone, put in what is missing."""
        if tag not in _WORDS and any(one.written in _HOLDS_WORDS for one in self._open):
            self._end_words(keeps_summary=re.fullmatch("h[1-6]", tag) is not None)
        here = self._here()
        if here is not None and tag in ("li", "dt", "dd") and here.read == "" and here.written in ("li", "dd"):
            self._close(self._open.pop())
            here = self._here()
        if here is None:
            return
        if here.written == "details" and here.is_empty and tag != "summary":
            self._out.append(_SUMMARY)
        item = _ITEMS.get(here.written, "")
        here.is_empty = False
        if item and tag not in (("dt", "dd") if item == "dd" else ("li",)):
            self._open.append(_Open("", item, len(self._out), is_empty=False))
            self._out.append(f"<{item}>")

    def _end_words(self, *, keeps_summary: bool) -> None:
        """End every element that holds words alone, and what is open in it; their own end is then nothing."""
        first = next(
            (
                n
                for n, one in enumerate(self._open)
                if one.written in _HOLDS_WORDS - ({"summary"} if keeps_summary else set())
            ),
            len(self._open),
        )
        for ended in reversed(self._open[first:]):
            self._close(ended)
            ended.written = ""

    def _here(self) -> _Open | None:
        """The innermost element that was written."""
        return next((one for one in reversed(self._open) if one.written), None)

    def _kept(self, tag: str, written: str, given: dict[str, str]) -> list[str]:
        kept = []
        id = _name(given.get("id", ""))
        if id and id not in self._ids:
            self._ids.add(id)
            kept.append(f'id="{PREFIX}{escape(id)}"')
        for name in _ATTRIBUTES.get(tag, ()):
            if name in given and _VALUES.get(name, _NUMBER).fullmatch(given[name]):
                kept.append(f'{name}="{escape(given[name])}"')
        if written in _ALIGNED and _ALIGNMENT.fullmatch(given.get("align", "")):
            kept.append(f'class="to-{given["align"]}"')
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
        is_linked = any(one.written == "a" for one in self._open)
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
    return encoded(href)
