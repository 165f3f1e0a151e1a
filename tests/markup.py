"""A strict reader of HTML pages: is a page valid (conformance.py), and what does it say to whom."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

import conformance

VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
LANDMARKS = ("header", "main", "nav", "footer", "aside")


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    children: "list[Element]" = field(default_factory=list)
    text: str = ""  # its own, and that of everything in it

    def all(self, tag: str = "") -> "list[Element]":
        """Every element of that tag below this one, in order."""
        found = []
        for child in self.children:
            if not tag or child.tag == tag:
                found.append(child)
            found.extend(child.all(tag))
        return found

    def get(self, name: str) -> str:
        return self.attributes.get(name) or ""


class Markup(HTMLParser):
    """The document as a tree; `faults` are sentences about what is wrong with it."""

    def __init__(self, page: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.root = Element("", {})
        self._open = [self.root]
        self.feed(page.decode())
        self.close()
        self.faults += [f"<{element.tag}> is never closed" for element in self._open[1:]]
        self.faults += conformance.faults(page)
        self._judge()

    def all(self, tag: str = "") -> list[Element]:
        return self.root.all(tag)

    def addresses(self) -> list[str]:
        """Every href and src of the page."""
        told = [element.get(name) for element in self.all() for name in ("href", "src", "action")]
        return [address for address in told if address]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            self.faults.append(f"<{tag}> has an attribute twice: {names}")
        if tag != "wbr":
            self.handle_data(" ")
        element = Element(tag, dict(attrs))
        self._open[-1].children.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        if self._open[-1].tag != tag:
            self.faults.append(f"</{tag}> closes <{self._open[-1].tag}>")
            return
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def _judge(self) -> None:
        """What every page of ours owes to who reads it, who hears it, and to the security policy."""
        every = self.all()
        ids = [element.get("id") for element in every if element.get("id")]
        self.faults += [f"the id {id} is there twice" for id in sorted({one for one in ids if ids.count(one) > 1})]
        headings = [int(element.tag[1]) for element in every if element.tag in ("h1", "h2", "h3", "h4", "h5", "h6")]
        if headings.count(1) != 1:
            self.faults.append(f"it has {headings.count(1)} main headings")
        for landmark in ("header", "main", "footer"):
            if len(self.all(landmark)) != 1:
                self.faults.append(f"it has {len(self.all(landmark))} <{landmark}>")
        labelled = {element.get("for") for element in self.all("label")}
        for element in every:
            self._judge_one(element, ids, labelled)
        if not self.all("html") or not self.all("html")[0].get("lang"):
            self.faults.append("it does not say its language")

    def _judge_one(self, element: Element, ids: list[str], labelled: set[str]) -> None:
        given = element.attributes
        is_field = element.tag in ("input", "select", "textarea") and element.get("type") not in ("hidden", "submit")
        if is_field and element.get("id") not in labelled and "aria-label" not in given:
            self.faults.append(f"the field {element.get('name')} has no label")
        if element.tag == "img" and "alt" not in given:
            self.faults.append("a picture has no alternative text")
        if element.tag == "nav" and not ("aria-label" in given or "aria-labelledby" in given):
            self.faults.append("a <nav> has no name")
        if element.tag in ("a", "button") and not (element.text.strip() or "aria-label" in given):
            self.faults.append(f"<{element.tag}> {given} says nothing")
        if element.tag == "style" or (element.tag == "script" and not given.get("src")):
            self.faults.append(f"an inline <{element.tag}>")
        self.faults += [f"inline {name}" for name in given if name == "style" or name.startswith("on")]
        for name in ("aria-labelledby", "aria-describedby"):
            self.faults += [f"{name} leads to {id}" for id in element.get(name).split() if id not in ids]
        address = element.get("href") or element.get("src")
        if address.startswith("#") and address[1:] not in (*ids, "main") and not address.startswith("#user-content-"):
            self.faults.append(f"a link leads to {address}, which is not there")
        if address.partition(":")[0].lower() in ("javascript", "data", "vbscript"):
            self.faults.append(f"an address is a program: {address}")
