"""Descriptions are strangers' text: what comes out can be read, and can do nothing else."""

import gc
import re
import signal
import sys
from pathlib import Path

import pytest

from holdfast.read.people.description_html import rewritten
from holdfast.read.people.readme import RENDERED_CHARS_MAX, SHOWN_CHARS_MAX, described

MARKDOWN, RST = "text/markdown", "text/x-rst"

ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:x)",
    "<a href='java\tscript:alert(1)'>x</a>",
    "<a href=' javascript:alert(1)'>x</a>",
    "<iframe src='https://evil.example'></iframe>",
    "<form action='https://evil.example'><input name=password></form>",
    "<svg onload=alert(1)><style>*{display:none}</style></svg>",
    "<p style='position:fixed' class='site-header' onclick='x' id='main'>x</p>",
    "<div class='notice notice-danger'>Upgrade at once</div>",
    "<base href='https://evil.example/'>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    '![a" onerror="alert(1)](https://x.example/a.png)',
    "<!-- --!><script>alert(1)</script> -->",
    "</div></section></main><h1>Mine</h1>",
    "<img src='https://x.example/a.png' alt='\"><script>alert(1)</script>'>",
]


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("images", [False, True])
def test_nothing_a_description_says_is_done(attack: str, images: bool) -> None:
    """Neither through readme_renderer and the writer, nor through the writer alone."""
    for html in (str(described(attack, MARKDOWN, images=images).html), rewritten(attack, images=images)):
        tags = re.findall(r"<(/?[a-z0-9]+)([^>]*)>", html)
        names = {tag.strip("/") for tag, _ in tags}
        attributes = {name for _, given in tags for name in re.findall(r'([a-z-]+)="', given)}

        assert not names & {"script", "style", "iframe", "form", "input", "svg", "math", "base", "meta", "h1", "object"}
        assert attributes <= {
            "href",
            "id",
            "rel",
            "class",
            "src",
            "alt",
            "loading",
            "tabindex",
            "role",
            "aria-label",
            "aria-hidden",
        }
        assert {"user-content-main"} >= set(re.findall(r'id="([^"]*)"', html))
        assert all(
            href.startswith(("https://", "#user-content-")) for href in re.findall(r'(?:href|src)="([^"]*)"', html)
        )
        assert {"picture", "task", "table"} >= set(re.findall(r'class="([^"]*)"', html))
        assert names >= {"div"} if html.count("</div>") else True
        assert html.count("<div") == html.count("</div>")


def test_pictures_are_links_unless_the_operator_lets_them_be_loaded() -> None:
    """And then over https only."""
    text = "![Logo](https://x.example/l.png) ![](http://x.example/b.png) ![c](l.png)"

    blocked = str(described(text, MARKDOWN, images=False).html)
    loaded = str(described(text, MARKDOWN, images=True).html)

    assert '<a class="picture" href="https://x.example/l.png" rel="nofollow ugc">Logo</a>' in blocked
    assert "<img" not in blocked
    assert '<img src="https://x.example/l.png" alt="Logo" loading="lazy">' in loaded
    for html in (blocked, loaded):
        assert '<a class="picture" href="http://x.example/b.png" rel="nofollow ugc">b.png</a>' in html
        assert '<span class="picture">c</span>' in html


def test_a_descriptions_headings_are_below_the_pages_own() -> None:
    """One main heading a page; links inside the description lead to its own headings."""
    html = str(described("# One\n\nText\n\n###### Six\n\n[up](#one)", MARKDOWN, images=False).html)

    assert re.search(r"<h2[^>]*>", html)
    assert "<h1" not in html
    target = re.search(r'href="#([^"]*)"[^>]*>up', html)
    assert target is not None
    assert f'id="{target[1]}"' in html


def test_a_relative_link_is_text() -> None:
    """It would lead into this index."""
    assert "<p>docs</p>" == str(described("[docs](docs/start.md)", MARKDOWN, images=False).html).strip()


def test_code_is_highlighted_and_can_be_scrolled_with_the_keyboard() -> None:
    html = str(described("```python\nimport os\n```", MARKDOWN, images=False).html)

    assert '<span class="kn">import</span>' in html
    assert 'tabindex="0"' in html


