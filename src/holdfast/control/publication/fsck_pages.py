"""fsck's look at what pages are made of besides records: assets, catalogues, what is told of people and organisations.

Nothing of it is on the way of an install. All of it can be made again, but an asset of another release: that only comes
back from a copy of the store, or goes with its release.
"""

from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from typing import Protocol

import msgspec
from django.db.models import Max

from holdfast.clock import SystemClock
from holdfast.config import Config
from holdfast.control.accounts.models import AuditEvent
from holdfast.control.cataloguing import Cataloguer
from holdfast.control.database import database_guard
from holdfast.control.people_pages import WRITTEN_AT_ONCE, PeoplePages
from holdfast.control.publication.page_assets import AssetSet
from holdfast.core.errors import Absent, Corrupt
from holdfast.pages.assets import HASH_LENGTH, assets, is_asset_name
from holdfast.store.port import Store
from holdfast.tree import addresses
from holdfast.tree.catalogue import read_catalogue
from holdfast.tree.person import damaged_documents
from holdfast.tree.reader import TreeReader

SETTLED = timedelta(minutes=1)  # work writes documents of people within ten seconds of a change
COPY = "put it back from a copy of the store"


class Findings(Protocol):
    """Where findings go."""

    def finding(self, text: str) -> None: ...

    def repair(self, text: str) -> None: ...


def check_assets(store: Store, report: Findings, *, repair: bool) -> None:
    """Every asset that a release names is there, with the bytes that its name says. Raises Unavailable."""
    ours = assets()
    for name in sorted(_named(store, report)):
        wrong = _what_is_wrong(store, name)
        if not wrong:
            continue
        key = addresses.asset(name)
        if name not in ours:
            report.finding(f"{key} of another release {wrong}: pages of that release look plain; {COPY}")
        elif repair:
            store.put(key, ours[name].body)
            report.repair(f"{key}, which {wrong}")
        else:
            report.finding(f"{key} {wrong}: `holdfast fsck --repair` writes it again")


def check_people(config: Config, store: Store, report: Findings, *, repair: bool, has_database: bool) -> None:
    """Documents of people and organisations parse, and say what the rows say. Raises Unavailable."""
    for key, reason in damaged_documents(store):
        if repair and has_database:
            store.delete(key)
            report.repair(f"deleted {key}, which is damaged: {reason}; it is written again from the database")
        else:
            report.finding(f"{key} is damaged: {reason}: `holdfast fsck --repair` writes it again")
    if not has_database or not _is_settled():
        return
    pages = PeoplePages(config, store, SystemClock())
    outdated = pages.outdated()
    if repair:
        while count := pages.write_when_changed():
            report.repair(f"wrote {count} pages of people again")
            if count < WRITTEN_AT_ONCE:
                break
    elif count := len(outdated):
        report.finding(f"{count} pages of people do not say what the database does: `holdfast fsck --repair`, or work")


def check_catalogues(config: Config, reader: TreeReader, report: Findings, *, repair: bool) -> None:
    """What browsing and feeds read is whole: work sees no damage while nothing changes. Raises Unavailable."""
    for index in config.indexes:
        try:
            read_catalogue(reader.store, index.name)
        except Absent:
            continue  # work has not come to it yet, and pages say so
        except Corrupt as error:
            if repair:
                Cataloguer(config, reader, SystemClock()).write_again(index.name)
                report.repair(f"wrote the catalogue of {index.name} again: {error.reason}")
            else:
                report.finding(f"{error.reason}: `holdfast fsck --repair` makes it again from the records")


def _named(store: Store, report: Findings) -> Iterator[str]:
    names: set[str] = set()
    for info in list(store.list(addresses.ASSET_SET_PREFIX)):
        try:
            found = msgspec.json.decode(store.get(info.key), type=AssetSet)
            names |= {name for name in found.names if is_asset_name(name)}
        except Absent:
            continue
        except msgspec.MsgspecError as error:
            report.finding(
                f"{info.key} does not parse: {error}: delete it, and the release writes it again at its start"
            )
    yield from names


def _what_is_wrong(store: Store, name: str) -> str:
    try:
        body = store.get(addresses.asset(name))
    except Absent:
        return "is missing"
    except Corrupt as error:
        return error.reason
    wanted = name.split(".")[-2]
    return "" if sha256(body).hexdigest()[:HASH_LENGTH] == wanted else "does not have the bytes its name says"


def _is_settled() -> bool:
    """Whether work has had time to tell of the last change. A database without any was just made from the tree."""
    with database_guard():
        newest = AuditEvent.objects.aggregate(newest=Max("created"))["newest"]
    return newest is not None and SystemClock().now() - newest >= SETTLED
