"""Is a page valid HTML: parsed as the standard says, without a parse error, and every element where it may stand.

html5lib judges the syntax; what an element may contain, where it may stand and which attributes it has is the tables
below, from the HTML Living Standard's "Content model" and "Content attributes" of each element, as far as pages here,
and descriptions let through onto them, have such elements: an element that is in no table is a fault, too.
"""

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

import html5lib

PHRASING = frozenset(
    "a abbr b bdi bdo br button cite code data datalist del dfn em i img input ins kbd label mark meter output picture "
    "noscript progress q s samp script select small span strong sub sup template textarea time u var wbr svg".split()
)
HEADINGS = frozenset("h1 h2 h3 h4 h5 h6".split())
FLOW = (
    PHRASING
    | HEADINGS
    | frozenset(
        "address article aside blockquote details dialog div dl fieldset figure footer form header hgroup hr main menu "
        "nav ol p pre search section table ul".split()
    )
)
HEAD = frozenset("title meta link script base".split())
TRANSPARENT = frozenset("a ins del".split())
INTERACTIVE = frozenset("a button details input label select textarea".split())
CHILDREN = {
    "html": frozenset({"head", "body"}),
    "head": HEAD,
    **dict.fromkeys("title br wbr hr img input meta link base col textarea option script".split(), frozenset[str]()),
    **dict.fromkeys(
        "p pre span strong em b i u s small code kbd samp var sub sup cite q abbr dfn time data mark bdi bdo label "
        "button output".split(),
        PHRASING,
    ),
    **dict.fromkeys(HEADINGS, PHRASING),
    "summary": PHRASING | HEADINGS,
    "legend": PHRASING | HEADINGS,
    "ul": frozenset({"li", "script", "template"}),
    "ol": frozenset({"li", "script", "template"}),
    "dl": frozenset({"dt", "dd", "div", "script", "template"}),
    "table": frozenset("caption colgroup thead tbody tfoot tr".split()),
    "colgroup": frozenset({"col"}),
    **dict.fromkeys(("thead", "tbody", "tfoot"), frozenset({"tr"})),
    "tr": frozenset({"td", "th"}),
    "select": frozenset({"option", "optgroup", "hr"}),
    "optgroup": frozenset({"option"}),
    "details": FLOW | {"summary"},
    "noscript": FLOW,  # read as by a browser without script
    "fieldset": FLOW | {"legend"},
    "figure": FLOW | {"figcaption"},
    **dict.fromkeys(
        "body main section article aside nav header footer div li dt dd td th caption blockquote form figcaption "
        "address search".split(),
        FLOW,
    ),
}
NEVER_WITHIN = {  # element: what it may not have above it
    **dict.fromkeys(INTERACTIVE, ("a", "button")),
    "label": ("a", "button", "label"),
    "main": ("article", "aside", "footer", "header", "nav"),
    "header": ("header", "footer", "address", "dt", "th"),
    "footer": ("header", "footer", "address", "dt", "th"),
    "form": ("form",),
    **dict.fromkeys(HEADINGS, ("dt", "th", "address")),
    "table": ("caption",),
}
FIRST = {"summary": "details", "legend": "fieldset", "caption": "table"}  # child: the parent whose first it is
NAMELESS = frozenset("abbr b caption code del em i ins kbd mark p s samp small span strong sub sup time u var".split())
GLOBAL = frozenset(
    "accesskey autocapitalize autocorrect autofocus class dir enterkeyhint hidden id inert inputmode lang popover role "
    "spellcheck tabindex title translate".split()
)
OWN = {
    "a": "href target download rel hreflang type referrerpolicy",
    "button": "disabled form formaction formmethod name type value popovertarget",
    "blockquote": "cite",
    "details": "name open",
    "fieldset": "disabled form name",
    "form": "accept-charset action autocomplete enctype method name novalidate rel target",
    "html": "",
    "img": "alt src srcset sizes width height loading decoding referrerpolicy crossorigin",
    "input": "accept autocomplete checked disabled form list max maxlength min minlength multiple name pattern "
    "placeholder readonly required size step type value",
    "label": "for",
    "li": "value",
    "link": "href rel as media hreflang type sizes title integrity crossorigin referrerpolicy",
    "meta": "charset content http-equiv name media",
    "ol": "reversed start type",
    "optgroup": "disabled label",
    "option": "disabled label selected value",
    "output": "for form name",
    "script": "src type defer async nomodule crossorigin integrity",
    "select": "autocomplete disabled form multiple name required size",
    "td": "colspan rowspan headers",
    "textarea": "autocomplete cols disabled form maxlength minlength name placeholder readonly required rows wrap",
    "th": "colspan rowspan headers scope abbr",
    "time": "datetime",
    "col": "span",
}
TEXT_INPUTS = frozenset(("text", "search", "url", "tel", "email", "password", ""))
LABELABLE = frozenset("button input meter output progress select textarea".split())
_DATE = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d))?")
_UNFIT_IN_URL = re.compile(r"[\s<>\"\\^`{|}]")


