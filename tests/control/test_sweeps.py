"""Sweeps: which bytes and files go by themselves, and above all which stay."""

import os
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from instances import ALICE, OPERATOR, Instance, fresh_sha256, soon, stored_upload

from holdfast.clock import ManualClock, SystemClock
from holdfast.control.backup import backup, restore
from holdfast.control.projects import actions, intents
from holdfast.control.projects.models import File, Intent
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.publication.erase import erase_pending
from holdfast.control.publication.fsck import check
from holdfast.control.publication.reconcile import reconcile
from holdfast.control.publication.transaction import TreeAhead
from holdfast.control.publication.upkeep import Checkpoints, collect_orphans, expire_deleted, sweep, sweep_folders
from holdfast.core.errors import Unavailable
from holdfast.tree import addresses

CLOCK = SystemClock()


def fsck(instance: Instance, *, repair: bool = False) -> list[str]:
    """The lines fsck says."""
    lines: list[str] = []
    report = check(instance.config, repair=repair, deep=False, say=lines.append)
    assert report.findings + report.repaired == len(lines)
    return lines


def test_bytes_of_deleted_files_go_after_a_month_unless_something_lists_them(instance: Instance) -> None:
    gone, kept = stored_upload(instance, "tool", "1.0"), stored_upload(instance, "tool", "2.0")
    metadata = File.objects.get(sha256=kept).metadata_sha256
    elsewhere = stored_upload(instance, "other", "1.0")
    instance.upload("copy", "1.0", elsewhere, size=len("other 1.0"))
    for name in ("tool", "other"):
        actions.delete_release(instance.publisher, "main", name, "1.0", ALICE, deadline=soon())
    young, old = (ManualClock(CLOCK.now() + timedelta(days=days)) for days in (29, 31))

    too_early = expire_deleted(instance.config, young), sweep(instance.config, instance.store, young)
    expired = expire_deleted(instance.config, old), sweep(instance.config, instance.store, old)

    assert ((0, 0), (2, 2)) == (too_early, expired)  # its bytes, and the metadata that other alone had
    blobs = {info.key for info in instance.store.list(addresses.BLOB_PREFIX)}
    assert {addresses.blob(kept), addresses.blob(metadata), addresses.blob(elsewhere)} == blobs
    with pytest.raises(NotAccepted, match=r"^File already exists in the history"):
        instance.upload("tool", "1.0", gone)
    assert 0 == expire_deleted(instance.config, old)
    assert [] == fsck(instance)


def test_bytes_of_an_upload_that_never_became_a_file_are_collected(instance: Instance) -> None:
    kept = stored_upload(instance, "tool", "1.0")
    running, given_up = fresh_sha256(), fresh_sha256()
    for digest in (running, given_up):
        instance.store.put(addresses.blob(digest), b"orphan")
    intents.declare([running], CLOCK, soon())
    intents.withdraw(intents.declare([given_up, kept], CLOCK, soon()), CLOCK, soon())

    collected = collect_orphans(instance.store, CLOCK)

    blobs = {info.key for info in instance.store.list(addresses.BLOB_PREFIX)}
    assert (1, False, True, True) == (
        collected,
        addresses.blob(given_up) in blobs,
        addresses.blob(running) in blobs,
        addresses.blob(kept) in blobs,
    )
    assert [running] == list(Intent.objects.values_list("sha256", flat=True))


class StoppedClock(SystemClock):
    """As a process sees it that is stopped, as by SIGSTOP, before each look at the time."""

    def __init__(self) -> None:
        self._stopped = 0.0

    def monotonic(self) -> float:
        self._stopped += intents.SWEEP_LEASE_SECONDS
        return super().monotonic() + self._stopped


