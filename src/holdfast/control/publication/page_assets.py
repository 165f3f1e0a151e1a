"""The assets of pages in the store: this release's, for fronts of other releases, and theirs for ours.

While two releases run, and while edges and browsers hold pages of an earlier one, each front is asked for assets of
both (incident r35). A set says which a release has and when it was last seen running; it goes 30 days after that, and
its assets go unless another set names them too.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256

import msgspec
import structlog

from holdfast.clock import Clock
from holdfast.core.errors import Absent, Conflict, Corrupt
from holdfast.pages.assets import assets, is_asset_name
from holdfast.store.port import Store
from holdfast.tree import addresses

log = structlog.get_logger()

KEPT = timedelta(days=30)  # far longer than any page is held by an edge


class AssetSet(msgspec.Struct, frozen=True):
    """The assets of one release's pages."""

    names: tuple[str, ...]
    seen: datetime


def keep_assets(store: Store, clock: Clock) -> None:
    """Leave this release's assets in the store, and say that it runs. Raises Unavailable.

    The set comes first: whoever clears up meanwhile finds the assets named.
    """
    ours = assets()
    names = tuple(sorted(ours))
    release = sha256(" ".join(names).encode()).hexdigest()[:16]
    store.put(addresses.asset_set(release), msgspec.json.encode(AssetSet(names, clock.now())))
    for asset in ours.values():
        try:
            store.put(addresses.asset(asset.name), asset.body, create=True)
        except Conflict:
            continue  # there already, with these bytes: its name says so


def forget_assets(store: Store, clock: Clock) -> int:
    """Delete the assets that only releases long gone had; returns how many. Raises Unavailable, Corrupt."""
    before = clock.now() - KEPT
    named: set[str] = set()
    for key, found in _sets(store):
        if found.seen < before:
            store.delete(key)
        else:
            named.update(found.names)
    if not named:
        return 0  # nobody says what is needed: nothing is known to be superfluous
    count = 0
    for info in list(store.list(addresses.ASSET_PREFIX)):
        name = info.key.removeprefix(addresses.ASSET_PREFIX)
        if is_asset_name(name) and name not in named:
            store.delete(info.key)
            count += 1
    return count


def _sets(store: Store) -> Iterator[tuple[str, AssetSet]]:
    for info in list(store.list(addresses.ASSET_SET_PREFIX)):
        try:
            yield info.key, msgspec.json.decode(store.get(info.key), type=AssetSet)
        except Absent:
            continue
        except msgspec.MsgspecError as error:
            raise Corrupt(f"the set of assets {info.key} does not parse: {error}") from error
