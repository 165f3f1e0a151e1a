"""The judge of pages itself: what is valid passes, and each kind of fault is found."""

import pytest
from conformance import faults

FRAME = '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>t</title></head><body>{}</body></html>'
VALID = (
    '<main id="main" tabindex="-1"><h1>T</h1><p>x <a href="/x/?a=b&amp;c=d">y</a><br><wbr></p>'
    "<ul><li><p>x</p></li></ul><dl><div><dt>a</dt><dd><p>b</p></dd></div></dl>"
    '<details><summary><h2>s</h2></summary>t</details><a href="#main"><div>block</div></a>'
    '<form action="/x/" method="post"><input type="hidden" name="a" value="b"><label for="i">l</label>'
    '<input id="i" name="i" maxlength="3"><fieldset><legend>l</legend></fieldset></form>'
    '<table><caption>c</caption><thead><tr><th scope="col">a</th></tr></thead>'
    "<tbody><tr><td>1</td></tr></tbody></table>"
    '<time datetime="2026-01-01T00:00:00+00:00">t</time></main>'
)
WRONG = {
    "a block in a paragraph": "<p><div>x</div></p>",
    "a block in a span": "<span><div>x</div></span>",
    "a block in a link in a paragraph": '<p><a href="/"><ul><li>x</li></ul></a></p>',
    "never closed": "<div><b>x</div>",
    "closed twice": "<p>x</p></p>",
    "an attribute twice": '<p id="a" id="b">x</p>',
    "text in a list": "<ul>x<li>y</li></ul>",
    "a paragraph in a list": "<ul><p>x</p></ul>",
    "a heading in a term": "<dl><dt><h2>x</h2></dt><dd>y</dd></dl>",
    "a button in a link": '<a href="/"><button>x</button></a>',
    "an unknown attribute": '<p align="left">x</p>',
    "an unknown element": "<center>x</center>",
    "a space in an address": '<a href="/a b">x</a>',
    "a label for nothing": '<label for="nothing">x</label>',
    "a name on nothing": '<div aria-label="x">y</div>',
    "no summary": "<details>x</details>",
    "a late legend": "<fieldset><p>x</p><legend>y</legend></fieldset>",
    "no alternative text": '<img src="/x">',
    "no moment": '<time datetime="soon">x</time>',
    "a cell nowhere": "<td>x</td>",
    "an inline script": "<script>x</script>",
    "a form in a form": '<form action="/"><form action="/"></form></form>',
}


def test_a_valid_page_has_no_fault() -> None:
    assert [] == faults(FRAME.format(VALID).encode())


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG.keys())
def test_a_fault_is_found(body: str) -> None:
    assert [] != faults(FRAME.format(body).encode())
