"""A bucket's listing, around names that the client library cannot read.

S3 allows a name with an empty segment (`a//b`), which tools make by mistake. object_store refuses the whole page of a
listing, up to 1,000 names, for one of them, and says which. What stands on that page before it is asked for folder by
folder; behind it the listing begins anew. Nothing of ours is left out: no key of a tree has a segment that begins with
a character below "/", so in the very folder where such a name lies, no key comes before it. Only where one lies in a
folder and another deeper in the same, what is between them cannot be asked for: the error then names the first, and a
list is never short. To be removed when object_store skips what it cannot read.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import InvalidPathError

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ObjectStore

LIST_BATCH = 1000
_FIRST = "0"  # the first character behind "/": a key's segment begins with it, or with a later one


def listed(
    store: "ObjectStore", inside: str, folder: str, after: str, tell: Callable[[str], None]
) -> Iterator["ObjectMeta"]:
    """Objects of a folder ("" is the whole store) in the order of their names, those after `after`.

    `inside` is the folder of the bucket that the store is. `tell` is told each name that cannot be read, or the first
    of several in one folder. Raises what obstore raises, also for a name that is unreadable in another way.
    """
    while True:
        last = after
        try:
            for meta in _plain(store, folder, after):
                last = meta["path"]
                yield meta
            return
        except InvalidPathError as error:
            name = _name_in(error, inside)
            if name is None:
                raise
        tell(name)
        parent = name.partition("//")[0] if not name.startswith("/") else ""
        yield from _before(store, folder, last, parent)
        after = f"{parent}/{_FIRST}" if parent else _FIRST
        if after > last:
            yield from _alone(store, after)


def _plain(store: "ObjectStore", folder: str, after: str) -> Iterator["ObjectMeta"]:
    for batch in obstore.list(store, folder or None, offset=after or None, chunk_size=LIST_BATCH):
        yield from batch


def _name_in(error: InvalidPathError, inside: str) -> str | None:
    """The name in the store that has an empty segment; None when something else is wrong with it."""
    said = str(error).partition("\n")[0]
    _, found, rest = said.partition('Path "')
    name, is_empty, _ = rest.rpartition('" contained empty path segment')
    if not found or not is_empty or not name.startswith(f"{inside}/" if inside else ""):
        return None
    return name[len(inside) + 1 :] if inside else name


def _before(store: "ObjectStore", folder: str, last: str, parent: str) -> Iterator["ObjectMeta"]:
    """What lies after `last` and before the folder `parent` below `folder`: no more than a page has."""
    if folder == parent:
        return
    start = len(folder) + 1 if folder else 0
    way = parent[:start] + parent[start:].partition("/")[0]
    level = obstore.list_with_delimiter(store, folder or None)
    objects = {meta["path"]: meta for meta in level["objects"]}
    folders = {path.rstrip("/") + "/" for path in level["common_prefixes"]}
    for name in sorted([*objects, *folders]):
        if name > f"{way}/":
            return
        if name == f"{way}/":
            yield from _before(store, way, last, parent)
        elif name in objects:
            if name > last:
                yield objects[name]
        elif name > last or last.startswith(name):
            yield from _plain(store, name.rstrip("/"), last if last.startswith(name) else "")


def _alone(store: "ObjectStore", key: str) -> Iterator["ObjectMeta"]:
    """The one object that a listing after its own name leaves out."""
    try:
        yield obstore.head(store, key)
    except FileNotFoundError:
        return
