"""Bytes of files that their owners deleted stay their month, also when the database was lost or restored meanwhile."""

from datetime import timedelta
from pathlib import Path

import pytest
from instances import ALICE, OPERATOR, Instance, empty_database, rebuilt, soon, stored_upload

from holdfast.clock import ManualClock, SystemClock
from holdfast.control.backup import backup, restore
from holdfast.control.projects import actions
from holdfast.control.projects.intents import UPLOAD_LEASE_SECONDS, Watch
from holdfast.control.projects.models import File, Intent
from holdfast.control.publication.fsck import check
from holdfast.control.publication.reconcile import reconcile
from holdfast.control.publication.upkeep import collect_orphans, sweep
from holdfast.tree import addresses

CLOCK = SystemClock()


def deleted_upload(instance: Instance, version: str) -> set[str]:
    """An upload that its owner deletes; the addresses of its bytes and of metadata of its own."""
    project = f"tool-{version[0]}"
    digest = stored_upload(instance, project, version)
    metadata = File.objects.get(sha256=digest).metadata_sha256
    actions.delete_release(instance.publisher, "main", project, version, ALICE, deadline=soon())
    return {addresses.blob(digest), addresses.blob(metadata)}


def blobs(instance: Instance) -> set[str]:
    return {info.key for info in instance.store.list(addresses.BLOB_PREFIX)}


def repair(instance: Instance) -> None:
    report = check(instance.config, repair=True, deep=False, say=lambda line: None)
    assert report.findings == 0


@pytest.mark.parametrize("days", [29, 31])
def test_a_rebuilt_database_gives_them_up_when_the_lost_one_would_have(instance: Instance, days: int) -> None:
    deleted = deleted_upload(instance, "1.0")
    stored_upload(instance, "kept", "1.0")
    empty_database(instance)
    rebuilt(instance, CLOCK)
    later = ManualClock(CLOCK.now() + timedelta(days=days))

    repair(instance)
    sweep(instance.config, instance.store, CLOCK, watch := Watch())
    now = blobs(instance)
    for _ in range(2):
        collect_orphans(instance.store, later, watch)
        later.advance(UPLOAD_LEASE_SECONDS)

    assert deleted < now
    assert deleted & blobs(instance) == (deleted if days < instance.config.deleted_days else set())
    assert len(blobs(instance) - deleted) == 2
    assert Intent.objects.exists() is (days < instance.config.deleted_days)


def test_a_reconciled_database_keeps_those_of_files_it_never_knew(instance: Instance, tmp_path: Path) -> None:
    known = stored_upload(instance, "known", "1.0")
    saved = backup(instance.config, tmp_path / "saved.tar", CLOCK)
    deleted = deleted_upload(instance, "1.0")
    actions.delete_release(instance.publisher, "main", "known", "1.0", ALICE, deadline=soon())
    restore(instance.config, instance.store, saved, CLOCK)
    reconcile(instance.publisher, OPERATOR, soon())

    repair(instance)

    assert {*deleted, addresses.blob(known)} <= blobs(instance)


def test_removed_bytes_do_not_come_to_stay_that_way(instance: Instance) -> None:
    digest = stored_upload(instance, "bad", "1.0")
    actions.remove_bytes(instance.publisher, (digest,), "malware", False, OPERATOR, deadline=soon())
    empty_database(instance)
    rebuilt(instance, CLOCK)

    sweep(instance.config, instance.store, CLOCK)

    assert addresses.blob(digest) not in blobs(instance)
