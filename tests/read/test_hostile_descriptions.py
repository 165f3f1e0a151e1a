"""Descriptions whose markup is broken, or meant to break the page around them."""

import pytest
from markup import Markup
from read.plays import plays
from read.site import running

MARKDOWN = """\
# A <b>heading

<div><p>unclosed <span>

<table><tr><td>x<ul>y</table>

<a href='javascript:x'>a<a href='/b c'>b

[x](<https://x.example/a b"c>) ![p](https://x.example/a<b>.png) <details>no summary</details>

<h1 id='main'>two</h1><h1 id='main'>three</h1><img src=x onerror=alert(1)><p align=center>c</p><center>d</center>

<ul>text<p>x</p></ul><dl><li>x</dl><li>alone</li><summary>s</summary><td>cell</td><dd>d</dd>

| a | b |
|---|---|
| <div>x</div> | y |

- [ ] task

<picture><source srcset=x><img src=y></picture>
<p><h2>in a paragraph</h2><blockquote><p>q</blockquote></p><strong><div>block in inline</div></strong>
<svg><script>x</script></svg><style>*{}</style><iframe src=x></iframe>
<form><input name=q><button>b</button></form></main></body></html>
"""
RST = """\
A
=

A
=

B
-

.. raw:: html

   <script>x</script>

.. image:: https://x.example/a b.png
   :target: javascript:x

term
  definition

:field: value

|nothing|_ [1]_ `x`_

.. [1] note

.. contents::

===  ===
 a    b
===  ===
 1    - x
===  ===

+---+---+
| a | b |
+---+---+
| - x   |
+-------+

.. note:: n

  * a

    1. b
"""


@pytest.mark.parametrize(("media_type", "text"), [("text/markdown", MARKDOWN), ("text/x-rst", RST)])
@plays
async def test_the_page_stays_valid(tmp_path, media_type, text):
    """Whatever reaches it is valid HTML (markup.py judges that), in its place, and no program."""
    async with running(tmp_path) as site:
        told = f"Description-Content-Type: {media_type}\nSummary: s\n\n{text}"
        site.publish("demo", site.wheel("demo", told=told))
        answer = await site.get("/project/demo/")

    assert (200, []) == (answer.status, Markup(answer.body).faults)
