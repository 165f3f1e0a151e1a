"""What is left of publishing sessions besides their files: previews in the store, and their end in time."""

import hashlib
from datetime import timedelta

from doors import Door
from instances import Instance
from sessions import (
    NAMES,
    WHEEL,
    ask,
    opened,
    preview_of,
    read,
    stage,
    staged,
)

from holdfast.clock import ManualClock, SystemClock
from holdfast.control.accounts.models import AuditEvent
from holdfast.control.publication.fsck import check
from holdfast.control.publication.upkeep import sweep
from holdfast.control.staging.models import StagingSession
from holdfast.control.staging.preview import drop_strays, show_changed
from holdfast.control.staging.sessions import ENDED_SECONDS, SESSION_SECONDS, expire_sessions
from holdfast.tree import addresses

CLOCK = SystemClock()


def blobs(instance: Instance) -> set[str]:
    return {info.key for info in instance.store.list(addresses.BLOB_PREFIX)}


def test_the_preview_shows_the_files_in_the_store_under_a_digest_of_the_secret_alone(sqlite_instance: Instance):
    door, alice, session = staged(sqlite_instance)

    shown = preview_of(door, alice, session)

    token = StagingSession.objects.get().preview_token
    assert shown is not None and (shown.index, shown.name) == ("main", "demo-pkg")
    assert [file.filename for file in shown.staged().files] == NAMES
    keys = [info.key for info in sqlite_instance.store.list(addresses.PREVIEW_PREFIX)]
    assert keys == [f"previews/{hashlib.sha256(token.encode()).hexdigest()}.json"]
    assert all(token.encode() not in sqlite_instance.store.get(key) for key in keys)
    assert not any(token in str(event.detail) for event in AuditEvent.objects.all())


def test_the_preview_ends_with_publication(sqlite_instance: Instance):
    door, alice, session = staged(sqlite_instance)
    url = ask(door, alice, session).json()["links"]["preview"]

    ask(door, alice, session, "POST", "publish")

    assert read(door, url) is None
    assert "preview" not in ask(door, alice, session).json()["links"]


def test_what_expires_is_canceled_by_work_with_its_bytes_and_forgotten_a_week_later(instance: Instance):
    door = Door(instance)
    alice = door.token("alice")
    before = blobs(instance)
    session = opened(door, alice)
    stage(door, alice, session, WHEEL)
    late = ManualClock(CLOCK.now() + timedelta(seconds=SESSION_SECONDS + 1))
    publisher = instance.another_publisher(clock=late)

    assert expire_sessions(publisher, late) == 1
    assert show_changed(instance.store, late) == 1
    sweep(instance.config, instance.store, late)

    assert ask(door, alice, session).json()["status"] == "canceled"
    assert blobs(instance) == before
    assert list(instance.store.list(addresses.PREVIEW_PREFIX)) == []
    late.advance(ENDED_SECONDS + 1)
    expire_sessions(publisher, late)
    assert ask(door, alice, session).status == 404


def test_an_expired_session_that_work_has_not_seen_yet_is_over_all_the_same(sqlite_instance: Instance):
    door, alice, session = staged(sqlite_instance)
    StagingSession.objects.update(expires=CLOCK.now())

    assert ask(door, alice, session, "POST", "publish").status == 409
    assert opened(door, alice) != session


def test_a_session_can_be_extended_and_never_shortened(sqlite_instance: Instance):
    door, alice, session = staged(sqlite_instance)
    first = ask(door, alice, session).json()["expires_at"]

    shorter = ask(door, alice, session, "POST", "extend", seconds=60).json()["expires_at"]
    longest = ask(door, alice, session, "POST", "extend", seconds=10**9).json()["expires_at"]

    assert (shorter, longest > first) == (first, True)
    assert StagingSession.objects.get().expires < CLOCK.now() + timedelta(days=31)
    assert ask(door, alice, session, "POST", "extend", seconds=-1).status == 400


def test_a_preview_without_a_session_goes_with_its_bytes(sqlite_instance: Instance):
    """A database that was rebuilt from the tree knows no session."""
    staged(sqlite_instance)
    StagingSession.objects.all().delete()

    assert drop_strays(sqlite_instance.store, CLOCK) == 1
    sweep(sqlite_instance.config, sqlite_instance.store, CLOCK)

    assert blobs(sqlite_instance) == set()
    assert list(sqlite_instance.store.list(addresses.PREVIEW_PREFIX)) == []


def test_fsck_takes_staged_bytes_for_no_orphans(sqlite_instance: Instance):
    staged(sqlite_instance)
    said: list[str] = []

    report = check(sqlite_instance.config, repair=True, deep=True, say=said.append)

    assert (report.orphans, said) == (0, [])
    assert blobs(sqlite_instance)
