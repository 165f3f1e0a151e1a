"""Erasing the bytes of removed digests from the store: hosted, pulled, and the pages made of them.

Readers refuse a removed digest as soon as the journal says so; this makes sure that there is nothing left to serve.
It may run at any time and any number of times.
"""

from collections.abc import Iterable

import structlog

from holdfast.clock import Clock
from holdfast.config import Config
from holdfast.control.database import database_guard, held_transaction
from holdfast.control.projects.intents import referenced
from holdfast.control.projects.models import File, Removal
from holdfast.core.errors import Absent
from holdfast.store.port import Store
from holdfast.tree import addresses

log = structlog.get_logger()
MARK_SECONDS = 5.0


def erase_pending(config: Config, store: Store, clock: Clock) -> int:
    """Erase what was removed and not erased yet; returns how many digests. Raises Unavailable."""
    with database_guard():
        pending = list(Removal.objects.filter(erased=None).values_list("sha256", flat=True))
    for digest in pending:
        erase(config, store, digest)
        with held_transaction(clock, clock.monotonic() + MARK_SECONDS):
            Removal.objects.filter(sha256=digest).update(erased=clock.now())
    if pending:
        log.info("erased the bytes of %s removed digests", len(pending))
    return len(pending)


def erase(config: Config, store: Store, digest: str) -> bool:
    """Delete every copy of one digest that has an address; True when there was one. Raises Unavailable."""
    keys = [addresses.blob(digest)]
    for place in places(config):
        keys += [addresses.pulled_file(place, digest), addresses.pulled_metadata(place, digest)]
    keys += [addresses.blob(other) for other in _belongings_of(digest)]
    return sum(_delete(store, key) for key in keys) > 0  # sum, because each must go


def places(config: Config) -> Iterable[str]:
    """Names under which pulled files may lie: upstreams, and hosted indexes should one have been an upstream."""
    return dict.fromkeys([upstream.name for upstream in config.upstreams] + [index.name for index in config.indexes])


def _belongings_of(digest: str) -> list[str]:
    """Metadata and provenance that only files with removed bytes have: wheels of a release often share metadata."""
    with database_guard():
        rows = File.objects.filter(sha256=digest).values_list("metadata_sha256", "provenance_sha256")
        candidates = {belonging for row in rows for belonging in row} - {""}
        return sorted(candidates - referenced(sorted(candidates)))


def _delete(store: Store, key: str) -> bool:
    try:
        store.head(key)
    except Absent:
        return False
    store.delete(key)
    return True
