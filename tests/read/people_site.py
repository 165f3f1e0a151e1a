"""A site with a little for people to see, and what a person reads of a page."""

from markup import Markup
from read.site import Site

from holdfast.core.model import Role

LONG = (
    "Description-Content-Type: text/markdown\nSummary: It does things\n"
    "Requires-Dist: Other.Thing>=2\n\n# Title\n\nText."
)
PAGES = ("/", "/project/demo/", "/project/demo/1.0/", "/search/?q=demo", "/set-up/", "/indexes/")


def text_of(page: Markup) -> str:
    """What a person reads, in one line."""
    return " ".join(page.all("body")[0].text.split())


def fill(site: Site) -> None:
    """Two releases of a project, and another project."""
    old = site.wheel("demo", "1.0", told=LONG, yanked=True, yanked_reason="it <b>burns</b>")
    new = site.wheel("demo", "2.0", told=LONG, requires_python=">=3.9")
    site.publish("demo", old, new, display="Demo", roles=(Role("alice", "owner"),))
    site.publish("other", site.wheel("other"))