class SetClock(SystemClock):
    """As a process sees it while somebody sets the machine's time forward, minute by minute."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        self._ahead += timedelta(seconds=intents.SWEEP_LEASE_SECONDS)
        return super().now() + self._ahead


def test_an_orphan_that_a_stopped_sweeper_left_is_collected_by_the_next(instance: Instance) -> None:
    digest = fresh_sha256()
    instance.store.put(addresses.blob(digest), b"orphan")
    intents.withdraw(intents.declare([digest], CLOCK, soon()), CLOCK, soon())

    stopped = collect_orphans(instance.store, StoppedClock())
    still_there = instance.store.head(addresses.blob(digest)).size
    collected = collect_orphans(instance.store, CLOCK)

    assert (0, 6, 1) == (stopped, still_there, collected)


def test_orphans_are_collected_a_few_at_a_time_and_none_is_forgotten(sqlite_instance: Instance) -> None:
    """After a mass deletion there may be a hundred thousand; publication waits its turn in the same process."""
    digests = [fresh_sha256() for _ in range(5)]
    for digest in digests:
        sqlite_instance.store.put(addresses.blob(digest), b"orphan")
    intents.withdraw(intents.declare(digests, CLOCK, soon()), CLOCK, soon())

    assert [2, 2, 1, 0] == [collect_orphans(sqlite_instance.store, CLOCK, rows_max=2) for _ in range(4)]


def test_a_database_that_is_older_than_the_tree_has_nothing_collected(instance: Instance, tmp_path: Path) -> None:
    """The backup knows an upload under way and not the file it became: its rows alone would call the bytes orphans."""
    digest = sha256(b"tool 1.0").hexdigest()
    ids = intents.declare([digest], CLOCK, soon())
    saved = backup(instance.config, tmp_path / "saved.tar", CLOCK)
    stored_upload(instance, "tool", "1.0")
    intents.withdraw(ids, CLOCK, soon())
    restore(instance.config, instance.store, saved, CLOCK)
    long_after = ManualClock(CLOCK.now() + timedelta(days=1))

    watch = intents.Watch()

    assert 0 == collect_orphans(instance.store, long_after, watch)
    long_after.advance(intents.UPLOAD_LEASE_SECONDS)
    with pytest.raises(TreeAhead, match="holdfast reconcile"):
        collect_orphans(instance.store, long_after, watch)
    reconcile(instance.publisher, OPERATOR, soon())

    assert 0 == collect_orphans(instance.store, long_after, watch)
    assert b"tool 1.0" == instance.store.get(addresses.blob(digest))


def test_a_digest_that_is_being_swept_cannot_be_declared_and_the_other_way_round(instance: Instance) -> None:
    digest = fresh_sha256()
    claim = intents.claim_for_sweep(digest, CLOCK, soon())
    assert claim is not None
    with pytest.raises(Unavailable, match="try again"):
        intents.declare([digest], CLOCK, soon())
    intents.withdraw(claim, CLOCK, soon())
    intents.declare([digest], CLOCK, soon())

    assert intents.claim_for_sweep(digest, CLOCK, soon()) is None


def test_no_jump_of_the_clock_ends_an_upload_that_runs(instance: Instance) -> None:
    """Nor does a sweeper with a clock of its own. A crash's bytes go once they were watched for as long as a lease."""
    running, cut_off = fresh_sha256(), fresh_sha256()
    for digest in (running, cut_off):
        instance.store.put(addresses.blob(digest), b"orphan")
    clock, watch = ManualClock(CLOCK.now()), intents.Watch()
    intents.declare([cut_off], clock, clock.monotonic() + 8)

    clock.jump(intents.UPLOAD_LEASE_SECONDS + 1)
    jumped = collect_orphans(instance.store, clock, watch)
    clock.advance(intents.UPLOAD_LEASE_SECONDS - 1)
    ids = intents.declare([running], clock, clock.monotonic() + 8)
    clock.jump(intents.UPLOAD_LEASE_SECONDS + 1)
    still = collect_orphans(instance.store, clock, watch)
    clock.advance(1)
    watched = collect_orphans(instance.store, clock, watch)
    claim = intents.claim_for_sweep(running, clock, clock.monotonic() + 8)
    intents.withdraw(ids, clock, clock.monotonic() + 8)

    assert (0, 0, 1, None) == (jumped, still, watched, claim)
    assert 1 == collect_orphans(instance.store, clock, watch), "it said itself that it is over"