def test_restructured_text_is_rendered_without_files_and_raw_html(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hush")
    good = described("Title\n=====\n\n**bold**", RST, images=False)
    files = described(f".. include:: {secret}\n", RST, images=False)
    raw = described(".. raw:: html\n\n   <script>alert(1)</script>\n", RST, images=False)

    assert "<strong>bold</strong>" in str(good.html)
    assert "hush" not in f"{files.html}{raw.html}"
    assert files.html is None and files.text.startswith(".. include")
    assert raw.html is None and "plain" not in str(raw.html)


@pytest.mark.parametrize(
    ("text", "kind", "why"),
    [
        ("Title\n=\n\n.. nonsense:: `x", RST, "it does not follow the rules of its markup"),
        ("x" * (RENDERED_CHARS_MAX + 1), MARKDOWN, "it has 400,001 characters: this is its beginning"),
        ("plain <b>", "text/plain", ""),
    ],
)
def test_what_cannot_be_rendered_is_shown_as_it_is(text: str, kind: str, why: str) -> None:
    found = described(text, kind, images=False)

    assert (None, text[:SHOWN_CHARS_MAX], why) == (found.html, found.text, why if not why else found.why)


def test_no_description_is_none() -> None:
    assert described(" \n", MARKDOWN, images=False).html is None


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "text/markdown; variant=GFM; charset=UTF-8",
        "TEXT/MARKDOWN;variant=Nonsense",
        "a/b; \x00",
        "text/markdown;;;",
    ],
)
def test_any_content_type_gives_a_page(kind: str) -> None:
    assert described("some *text*", kind, images=False) is not None


def test_what_takes_too_long_is_shown_as_it_is() -> None:
    """A description that keeps the renderer busy costs its limit and no more."""
    found = described("Word *word* `word`_.\n\n" * 3000, RST, images=False, seconds_max=0.02)

    assert (None, "it takes too long to render") == (found.html, found.why)
    assert found.text.startswith("Word")


def test_a_limit_that_ends_inside_a_callback_ends_the_rendering_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The interpreter drops what is raised inside a garbage collector's callback: one alarm may be lost there."""
    lost: list[object] = []

    def collected(_phase: str, _info: dict[str, int]) -> None:
        if not lost and signal.getitimer(signal.ITIMER_REAL)[0]:
            signal.pause()

    monkeypatch.setattr(sys, "unraisablehook", lost.append)
    gc.callbacks.append(collected)
    usual = gc.get_threshold()
    gc.set_threshold(100)  # so often that one comes at once
    try:
        found = described("Word *word* `word`_.\n\n" * 3001, RST, images=False, seconds_max=0.3)
    finally:
        gc.set_threshold(*usual)
        gc.callbacks.remove(collected)

    assert lost
    assert (None, "it takes too long to render") == (found.html, found.why)


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("<ul>a<li>b</li><p>c</p></ul>", "<ul><li>a</li><li>b</li><li><p>c</p></li></ul>"),
        ("<ul><ul><li>x</li></ul></ul>", "<ul><li><ul><li>x</li></ul></li></ul>"),
        ("<dl><dt>a</dt>b<dd>c</dd></dl>", "<dl><dt>a</dt><dd>b</dd><dd>c</dd></dl>"),
        ("<ol></ol>", ""),
        ("<li>x</li><dd>y</dd><td>z</td>", "<div>x</div><div>y</div>z"),
        ("<details>x</details>", "<details><summary>Details</summary>x</details>"),
        ("<details><summary>s</summary>x</details>", "<details><summary>s</summary>x</details>"),
        ("<details><summary><h2>s</h2></summary></details>", "<details><summary><h3>s</h3></summary></details>"),
        ("<b>x<div>y</div>z</b>w", "<b>x</b><div>y</div>zw"),
        ("<p>x<ul><li>y</li></ul></p>", "<p>x</p><ul><li>y</li></ul>"),
        ("<table><tr><th><h2>x</h2></th></tr></table>", "<tr><th><strong>x</strong></th></tr></table></div>"),
        ('<p id="a">x</p><p id="a">y</p>', '<p id="user-content-a">x</p><p>y</p>'),
        ('<p align="center">x</p>', '<p class="to-center">x</p>'),
        (
            '<a href="https://x.test/a b"><a href="https://y.test">x</a></a>',
            'href="https://x.test/a%20b" rel="nofollow ugc">x</a>',
        ),
    ],
)
def test_every_element_stands_where_it_may(given: str, written: str) -> None:
    """As the HTML standard has it: a description never makes its page invalid, and loses no words for that."""
    assert rewritten(given, images=False).endswith(written)
