"""Hostile text in everything a project says of itself, and what of a page came out of it, read as a browser reads.

Every payload that could become an element is `<pwn-x>`, every handler and address has `pwn` in it, and no template or
stylesheet of ours has: what bears that name in a parsed page came out of text.
"""

import json
from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from xml.etree import ElementTree

import html5lib
import msgspec
from asgi import Answer
from read.catalogued import catalogued
from read.site import Site, path_of

from holdfast.core.model import Role
from holdfast.tree.overrides import change
from holdfast.tree.person import Part, Person, put_person
from holdfast.tree.switches import new_switch

EVIL = (
    "\"'></textarea></title></option></script>]]><pwn-x data-pwn onclick=pwn() style=pwn>{{ 7*7 }}&lt;pwn-y&gt;\u202e"
)
ADDRESSES = (
    "javascript:pwn()",
    "JaVaScRiPt:pwn()//https://x.example/",
    "java\tscript:pwn()",
    " javascript:pwn()",
    "\x01javascript:pwn()",
    "data:text/html,<pwn-x>",
    "vbscript:pwn()",
    "blob:https://x.example/pwn",
    "file:///pwn",
    'https://x.example/"onmouseover=pwn() x="',
    "https://x.example/'><pwn-x>",
    "https://user:pwn@x.example/",
    "//x.example/pwn",
    "https:///pwn",
    "https://[pwn",
    "\\\\x.example\\pwn",
    "https://x.example/#javascript:pwn()",
)
MARKDOWN = (
    "<script>pwn()</script><img src=x onerror=pwn()><svg onload=pwn()><pwn-x onclick=pwn()>x</pwn-x>",
    "<scr<script>ipt>pwn()</scr</script>ipt><img src=`x`onerror=pwn()><body onload=pwn()><base href=//pwn.example>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=pwn()&gt;'>",
    "<svg><style><img src=x onerror=pwn()></style></svg><noscript><p title='</noscript><img src=x onerror=pwn()>'>",
    "<a href='java&#9;script:pwn()'>a</a><a href='&#106;avascript:pwn()'>b</a><a href='\x01javascript:pwn()'>c</a>",
    "<a href='data:text/html;base64,cHdu'>pwn</a><form action=//pwn.example><button formaction=javascript:pwn()>x",
    "<iframe srcdoc='<script>pwn()</script>'></iframe><object data=//pwn.example></object><embed src=//pwn.example>",
    "<style>*{background:url(//pwn.example)}</style><link rel=stylesheet href=//pwn.example>",
    "<p style='x:url(//pwn.example)'>",
    "<meta http-equiv=refresh content='0;url=//pwn.example'><p id=main class=pwn name=pwn>x</p><a id=location>x</a>",
    "[a](javascript:pwn()) [b](<java\tscript:pwn()>) [c](data:text/html,pwn) ![d](javascript:pwn()) <javascript:pwn()>",
    '[a](https://x.example/"onmouseover=pwn()) ![b](x"onerror=pwn()) [c]: javascript:pwn()\n\n[c] [d][c]',
    "`<pwn-x>` ```<pwn-x>\n```html \" onclick=pwn()\n<pwn-x>\n```\n\n",
    "| <pwn-x> |\n|---|\n| <b onclick=pwn()>x |",
    "<details open ontoggle=pwn()><summary>x</summary></details>",
    "<video src=x onerror=pwn()><audio autoplay onplay=pwn()>",
    "&lt;pwn-x&gt; &#x3c;pwn-x&#x3e; \\<pwn-x> {{ 7*7 }} {% raw %} </main></body></html><pwn-x>",
)  # fmt: skip
RST = (
    ".. raw:: html\n\n   <pwn-x onclick=pwn()>\n\n`a <javascript:pwn()>`_ `b`__\n\n__ javascript:pwn()\n",
    ".. image:: javascript:pwn()\n   :target: javascript:pwn()\n   :alt: \"><pwn-x>\n   :class: pwn\n",
    ".. role:: pwn(raw)\n   :format: html\n\n:pwn:`<pwn-x>`\n\n.. include:: /etc/passwd\n\n",
    ".. csv-table::\n   :file: /etc/passwd\n",
    ".. code-block:: html\n   :class: \"><pwn-x>\n\n   <pwn-x>\n\n",
    ".. |x| replace:: <pwn-x>\n\n|x| <pwn-x> ``<pwn-x>``\n",
)  # fmt: skip
FIELDS = (
    "Summary Author Author-email Maintainer Maintainer-email License License-Expression Keywords Platform Classifier "
    "Requires-Dist Requires-Python Requires-External Obsoletes-Dist Provides-Extra Provides-Dist Dynamic License-File "
    "Import-Name Supported-Platform"
).split()
TYPES = ("text/markdown", "text/markdown; variant=CommonMark", "text/plain", "text/x-rst", EVIL)
NAME = "demo"


def fill(site: Site) -> list[str]:
    """A project for every payload, its people and what operators say; every public address of all of it."""
    facts = [f"{field}: {EVIL}\n" for field in FIELDS]
    links = [f"Home-page: {ADDRESSES[0]}\nDownload-URL: {ADDRESSES[9]}\n"]
    links += [f"Project-URL: {EVIL[:20]}{number},{one}\n" for number, one in enumerate(ADDRESSES)]
    files = [site.wheel(NAME, "1.0", told="".join(facts + links))]
    said = {"yanked": True, "yanked_reason": EVIL, "requires_python": EVIL}
    files.append(site.wheel(NAME, "2.0", told="".join(facts + links), **said))
    told = {"display": EVIL, "roles": (Role("eve", "owner"), Role(EVIL, "maintainer")), "organisation": "guild"}
    site.publish(NAME, *files, status="deprecated", status_reason=EVIL, **told)
    site.publish("held", status="quarantined", status_reason=EVIL, display=EVIL)
    names = [NAME, "held", *_described(site)]
    put_person(site.store, "user", Person("eve", EVIL, (Part("main", NAME, EVIL),)), site.serial)
    put_person(site.store, "org", Person("guild", EVIL, (Part("main", NAME, "holder"),)), site.serial)
    _say_it_everywhere(site)
    catalogued(site)
    return list(_addresses(names)) + [path_of(file, metadata=True) for file in files]