def faults(page: bytes) -> list[str]:
    """What is wrong with the page, a sentence each; without any, it is valid."""
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    document: Element = parser.parse(page, transport_encoding="utf-8")
    found = [f"line {line}: {code} {facts or ''}" for (line, _), code, facts in parser.errors]
    labels = [one for one in document.iter("label") if one.get("for")]
    by_id = {one.get("id"): one for one in document.iter() if isinstance(one.tag, str) and one.get("id")}
    for label in labels:
        target = by_id.get(label.get("for"))
        if target is None or target.tag not in LABELABLE or target.get("type") == "hidden":
            found.append(f"a label is for {label.get('for')}, which takes none")
    return found + list(_judge(document, ()))


def _judge(element: Element, above: tuple[Element, ...]) -> Iterator[str]:
    tag = element.tag
    if tag not in CHILDREN and tag not in TRANSPARENT:
        yield f"<{tag}> is in no table of these tests"
        return
    yield from _attributes(element)
    names = [one.tag for one in above]
    forbidden = [one for one in NEVER_WITHIN.get(tag, ()) if one in names]
    if forbidden and element.get("type") != "hidden":
        yield f"<{tag}> stands inside <{forbidden[0]}>"
    model = _model(element, above)
    for number, child in enumerate(element):
        if not isinstance(child.tag, str):
            continue  # a comment
        allowed = child.tag in model or (child.tag == "div" and tag == "div" and "dl" in names[-1:])
        if not allowed:
            yield f"<{child.tag}> stands in <{tag}> ({_told(child)})"
        if FIRST.get(child.tag) == tag and number != 0:
            yield f"<{child.tag}> is not the first of its <{tag}>"
        yield from _judge(child, (*above, element))
    if tag in ("ul", "ol", "dl", "table", "thead", "tbody", "tr", "select") and (element.text or "").strip():
        yield f"text stands in <{tag}>: {element.text!r}"
    if tag == "details" and (len(element) == 0 or element[0].tag != "summary"):
        yield "a <details> has no <summary>"


def _model(element: Element, above: tuple[Element, ...]) -> frozenset[str]:
    """What may stand in it."""
    if element.tag in TRANSPARENT:
        holder = next((one for one in reversed(above) if one.tag not in TRANSPARENT), None)
        return CHILDREN[holder.tag] - {"a"} if holder is not None else FLOW
    if element.tag == "div" and above and above[-1].tag == "dl":
        return frozenset({"dt", "dd", "script", "template"})
    return CHILDREN[element.tag]


def _attributes(element: Element) -> Iterator[str]:
    tag, given = element.tag, element.attrib
    for name, value in given.items():
        if not (name in GLOBAL or name.startswith(("data-", "aria-")) or name in OWN.get(tag, "").split()):
            yield f"<{tag}> has no attribute {name} ({_told(element)})"
        if name in ("href", "src", "action") and _UNFIT_IN_URL.search(value):
            yield f"{name} is no address: {value!r}"
        if name == "id" and (not value or re.search(r"\s", value)):
            yield f"an id is {value!r}"
    has_name = "aria-label" in given or "aria-labelledby" in given
    if has_name and "role" not in given and (tag in NAMELESS or tag == "div"):
        yield f"<{tag}> without a role cannot have a name ({_told(element)})"
    if tag == "img" and not ("src" in given and "alt" in given):
        yield "an <img> lacks src or alt"
    if tag == "time" and not _DATE.fullmatch(given.get("datetime", "")):
        yield f"<time> has the moment {given.get('datetime')!r}"
    if tag == "input" and given.get("type", "") not in TEXT_INPUTS:
        wrong = {"maxlength", "minlength", "pattern", "placeholder", "size"} & set(given)
        if wrong and given.get("type") != "number":
            yield f"<input type={given.get('type')}> has no {sorted(wrong)}"
    if tag == "script" and "src" not in given:
        yield "a <script> has no src"


def _told(element: Element) -> str:
    return " ".join([element.tag, *(f'{name}="{value[:40]}"' for name, value in element.attrib.items())])
