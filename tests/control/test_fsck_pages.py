"""fsck knows what pages are made of: assets by their hash, documents of people by the rows; and what is not ours."""

from datetime import timedelta

import pytest
from django.db import connection
from instances import Instance, stored_upload, unguard_trail

from holdfast.clock import SystemClock
from holdfast.control.cataloguing import Cataloguer
from holdfast.control.people_pages import PeoplePages
from holdfast.control.publication.fsck import check
from holdfast.control.publication.page_assets import AssetSet, keep_assets
from holdfast.pages.assets import assets
from holdfast.tree import addresses
from holdfast.tree.catalogue import read_catalogue
from holdfast.tree.person import read_person

CLOCK = SystemClock()


def fsck(instance: Instance, *, repair: bool = False) -> list[str]:
    lines: list[str] = []
    check(instance.config, repair=repair, deep=False, say=lines.append)
    return lines


@pytest.fixture
def site(sqlite_instance: Instance) -> Instance:
    """An instance that has been at rest for a while, with its assets and the page of its one person."""
    stored_upload(sqlite_instance, "tool", "1.0")
    keep_assets(sqlite_instance.store, CLOCK)
    PeoplePages(sqlite_instance.config, sqlite_instance.store, CLOCK).write_when_changed()
    unguard_trail()
    with connection.cursor() as cursor:
        before = (CLOCK.now() - timedelta(hours=1)).replace(tzinfo=None)
        cursor.execute("UPDATE accounts_auditevent SET created = %s", [before])
    assert [] == fsck(sqlite_instance)
    return sqlite_instance


@pytest.mark.parametrize("damage", ["missing", "other bytes"])
def test_an_asset_of_this_release_is_written_again(site: Instance, damage: str):
    key = addresses.asset(next(iter(assets())))
    if damage == "missing":
        site.store.delete(key)
    else:
        site.store.put(key, b"x")

    told, repaired = fsck(site), fsck(site, repair=True)

    assert [True] == [key in line and "fsck --repair" in line for line in told]
    assert [True] == [line.startswith(f"repaired: {key}") for line in repaired]
    assert [] == fsck(site)


def test_an_asset_of_another_release_can_only_be_told(site: Instance):
    import msgspec

    names = ("mark.00000000000000bb.svg",)
    site.store.put(addresses.asset_set("other"), msgspec.json.encode(AssetSet(names, CLOCK.now())))

    assert [True] == ["of another release is missing" in line for line in fsck(site, repair=True)]


def test_documents_of_people_are_held_to_the_rows_and_written_again(site: Instance):
    (info,) = site.store.list(addresses.PERSON_PREFIX)
    site.store.put(info.key, b"{")

    damaged = fsck(site)
    repaired = fsck(site, repair=True)
    again = read_person(site.store, "user", "alice")
    for found in list(site.store.list(addresses.PERSON_PREFIX)):
        site.store.delete(found.key)
    lost = fsck(site)

    assert ["is damaged" in line or "do not say what" in line for line in damaged] == [True, True]
    assert [line.split()[1] for line in repaired] == ["deleted", "wrote"]
    assert ["tool"] == [part.name for part in again.parts]
    assert [True] == ["1 pages of people do not say" in line for line in lost]


def test_a_damaged_catalogue_is_made_again_from_the_records(site: Instance):
    """Browsing and feeds are 503 with it, and work looks at it again only when something changes."""
    Cataloguer(site.config, site.reader(), CLOCK).write_when_changed()
    assert [] == fsck(site)
    key, before = read_catalogue(site.store, "main")
    site.store.put(key, b"flipped")

    told, repaired = fsck(site), fsck(site, repair=True)

    assert [True] == ["catalogue of main" in line and "fsck --repair" in line for line in told]
    assert ["repaired: wrote the catalogue of main again"] == [line.rpartition(": the cat")[0] for line in repaired]
    assert before == read_catalogue(site.store, "main")[1]
    assert [] == fsck(site)


def test_what_lies_in_the_journal_by_mistake_is_told_and_left_alone(site: Instance):
    keys = [f"{addresses.JOURNAL_PREFIX}copy of 000000000001.json", f"{addresses.OVERRIDES_PREFIX}.swp"]
    for key in keys:
        site.store.put(key, b"junk")

    for repair in (False, True):
        told = [f"{key} is nothing that Holdfast stores there: look whose it is, and delete it" for key in keys]
        assert told == fsck(site, repair=repair)