def _described(site: Site) -> Iterator[str]:
    """One project for each description."""
    rst, markdown = TYPES[3], TYPES[0]
    texts = [(markdown, text) for text in MARKDOWN] + [(rst, text) for text in RST]
    texts += [(kind, "\n\n".join(MARKDOWN + RST)) for kind in TYPES]
    for number, (kind, text) in enumerate(texts):
        name = f"text-{number}"
        site.publish(name, site.wheel(name, told=f"Summary: {EVIL}\nDescription-Content-Type: {kind}\n\n{text}"))
        yield name


def _say_it_everywhere(site: Site) -> None:
    """A banner, as another hand may have left it."""
    now = site.clock.now()
    ends = now + timedelta(hours=1)
    off = new_switch("uploads", scope="*", reason="x", status_url="", banner="x", until=ends, by="o", now=now)
    said = {"reason": EVIL, "banner": EVIL, "status_url": ADDRESSES[0], "by": EVIL}
    made = msgspec.structs.replace(off, **said)
    change(site.store, lambda old: msgspec.structs.replace(old, switches=(made,)), by="o", what="off", now=now)


def _addresses(names: list[str]) -> Iterator[str]:
    odd = "%22%3E%3Cpwn-x%3E"
    yield from ("/", "/search/?q=demo", f"/search/?q={odd}&page={odd}", "/set-up/", "/indexes/", "/browse/")
    yield from ("/rss/updates.xml", "/rss/updates.atom", "/rss/packages.xml", "/rss/packages.atom", "/upstreams")
    yield from ("/simple/", "/user/eve/", "/org/guild/", f"/user/{odd}/", f"/nothing{odd}", f"/browse/?c={odd}")
    for name in names:
        yield from (f"/project/{name}/", f"/project/{name}/1.0/", f"/project/{name}/%3Cpwn-x%3E/", f"/simple/{name}/")
        yield from (f"/pypi/{name}/json", f"/pypi/{name}/1.0/json", f"/rss/project/{name}/releases.xml")


def faults_of(answer: Answer) -> list[str]:
    """What came out of text, by the answer's own media type; [] for an answer that is what it seems."""
    media = answer.headers.get("content-type", "").partition(";")[0]
    match media:
        case "text/html" | "application/vnd.pypi.simple.v1+html":
            return _of_html(answer.body, answer.headers.get("content-security-policy", ""))
        case "application/rss+xml" | "application/atom+xml":
            return _of_feed(answer.body)
        case "application/json" | "application/problem+json" | "application/vnd.pypi.simple.v1+json":
            json.loads(answer.body)
            return []  # text for programs: no browser makes anything of it (nosniff)
        case "text/plain" | "application/octet-stream":
            return []
    return [f"an answer of another kind: {media}"]


def _of_html(body: bytes, policy: str) -> list[str]:
    found = []
    for element in html5lib.parse(body, treebuilder="etree", namespaceHTMLElements=False, scripting=True).iter():
        tag = element.tag if isinstance(element.tag, str) else ""
        if "pwn" in tag or tag in ("iframe", "object", "embed", "base", "math", "svg", "frame"):
            found.append(f"<{tag}> came out of text")
        if tag == "style" and b64encode(sha256((element.text or "").encode()).digest()).decode() not in policy:
            found.append("a style that is not ours")
        if tag == "script" and not element.get("src", "").startswith("/assets/"):
            found.append("a script that is not ours")
        if tag == "meta" and "http-equiv" in element.attrib:
            found.append("a meta that acts")
        for name, value in element.attrib.items():
            if "pwn" in name or name.startswith("on") or name in ("srcdoc", "style", "formaction", "ping"):
                found.append(f"<{tag} {name}> came out of text")
            if name in ("href", "src", "action", "xlink:href", "poster", "srcset", "data") and not _is_an_address(
                value
            ):
                found.append(f"{name} leads to {value[:60]!r}")
    return found


def _is_an_address(value: str) -> bool:
    """True for what a browser takes for a page, a picture or a mail (WHATWG URL §4.4 strips and drops some)."""
    read = "".join(c for c in value.strip("".join(map(chr, range(33)))) if c not in "\t\r\n").lower()
    scheme, colon, _ = read.partition(":")
    is_relative = not colon or not scheme.isascii() or any(c in scheme for c in "/?#")
    return not read.startswith(("//", "\\")) if is_relative else scheme in ("https", "http", "mailto")


_OF_FEEDS = frozenset(
    "rss channel title link description item guid pubDate lastBuildDate language author category feed id updated entry "
    "summary subtitle published name generator ttl".split()
)


def _of_feed(body: bytes) -> list[str]:
    found = []
    for element in ElementTree.fromstring(body).iter():
        tag = element.tag.rpartition("}")[2]
        if tag not in _OF_FEEDS or any("pwn" in name for name in element.attrib):
            found.append(f"<{tag}> came out of text")
        told = element.get("href") or (element.text or "" if tag == "link" else "")
        if told and not _is_an_address(told):
            found.append(f"a link leads to {told[:60]!r}")
    return found
