"""A site whose catalogues are written as `work` writes them."""

from read.site import Site

from holdfast.clock import Clock
from holdfast.control.cataloguing import Cataloguer
from holdfast.tree.reader import TreeReader


def cataloguer(site: Site, clock: Clock | None = None) -> Cataloguer:
    """What a work process that has just started has."""
    reader = TreeReader(site.store, clock or site.clock, site.config.instance)
    return Cataloguer(site.config, reader, clock or site.clock)


def catalogued(site: Site) -> int:
    """Write what is due; how many catalogues that were."""
    return cataloguer(site).write_when_changed()


def told(*classifiers: str, summary: str = "It does things") -> str:
    """Lines of metadata."""
    return "".join([f"Summary: {summary}\n", *(f"Classifier: {one}\n" for one in classifiers)])
