"""Every page a person sees, drawn once: templates, parts, styles and the headers they are sent with.

Used by the read plane and by control alike, so it knows neither: the standard library, Jinja2 and MarkupSafe only.

`render("project.html", site=site, ...)` gives a whole document. A template extends `layout.html` and fills its blocks
(`title`, `main`, and where needed `head`, `crumbs`, `aside`); the things pages are made of (notices, forms, tables,
snippets, tabs) are macros in `parts.html`: `{% import "parts.html" as parts %}`. What every template may count on:

- `site`: a Site, the only source of addresses. Links are `{{ site.root }}project/...`, absolute ones `site.url`.
- `notices`: what the operators have to tell everybody (a Notice each); `messages`: what only this person is told.
- `here`: which entry of the navigation is the current one, "" for none.
- `asset(name)`: the address of an asset below `site.root`, its content's hash in its name (assets.py).

Pages carry no script and no style of their own: HEADERS has the one content security policy, which forbids both.
"""

from typing import Any

from holdfast.pages.headers import CSP, PAGE_HEADERS
from holdfast.pages.values import Notice, Site

__all__ = ["CSP", "PAGE_HEADERS", "Notice", "Site", "render"]


def render(template: str, **context: Any) -> str:
    """The document of a template in `templates/`. Loads the template engine: a front leaves that to its helper."""
    from holdfast.pages import environment

    return environment.render(template, **context)