def test_a_sweeper_whose_clock_is_set_between_claim_and_deletion_does_not_delete(instance: Instance) -> None:
    digest = fresh_sha256()
    instance.store.put(addresses.blob(digest), b"orphan")
    intents.withdraw(intents.declare([digest], CLOCK, soon()), CLOCK, soon())

    assert 0 == collect_orphans(instance.store, SetClock())
    assert 1 == collect_orphans(instance.store, CLOCK)


def test_checkpoints_are_written_hourly_when_something_changed(instance: Instance) -> None:
    instance.upload("tool", "1.0")
    clock = ManualClock()
    checkpoints = Checkpoints(instance.reader(), clock)

    first = checkpoints.write_when_due()
    instance.upload("tool", "1.1")
    soon_after = checkpoints.write_when_due()
    clock.advance(3601)
    later = checkpoints.write_when_due()
    clock.advance(3601)

    assert (1, 0, 2, 0) == (first, soon_after, later, checkpoints.write_when_due())


def test_old_spool_files_go_and_young_ones_stay(sqlite_instance: Instance) -> None:
    config = sqlite_instance.config
    old, young = config.spool_folder / "old", config.spool_folder / "young"
    old.touch()
    young.touch()
    os.utime(old, (1_000_000_000, 1_000_000_000))

    assert 1 == sweep_folders(config, sqlite_instance.store, CLOCK)
    assert [young] == list(config.spool_folder.iterdir())


def test_copies_of_the_database_that_a_crash_left_go_and_backups_stay(sqlite_instance: Instance) -> None:
    config = sqlite_instance.config
    made = backup(config, None, CLOCK)
    left = [config.backup_folder / ".holdfast-backup-old", config.data / ".holdfast-restore-old"]
    young = config.data / ".holdfast-restore-young"
    for folder in (*left, young):
        folder.mkdir()
        (folder / "database.sqlite3").write_bytes(b"a copy")
    for path in (*left, made):
        os.utime(path, (0, 0))

    swept = sweep_folders(config, sqlite_instance.store, CLOCK)

    assert (2, [False, False, True, True]) == (swept, [path.exists() for path in (*left, young, made)])


def test_removed_bytes_are_erased_and_fsck_erases_copies_that_come_back(instance: Instance) -> None:
    digest = stored_upload(instance, "tool", "1.0")
    actions.remove_bytes(instance.publisher, (digest,), "malware", False, OPERATOR, deadline=soon())

    erased = erase_pending(instance.config, instance.store, CLOCK)
    left = {info.key for info in instance.store.list(addresses.BLOB_PREFIX)}
    instance.store.put(addresses.pulled_file("upstream", digest), b"tool 1.0")
    found = fsck(instance)
    repaired = fsck(instance, repair=True)

    assert (1, set()) == (erased, left)
    assert [f"{addresses.pulled_file('upstream', digest)} holds removed bytes"] == [
        line.split(":")[0] for line in found
    ]
    assert 1 == len(repaired)
    assert [] == fsck(instance)


def test_metadata_that_another_file_shares_outlives_a_removal(instance: Instance) -> None:
    first, second = stored_upload(instance, "tool", "1.0"), stored_upload(instance, "tool", "2.0")
    metadata = File.objects.get(sha256=first).metadata_sha256

    actions.remove_bytes(instance.publisher, (first,), "malware", False, OPERATOR, deadline=soon())
    erase_pending(instance.config, instance.store, CLOCK)

    assert {addresses.blob(second), addresses.blob(metadata)} == {
        info.key for info in instance.store.list(addresses.BLOB_PREFIX)
    }
