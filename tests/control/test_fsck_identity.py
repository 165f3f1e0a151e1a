"""A tree that lost its instance document: written again where everybody agrees whose it is, refused where not."""

import pytest
from django.db import connection
from instances import Instance, stored_upload

from holdfast.control.publication.fsck import check
from holdfast.tree import addresses


def fsck(instance: Instance, *, repair: bool = False) -> tuple[int, list[str]]:
    """How many findings are left, and the lines said."""
    lines: list[str] = []
    report = check(instance.config, repair=repair, deep=False, say=lines.append)
    return report.findings, lines


def lose(instance: Instance, damage: bytes | None) -> None:
    if damage is None:
        instance.store.delete(addresses.INSTANCE)
    else:
        instance.store.put(addresses.INSTANCE, damage)


@pytest.mark.parametrize(("damage", "wrong"), [(None, "missing"), (b"", "damaged"), (b"{}", "damaged")])
def test_a_lost_instance_document_is_told_and_written_again_as_it_was(sqlite_instance: Instance, damage, wrong):
    stored_upload(sqlite_instance, "tool", "1.0")
    before = sqlite_instance.store.get(addresses.INSTANCE)
    lose(sqlite_instance, damage)

    told = fsck(sqlite_instance)
    repaired = fsck(sqlite_instance, repair=True)

    assert (1, [f"v1/instance.json is {wrong}: `holdfast fsck --repair` writes it again"]) == told
    assert (0, [f"repaired: wrote v1/instance.json again, which is {wrong}"]) == repaired
    assert before == sqlite_instance.store.get(addresses.INSTANCE)
    assert (0, []) == fsck(sqlite_instance)


def test_an_instance_that_published_nothing_yet_gets_its_document_back_too(sqlite_instance: Instance):
    lose(sqlite_instance, None)

    assert 0 == fsck(sqlite_instance, repair=True)[0]
    assert (0, []) == fsck(sqlite_instance)


def another_database(instance: Instance) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE publication_instance SET instance = 'another'")


def no_database(instance: Instance) -> None:
    instance.config.sqlite_file.unlink()


def another_store(instance: Instance) -> None:
    segment = instance.store.get(addresses.segment(1))
    instance.store.put(addresses.segment(1), segment.replace(instance.config.instance.encode(), b"0" * 32))


def empty_store(instance: Instance) -> None:
    instance.store.delete(addresses.segment(1))


@pytest.mark.parametrize(
    ("doubt", "step"),
    [
        (another_database, "the database another: one of them"),
        (no_database, "(there is none). Bring the database back first"),
        (another_store, f"of instance {'0' * 32}, not of"),
        (empty_store, "the journal there is empty"),
    ],
)
def test_where_it_is_not_certain_whose_tree_it_was_nothing_is_written(sqlite_instance: Instance, doubt, step):
    stored_upload(sqlite_instance, "tool", "1.0")
    lose(sqlite_instance, None)
    doubt(sqlite_instance)
    before = [info.key for info in sqlite_instance.store.list("")]

    count, lines = fsck(sqlite_instance, repair=True)

    assert (1, True) == (count, step in lines[0]), lines
    assert before == [info.key for info in sqlite_instance.store.list("")]
