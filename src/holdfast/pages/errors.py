"""An answer that is no page, as one: for a person, whatever else is dead. It needs nothing but the templates.

The template engine is loaded with the first of them; one that says the same is not made twice.
"""

from functools import lru_cache

from holdfast.pages.values import Site, sentence

KEPT = 64  # different ones, of some 3 kB: trouble is told in a few words, again and again


@lru_cache(KEPT)
def error_page(site: Site, status: int, title: str, detail: str, hint: str = "", here: str = "") -> bytes:
    """The document. `detail` is printable text and told as a sentence; `hint` is the next step."""
    from holdfast.pages.environment import render

    facts = {"status": status, "title": title, "text": sentence(detail), "hint": hint, "here": here}
    return render("error.html", site=site, **facts).encode()
