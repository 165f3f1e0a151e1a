"""Actions on projects: the rows they leave, what readers then see, and who may."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from django.test.utils import CaptureQueriesContext
from instances import ALICE, BOB, CHARLIE, OPERATOR, Actor, Instance, Scopes, fresh_sha256, soon

from holdfast.control.accounts.models import User
from holdfast.control.accounts.people import sole_holdings
from holdfast.control.database import close_connection, connection
from holdfast.control.organisations import actions as organisations
from holdfast.control.projects import actions, standing
from holdfast.control.projects.models import FilenameBinding, Removal
from holdfast.control.projects.rights import NotAccepted
from holdfast.core.errors import Absent, Refused, Removed
from holdfast.core.model import Record, Role
from holdfast.tree.checkpoint import ProjectEntry


def page(instance: Instance, name: str) -> Record:
    """What readers see of a project."""
    reader = instance.reader()
    entry = reader.find("main", name)
    assert entry is not None
    return reader.record(entry)


def entry_of(instance: Instance, name: str) -> ProjectEntry | None:
    return instance.reader().find("main", name)


def listed(instance: Instance, name: str) -> list[tuple[str, bool]]:
    return [(file.filename, file.yanked) for file in page(instance, name).files]


def test_the_first_upload_creates_the_project_and_makes_the_uploader_its_owner(instance: Instance) -> None:
    published = instance.upload("Acme.Tool", "1.0", requires_python=">=3.9")

    record = page(instance, "acme-tool")
    assert (1, False) == (published.serial, published.existing)
    assert ("acme-tool", "Acme.Tool", 1) == (record.name, record.display, record.serial)
    assert (Role("alice", "owner"),) == record.roles
    assert [("acme.tool-1.0.tar.gz", ">=3.9", 3)] == [(f.filename, f.requires_python, f.size) for f in record.files]


def test_files_are_listed_by_version_then_by_filename(instance: Instance) -> None:
    for version in ("1.10", "1.9", "1.9rc1"):
        instance.upload("tool", version)

    assert ["tool-1.9rc1.tar.gz", "tool-1.9.tar.gz", "tool-1.10.tar.gz"] == [f for f, _ in listed(instance, "tool")]


def test_the_same_bytes_again_succeed_and_change_nothing(instance: Instance) -> None:
    digest = fresh_sha256()
    first = instance.upload("tool", "1.0", digest)

    again = instance.upload("tool", "1.0", digest)

    assert (first.serial, True) == (again.serial, again.existing)
    assert 1 == instance.reader().head


def test_other_bytes_under_a_known_name_are_refused_in_the_words_twine_knows(instance: Instance) -> None:
    instance.upload("tool", "1.0")

    with pytest.raises(NotAccepted, match=r"^File already exists \('tool-1\.0\.tar\.gz'"):
        instance.upload("tool", "1.0", fresh_sha256())

    assert 1 == instance.reader().head


def test_a_deleted_filename_stays_taken_even_for_the_same_bytes(instance: Instance) -> None:
    digest = fresh_sha256()
    instance.upload("tool", "1.0", digest)
    actions.delete_file(instance.publisher, "main", "tool", "tool-1.0.tar.gz", ALICE, deadline=soon())

    for sha256 in (digest, fresh_sha256()):
        with pytest.raises(NotAccepted, match=r"^File already exists in the history"):
            instance.upload("tool", "1.0", sha256)

    assert [] == listed(instance, "tool")
    assert instance.reader().card("main", digest, "tool-1.0.tar.gz").deleted
    assert digest == FilenameBinding.objects.get(filename="tool-1.0.tar.gz").sha256


def test_an_outsider_cannot_upload_to_somebody_elses_project(instance: Instance) -> None:
    instance.upload("tool", "1.0")

    with pytest.raises(Refused, match="'charlie' is not owner or maintainer of 'tool'"):
        instance.upload("tool", "1.1", actor=CHARLIE)

    assert ["tool-1.0.tar.gz"] == [f for f, _ in listed(instance, "tool")]


def test_a_maintainer_uploads_and_yanks_but_does_not_delete(instance: Instance) -> None:
    instance.upload("tool", "1.0")
    standing.add_role(instance.publisher, "main", "tool", "bob", "maintainer", ALICE, deadline=soon())

    instance.upload("tool", "1.1", actor=BOB)
    actions.yank_release(instance.publisher, "main", "tool", "1.0", "broken", BOB, deadline=soon())
    with pytest.raises(Refused, match="'bob' is not owner"):
        actions.delete_release(instance.publisher, "main", "tool", "1.0", BOB, deadline=soon())

    assert [("tool-1.0.tar.gz", True), ("tool-1.1.tar.gz", False)] == listed(instance, "tool")
    assert (Role("alice", "owner"), Role("bob", "maintainer")) == page(instance, "tool").roles


def test_a_file_uploaded_to_a_yanked_release_is_yanked_too(instance: Instance) -> None:
    instance.upload("tool", "1.0")
    actions.yank_release(instance.publisher, "main", "tool", "1.0", "broken", ALICE, deadline=soon())

    instance.upload("tool", "1.0", filename="tool-1.0-py3-none-any.whl")
    actions.unyank_file(instance.publisher, "main", "tool", "tool-1.0.tar.gz", ALICE, deadline=soon())

    assert [("tool-1.0-py3-none-any.whl", True), ("tool-1.0.tar.gz", False)] == listed(instance, "tool")
    assert ["broken", ""] == [file.yanked_reason for file in page(instance, "tool").files]


def test_unyanking_a_release_lifts_the_yank_of_all_its_files(instance: Instance) -> None:
    instance.upload("tool", "1.0")
    actions.yank_file(instance.publisher, "main", "tool", "tool-1.0.tar.gz", "oops", ALICE, deadline=soon())

    actions.unyank_release(instance.publisher, "main", "tool", "1.0", ALICE, deadline=soon())

    assert [("tool-1.0.tar.gz", False)] == listed(instance, "tool")


def test_a_deleted_project_is_gone_and_its_name_stays_owned(instance: Instance) -> None:
    instance.upload("tool", "1.0")

    serial = actions.delete_project(instance.publisher, "main", "tool", ALICE, deadline=soon())

    assert ProjectEntry("main", "tool", "tool", serial, "", gone=True, owned=True) == entry_of(instance, "tool")
    with pytest.raises(Absent, match="no project 'tool' in index 'main'"):
        actions.delete_project(instance.publisher, "main", "tool", ALICE, deadline=soon())
    with pytest.raises(Refused, match="'charlie' is not owner or maintainer"):
        instance.upload("tool", "2.0", actor=CHARLIE)


def test_its_owner_can_bring_a_deleted_project_back_with_a_new_version(instance: Instance) -> None:
    instance.upload("tool", "1.0")
    actions.delete_project(instance.publisher, "main", "tool", ALICE, deadline=soon())

    instance.upload("tool", "2.0")

    assert [("tool-2.0.tar.gz", False)] == listed(instance, "tool")


def test_only_a_released_name_falls_through_again_and_may_be_taken_by_others(instance: Instance) -> None:
    instance.upload("tool", "1.0")
    with pytest.raises(NotAccepted, match="still listed"):
        standing.release_name(instance.publisher, "main", "tool", OPERATOR, deadline=soon())
    actions.delete_project(instance.publisher, "main", "tool", ALICE, deadline=soon())
    with pytest.raises(Refused, match="admin right"):
        standing.release_name(instance.publisher, "main", "tool", ALICE, deadline=soon())

    standing.release_name(instance.publisher, "main", "tool", OPERATOR, deadline=soon())

    entry = entry_of(instance, "tool")
    assert entry is None or not entry.owned
    instance.upload("tool", "2.0", actor=CHARLIE)
    assert (Role("charlie", "owner"),) == page(instance, "tool").roles


def test_deleting_a_release_delists_its_files_and_leaves_the_others(instance: Instance) -> None:
    instance.upload("tool", "1.0")
    instance.upload("tool", "2.0")

    actions.delete_release(instance.publisher, "main", "tool", "1.0", ALICE, deadline=soon())

    assert [("tool-2.0.tar.gz", False)] == listed(instance, "tool")


def test_removed_bytes_leave_every_page_and_cannot_come_back(instance: Instance) -> None:
    digest = fresh_sha256()
    instance.upload("tool", "1.0", digest)
    instance.upload("other", "1.0", digest)
    with pytest.raises(Refused, match="admin right"):
        actions.remove_bytes(instance.publisher, (digest,), "malware", False, ALICE, deadline=soon())

    actions.remove_bytes(instance.publisher, (digest,), "malware", False, OPERATOR, deadline=soon())

    removal = instance.reader().removal(digest)
    assert removal is not None
    assert ("malware", False) == (removal.reason, removal.legal)
    assert ([], []) == (listed(instance, "tool"), listed(instance, "other"))
    with pytest.raises(Removed, match="malware"):
        instance.upload("third", "1.0", digest)


def test_a_thousand_digests_are_taken_down_in_few_statements_and_the_first_reason_stays(instance: Instance) -> None:
    """Everybody who writes waits meanwhile."""
    known, *others = many = tuple(fresh_sha256() for _ in range(1000))
    instance.upload("tool", "1.0", others[-1])
    actions.remove_bytes(instance.publisher, (known,), "malware", True, OPERATOR, deadline=soon())

    with CaptureQueriesContext(connection()) as asked:
        actions.remove_bytes(instance.publisher, (*many, known), "a key inside", False, OPERATOR, deadline=soon())

    assert len(asked) < 100
    found = {one.sha256: (one.reason, one.legal) for one in Removal.objects.filter(sha256__in=many)}
    assert {**dict.fromkeys(others, ("a key inside", False)), known: ("malware", True)} == found
    assert [] == listed(instance, "tool")


def test_quarantine_is_an_administrators_and_reversible(instance: Instance) -> None:
    instance.upload("tool", "1.0")
    with pytest.raises(Refused, match="admin right"):
        actions.set_status(instance.publisher, "main", "tool", "quarantined", "", ALICE, deadline=soon())

    actions.set_status(instance.publisher, "main", "tool", "quarantined", "looks bad", OPERATOR, deadline=soon())
    quarantined = page(instance, "tool")
    actions.set_status(instance.publisher, "main", "tool", "archived", "", OPERATOR, deadline=soon())

    assert ("quarantined", "looks bad") == (quarantined.status, quarantined.status_reason)
    assert ("archived", "") == (page(instance, "tool").status, page(instance, "tool").status_reason)


def test_the_last_owner_stays(instance: Instance) -> None:
    instance.upload("tool", "1.0")

    with pytest.raises(NotAccepted, match="last owner"):
        standing.remove_role(instance.publisher, "main", "tool", "alice", ALICE, deadline=soon())
    with pytest.raises(NotAccepted, match="last owner"):
        standing.add_role(instance.publisher, "main", "tool", "alice", "maintainer", ALICE, deadline=soon())

    assert (Role("alice", "owner"),) == page(instance, "tool").roles


@pytest.mark.parametrize(
    ("other", "may_go"),
    [
        ({}, True),
        ({"is_active": False}, False),
        ({"is_robot": True}, False),
        ({"password": "!"}, False),
    ],
    ids=["a person", "frozen", "a robot", "a name without a way in"],
)
def test_an_owner_goes_only_when_another_one_who_can_act_remains(
    sqlite_instance: Instance, other: dict[str, Any], may_go: bool
) -> None:
    publisher = sqlite_instance.publisher
    sqlite_instance.upload("tool", "1.0")
    standing.add_role(publisher, "main", "tool", "bob", "owner", ALICE, deadline=soon())
    User.objects.update(password="a hash")
    User.objects.filter(username="bob").update(**other)
    alice, here = User.objects.get(username="alice"), Actor("alice", Scopes(), credential="session")

    assert ([] if may_go else ["main/tool"]) == sole_holdings(alice, publisher.clock.now())
    if not may_go:
        with pytest.raises(NotAccepted, match=r"'alice' is the last owner who can act \(bob: "):
            standing.leave_project(publisher, "main", "tool", here, deadline=soon())
        standing.remove_role(publisher, "main", "tool", "bob", ALICE, deadline=soon())
    else:
        standing.leave_project(publisher, "main", "tool", here, deadline=soon())

    assert (Role("bob" if may_go else "alice", "owner"),) == page(sqlite_instance, "tool").roles


def test_a_frozen_owner_of_an_organisation_does_not_count(sqlite_instance: Instance) -> None:
    publisher, here = sqlite_instance.publisher, Actor("alice", Scopes(), credential="session")
    organisations.create_organisation(publisher, "acme", "Acme", here, deadline=soon())
    organisations.add_member(publisher, "acme", "bob", "owner", OPERATOR, deadline=soon())
    User.objects.update(password="a hash")
    User.objects.filter(username="bob").update(is_active=False)

    with pytest.raises(NotAccepted, match=r"'alice' is the last owner who can act \(bob: "):
        organisations.leave_organisation(publisher, "acme", here, deadline=soon())


def test_a_shadow_grant_is_an_operators_and_can_be_taken_back(instance: Instance) -> None:
    with pytest.raises(Refused, match="admin right"):
        standing.grant_shadow(instance.publisher, "main", "requests", ALICE, deadline=soon())

    standing.grant_shadow(instance.publisher, "main", "requests", OPERATOR, deadline=soon())
    granted = standing.has_shadow_grant("main", "requests")
    standing.revoke_shadow(instance.publisher, "main", "requests", OPERATOR, deadline=soon())

    assert (True, False) == (granted, standing.has_shadow_grant("main", "requests"))


def test_equal_versions_are_one_release_in_its_first_spelling(instance: Instance) -> None:
    """PEP 440: 1.0 and 1.0.0 are the same version. A yank of one spelling holds for files uploaded in another."""
    for version in ("1.0", "1.0.1", "10.0", "1!1.0", "1.0rc1"):
        instance.upload("tool", version)
    actions.yank_release(instance.publisher, "main", "tool", "1", "broken", ALICE, deadline=soon())
    for version in ("1.0.0", "1", "1.0.0rc1"):
        instance.upload("tool", version)

    assert [
        ("tool-1.0.0rc1.tar.gz", "1.0rc1", False),
        ("tool-1.0rc1.tar.gz", "1.0rc1", False),
        ("tool-1.0.0.tar.gz", "1.0", True),
        ("tool-1.0.tar.gz", "1.0", True),
        ("tool-1.tar.gz", "1.0", True),
        ("tool-1.0.1.tar.gz", "1.0.1", False),
        ("tool-10.0.tar.gz", "10.0", False),
        ("tool-1!1.0.tar.gz", "1!1.0", False),
    ] == [(file.filename, file.version, file.yanked) for file in page(instance, "tool").files]
    actions.delete_release(instance.publisher, "main", "tool", "1.0.0.0", ALICE, deadline=soon())
    assert ["1.0rc1", "1.0rc1", "1.0.1", "10.0", "1!1.0"] == [file.version for file in page(instance, "tool").files]


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_bytes_that_are_uploaded_while_they_are_taken_down_are_not_listed(instance: Instance) -> None:
    """On PostgreSQL neither transaction sees the other's rows: one must wait. SQLite has one writer anyway."""
    digest = fresh_sha256()
    instance.upload("tool", "1.0")
    with psycopg.connect(instance.config.database_url) as gate, ThreadPoolExecutor(2) as pool:
        gate.execute("SELECT value FROM publication_counter FOR UPDATE")
        uploaded = pool.submit(in_thread, lambda: instance.upload("tool", "2.0", digest))
        wait_for_waiting(instance, 1)
        removed = pool.submit(
            in_thread,
            lambda: actions.remove_bytes(
                instance.another_publisher(), (digest,), "a key", False, OPERATOR, deadline=soon()
            ),
        )
        wait_for_waiting(instance, 2)
        gate.rollback()
        uploaded.result(10)
        removed.result(10)

    assert [("tool-1.0.tar.gz", False)] == listed(instance, "tool")


def in_thread(work: Callable[[], object]) -> None:
    try:
        work()
    finally:
        close_connection()


def wait_for_waiting(instance: Instance, count: int) -> None:
    """Return once so many transactions of this database wait for a lock."""
    question = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    for _ in range(300):
        with psycopg.connect(instance.config.database_url) as watcher:
            row = watcher.execute(question).fetchone()
        if row == (count,):
            return
    raise AssertionError(f"there are not {count} transactions waiting")


def test_a_removed_document_does_not_come_back_as_a_files_metadata(instance: Instance) -> None:
    metadata = fresh_sha256()
    actions.remove_bytes(instance.publisher, (metadata,), "an address", False, OPERATOR, deadline=soon())

    with pytest.raises(Removed, match="an address"):
        instance.upload("tool", "1.0", metadata_sha256=metadata)
