"""Backup, restore, reconcile, rebuild and fsck: what is left after each kind of damage."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from instances import (
    ALICE,
    OPERATOR,
    Instance,
    Scopes,
    empty_database,
    fresh_sha256,
    mistyped,
    new_file,
    soon,
    stored_upload,
)
from wheels import metadata_text, wheel

from holdfast.clock import ManualClock, SystemClock
from holdfast.control.accounts import trail
from holdfast.control.accounts.actions import authenticate, create_token, list_tokens, revoke_token
from holdfast.control.backup import backup, read_manifest, restore
from holdfast.control.database import DatabaseUnavailable, close_connection, is_sqlite
from holdfast.control.instance import NotInitialised, initialise
from holdfast.control.projects import actions, standing
from holdfast.control.projects.models import File, FilenameBinding, Project
from holdfast.control.projects.publishing import publish_file
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.publication.fsck import check
from holdfast.control.publication.models import Event
from holdfast.control.publication.models import Instance as InstanceRow
from holdfast.control.publication.publisher import Publisher
from holdfast.control.publication.rebuild import rebuild
from holdfast.control.publication.reconcile import reconcile
from holdfast.control.publication.transaction import TreeAhead, current_serial, write_transaction
from holdfast.core.errors import Corrupt
from holdfast.core.model import Role
from holdfast.tree import addresses

CLOCK = SystemClock()


def fsck(instance: Instance, *, repair: bool = False) -> list[str]:
    """The lines fsck says."""
    lines: list[str] = []
    report = check(instance.config, repair=repair, deep=False, say=lines.append)
    assert report.findings + report.repaired == len(lines)
    return lines


def listed(instance: Instance, name: str) -> list[str]:
    reader = instance.reader()
    entry = reader.find("main", name)
    assert entry is not None
    return [file.filename for file in reader.record(entry).files]


def test_a_restored_database_waits_for_reconcile_and_deleted_names_stay_taken(
    instance: Instance, tmp_path: Path
) -> None:
    digest = stored_upload(instance, "tool", "1.0")
    saved = backup(instance.config, tmp_path / "saved.tar", CLOCK)
    late = stored_upload(instance, "tool", "2.0")
    actions.delete_file(instance.publisher, "main", "tool", "tool-1.0.tar.gz", ALICE, deadline=soon())
    stored_upload(instance, "other", "1.0")
    actions.delete_project(instance.publisher, "main", "other", ALICE, deadline=soon())
    standing.add_role(instance.publisher, "main", "tool", "bob", "maintainer", ALICE, deadline=soon())
    token = create_token(instance.publisher, "ci", "alice", Scopes(read=("team",)), None, OPERATOR, deadline=soon())
    journal = [info.key for info in instance.store.list(addresses.JOURNAL_PREFIX)]

    restored = restore(instance.config, instance.store, saved, CLOCK)
    with pytest.raises(TreeAhead, match="holdfast reconcile"):
        instance.upload("tool", "3.0")
    assert journal == [info.key for info in instance.store.list(addresses.JOURNAL_PREFIX)]
    done = reconcile(instance.publisher, OPERATOR, soon())

    assert (1, 7, True) == (restored.manifest.serial, restored.head, restored.is_behind)
    assert (1, 7, 2, 1, []) == (done.counter_before, done.head, done.projects, done.tokens, done.republished)
    assert 7 == current_serial()
    for name, known in (("tool", digest), ("other", fresh_sha256())):
        with pytest.raises(NotAccepted, match=r"^File already exists"):
            publish_file(instance.publisher, "main", new_file(name, "1.0", known), ALICE, deadline=soon())
    assert 8 == instance.upload("tool", "3.0").serial
    assert ["tool-2.0.tar.gz", "tool-3.0.tar.gz"] == listed(instance, "tool")
    assert late == FilenameBinding.objects.get(filename="tool-2.0.tar.gz").sha256
    found = authenticate(token.text, CLOCK)
    assert found is not None
    assert ("recovered", ("team",), ()) == (found.user, found.scopes.read, found.scopes.upload)
    assert {("alice", "owner"), ("bob", "maintainer")} == {
        (role.user.username, role.role) for role in File.objects.get(filename="tool-3.0.tar.gz").project.roles.all()
    }


def test_what_only_the_database_knew_is_published_again_by_reconcile(instance: Instance, tmp_path: Path) -> None:
    stored_upload(instance, "tool", "1.0")
    saved = backup(instance.config, tmp_path / "saved.tar", CLOCK)
    stored_upload(instance, "tool", "2.0")
    restore(instance.config, instance.store, saved, CLOCK)
    row = Event.objects.get(serial=1)
    File.objects.filter(filename="tool-1.0.tar.gz").update(yanked=True)
    Event.objects.create(serial=2, event="e" * 32, created=row.created, changes=row.changes[:1])  # committed elsewhere

    done = reconcile(instance.publisher, OPERATOR, soon())

    assert ["main/tool"] == done.republished
    assert ["tool-1.0.tar.gz", "tool-2.0.tar.gz"] == listed(instance, "tool")
    assert 3 == current_serial() == instance.reader().head


def test_a_backup_of_another_instance_or_no_backup_at_all_changes_nothing(instance: Instance, tmp_path: Path) -> None:
    stored_upload(instance, "tool", "1.0")
    saved = backup(instance.config, tmp_path / "saved.tar", CLOCK)
    instance.config.marker.write_text(instance.config.marker.read_text().replace(instance.config.instance, "0" * 32))
    (tmp_path / "junk.tar").write_bytes(b"junk")

    with pytest.raises(NotInitialised, match="belongs to instance"):
        restore(instance.config, instance.store, saved, CLOCK)
    with pytest.raises(Corrupt, match="is not a backup"):
        restore(instance.config, instance.store, tmp_path / "junk.tar", CLOCK)

    assert 1 == current_serial()
    assert (0o600, instance.config.instance, 1) == (
        saved.stat().st_mode & 0o777,
        read_manifest(saved).instance,
        read_manifest(saved).serial,
    )
    with pytest.raises(FileExistsError, match="never overwrite"):
        backup(instance.config, saved, CLOCK)


def test_restore_brings_users_and_tokens_back_after_the_database_was_deleted(
    sqlite_instance: Instance, tmp_path: Path
) -> None:
    instance = sqlite_instance
    token = create_token(instance.publisher, "ci", "alice", Scopes(read=("*",)), None, OPERATOR, deadline=soon())
    saved = backup(instance.config, tmp_path / "saved.tar", CLOCK)
    instance.config.sqlite_file.unlink()

    with pytest.raises(NotInitialised, match="holdfast restore"):
        initialise(instance.config, instance.store)
    assert not instance.config.sqlite_file.exists()
    restore(instance.config, instance.store, saved, CLOCK)

    found = authenticate(token.text, CLOCK)
    assert found is not None
    assert "alice" == found.user
    assert 2 == instance.upload("tool", "1.0").serial


def test_a_rebuilt_database_lists_binds_and_removes_what_the_tree_says(instance: Instance) -> None:
    digest = stored_upload(instance, "tool", "1.0")
    stored_upload(instance, "tool", "2.0")
    bad = stored_upload(instance, "bad", "1.0")
    actions.yank_release(instance.publisher, "main", "tool", "2.0", "broken", ALICE, deadline=soon())
    actions.delete_file(instance.publisher, "main", "tool", "tool-1.0.tar.gz", ALICE, deadline=soon())
    actions.remove_bytes(instance.publisher, (bad,), "malware", True, OPERATOR, deadline=soon())
    before = {entry.name: entry.record for entry in instance.reader().names("main")}
    ended = trail.publish_trail_head(instance.publisher, instance.store)
    with pytest.raises(NotInitialised, match=r"never touches a database|needs an empty one"):
        rebuild(instance.config, instance.store, CLOCK)
    empty_database(instance)

    done = rebuild(instance.config, instance.store, CLOCK)

    assert (6, 2, 0) == (done.serial, done.projects, done.tokens)
    assert [] == [line for line in fsck(instance) if "main/tool" in line]
    assert before == {entry.name: entry.record for entry in instance.reader().names("main")}
    with pytest.raises(NotAccepted, match=r"^File already exists in the history"):
        instance.upload("tool", "1.0", digest)
    assert 7 == instance.upload("tool", "3.0").serial
    assert ["tool-2.0.tar.gz", "tool-3.0.tar.gz"] == listed(instance, "tool")
    assert (Role("alice", "owner"),) == record_roles(instance, "tool")
    assert ended + 2 == trail.publish_trail_head(instance.publisher, instance.store)  # the rebuild's and 3.0's
    found = trail.verify(instance.store, instance.config.instance)
    assert found.begun is not None
    assert (2, 2, (), ended) == (found.count, found.heads, found.problems, found.begun.after)
    instance.store.delete(addresses.audit_head(ended))
    assert "no such end was ever published" in trail.verify(instance.store, instance.config.instance).problems[0]


def record_roles(instance: Instance, name: str) -> tuple[Role, ...]:
    reader = instance.reader()
    entry = reader.find("main", name)
    assert entry is not None
    return reader.record(entry).roles


def test_fsck_finds_nothing_in_a_whole_instance(instance: Instance) -> None:
    digest = stored_upload(instance, "tool", "1.0")
    stored_upload(instance, "tool", "2.0")
    actions.delete_release(instance.publisher, "main", "tool", "1.0", ALICE, deadline=soon())

    assert [] == fsck(instance)
    assert [] == fsck(instance, repair=True)
    assert instance.store.get(addresses.blob(digest)) == b"tool 1.0"  # deleted by its owner: kept


def test_fsck_names_what_is_damaged_and_repairs_what_the_rows_can_say(instance: Instance) -> None:
    digest = stored_upload(instance, "tool", "1.0")
    stored_upload(instance, "other", "1.0")
    reader = instance.reader()
    entry = reader.find("main", "tool")
    assert entry is not None
    instance.store.put(addresses.record("main", "tool", entry.record), b"flipped")
    instance.store.delete(addresses.card("main", digest, "tool-1.0.tar.gz"))
    instance.store.put(addresses.segment(2), b"{}")

    found = fsck(instance)
    repaired = fsck(instance, repair=True)

    assert ["v1/journal/000000000002.json is damaged"] == [line.split(":")[0] for line in found]
    assert [
        "repaired: published serial 2 again",
        "repaired: published main/tool again",
        "repaired: card of main/tool/tool-1.0.tar.gz, which is missing",
    ] == repaired
    assert [] == fsck(instance)


def test_fsck_finds_missing_and_wrong_bytes_and_does_not_pretend_to_repair_them(instance: Instance) -> None:
    missing = stored_upload(instance, "tool", "1.0")
    wrong = stored_upload(instance, "tool", "2.0")
    instance.store.delete(addresses.blob(missing))
    instance.store.put(addresses.blob(wrong), b"tool 2.1")

    for repair in (False, True):
        assert [
            f"main/tool/tool-1.0.tar.gz: its bytes {addresses.blob(missing)} are missing",
            f"main/tool/tool-2.0.tar.gz: its bytes {addresses.blob(wrong)} do not have their digest",
        ] == [
            line.partition(": upload the same file again, put them back")[0] for line in fsck(instance, repair=repair)
        ]


@pytest.mark.parametrize("damage", [None, b"Name: other"], ids=["missing", "other bytes"])
def test_fsck_reads_the_metadata_of_a_whole_wheel_out_of_it_again(instance: Instance, damage: bytes | None) -> None:
    filename, content = wheel("tool", "1.0")
    metadata = metadata_text("tool", "1.0")
    digests = [sha256(data).hexdigest() for data in (content, metadata)]
    for digest, data in zip(digests, (content, metadata), strict=True):
        instance.store.put(addresses.blob(digest), data)
    facts = {"filename": filename, "packagetype": "bdist_wheel", "python_version": "py3"}
    instance.upload("tool", "1.0", digests[0], size=len(content), metadata_sha256=digests[1], **facts)
    key = addresses.blob(digests[1])
    if damage is None:
        instance.store.delete(key)
    else:
        instance.store.put(key, damage)

    found, repaired = fsck(instance), fsck(instance, repair=True)

    assert [True] == ["`holdfast fsck --repair` reads them out of the wheel" in line for line in found]
    assert [True] == [line.startswith(f"repaired: metadata of main/tool/{filename}") for line in repaired]
    assert metadata == instance.store.get(key)
    assert [] == fsck(instance)


@pytest.mark.parametrize("content", [b"no zip at all", wheel("tool", "2.0")[1]], ids=["no wheel", "another wheel"])
def test_fsck_puts_no_other_metadata_in_the_place_of_what_is_lost(instance: Instance, content: bytes) -> None:
    """The wheel may be damaged, too: then its bytes are what must come back first."""
    digest, lost = sha256(content).hexdigest(), sha256(metadata_text("tool", "1.0")).hexdigest()
    instance.store.put(addresses.blob(digest), content)
    facts = {"filename": "tool-1.0-py3-none-any.whl", "packagetype": "bdist_wheel", "python_version": "py3"}
    instance.upload("tool", "1.0", digest, size=len(content), metadata_sha256=lost, **facts)

    told = fsck(instance, repair=True)

    assert [True] == [addresses.blob(lost) in line and "upload the same file again" in line for line in told]
    assert not list(instance.store.list(addresses.blob(lost)))


def test_fsck_under_a_running_server_takes_nothing_new_for_damage(instance: Instance) -> None:
    instance.store.delete(addresses.blob(stored_upload(instance, "tool", "1.0")))
    lines: list[str] = []

    def say(line: str) -> None:
        """Somebody uploads while fsck is at its first finding."""
        lines.append(line)
        if len(lines) == 1:
            stored_upload(instance, "tool", "2.0")
            stored_upload(instance, "new", "1.0")

    check(instance.config, repair=False, deep=False, say=say)

    assert ["main/tool/tool-1.0.tar.gz"] == [line.split(":")[0] for line in lines]


class RestoredBetween:
    """A second machine's publisher, under which the first one restores a backup just before a write begins.

    It published nothing lately, so the head it knows of is an old one.
    """

    def __init__(self, inner: Publisher, restore_it: Callable[[], object]) -> None:
        self._inner, self._restore = inner, restore_it

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def head_before_write(self) -> int:
        self._inner.head_before_write()
        self._restore()
        return 0


def test_a_restore_under_a_write_of_another_machine_ends_that_write_and_nothing_else(
    instance: Instance, tmp_path: Path
) -> None:
    """Its serial would be one that the tree has given away already: two databases on one tree, it would seem."""
    stored_upload(instance, "tool", "1.0")
    saved = backup(instance.config, tmp_path / "saved.tar", CLOCK)
    stored_upload(instance, "tool", "2.0")
    other = RestoredBetween(
        instance.another_publisher(), lambda: restore(instance.config, instance.store, saved, CLOCK)
    )

    with (
        pytest.raises(DatabaseUnavailable, match="another database was put in this one's place"),
        write_transaction(other, ALICE, soon()) as tx,
    ):
        tx.changed(Project.objects.get())
    with pytest.raises(TreeAhead, match="holdfast reconcile"):
        instance.upload("tool", "3.0")

    assert 1 == current_serial()
    assert "" == InstanceRow.objects.get().halted


def test_fsck_without_a_database_still_checks_the_tree(sqlite_instance: Instance) -> None:
    instance = sqlite_instance
    digest = stored_upload(instance, "tool", "1.0")
    instance.store.delete(addresses.blob(digest))
    empty_database(instance)

    lines = fsck(instance)

    assert 2 == len(lines)
    assert "holdfast restore" in lines[0]
    assert "are missing" in lines[1]
    assert not instance.config.sqlite_file.exists()


def test_a_tree_that_lost_its_newest_serials_gets_them_again(instance: Instance) -> None:
    stored_upload(instance, "tool", "1.0")
    stored_upload(instance, "tool", "2.0")
    instance.store.delete(addresses.segment(2))

    instance.another_publisher().drain()
    again = instance.another_publisher()
    again.head_before_write()
    again.drain()

    assert ["tool-1.0.tar.gz", "tool-2.0.tar.gz"] == listed(instance, "tool")


def test_tokens_are_hashed_expire_and_are_revoked(instance: Instance) -> None:
    clock = ManualClock(CLOCK.now())
    made = create_token(
        instance.publisher, "ci", "alice", Scopes(upload=("main",)), clock.now(), OPERATOR, deadline=soon()
    )
    kept = create_token(instance.publisher, "ci2", "alice", Scopes(read=("team",)), None, OPERATOR, deadline=soon())
    valid = authenticate(kept.text, clock)
    in_tree = instance.reader().token(kept.id)
    revoke_token(instance.publisher, "ci2", OPERATOR, deadline=soon())

    assert authenticate(made.text, clock) is None
    assert valid is not None
    assert in_tree is not None
    assert ("team",) == in_tree.reads
    assert authenticate(kept.text, clock) is None
    assert authenticate(mistyped(kept.text), clock) is None
    assert instance.reader().token(kept.id) is None
    assert [("ci", False), ("ci2", True)] == [(facts.name, facts.revoked is not None) for facts in list_tokens()]
    assert made.text not in repr(made)
    if is_sqlite(instance.config):
        close_connection()
        with closing(sqlite3.connect(instance.config.sqlite_file)) as database:
            assert made.text not in "\n".join(database.iterdump())
