"""A file's provenance goes where its file goes: promoted, rebuilt, exported, and erased together with it."""

import hashlib
from datetime import timedelta
from pathlib import Path

import attested
import wheels
from doors import Door
from instances import OPERATOR, Instance, Scopes, empty_database, rebuilt, soon

from holdfast.clock import ManualClock, SystemClock
from holdfast.config import IndexConfig
from holdfast.control.projects import actions
from holdfast.control.projects.models import File
from holdfast.control.publication.erase import erase_pending
from holdfast.control.publication.fsck import check
from holdfast.control.publication.upkeep import expire_deleted, sweep
from holdfast.core.errors import Absent
from holdfast.tree import addresses
from holdfast.tree.export import export

CLOCK = SystemClock()
WHEEL = wheels.wheel("demo-pkg", "1.0")
SIGNED = attested.attestation(*WHEEL)
PROVENANCE = attested.provenance(SIGNED)
DIGEST = hashlib.sha256(PROVENANCE).hexdigest()
EXPORTED = f"integrity/demo-pkg/1.0/{WHEEL[0]}/provenance"


def signed_upload(instance: Instance) -> tuple[Door, str]:
    door = Door(instance).among(IndexConfig("main"), IndexConfig("stable"))
    token = door.token(scopes=Scopes(read=("*",), upload=("*",), create_projects=True))
    answer = door.upload(wheels.twine_body(*WHEEL, attestations=attested.field(SIGNED)), token)
    assert answer.status == 200, answer.text
    return door, token


def listed(instance: Instance, index: str) -> str:
    """The digest of the provenance that readers of the tree see."""
    reader = instance.reader()
    entry = reader.find(index, "demo-pkg")
    assert entry is not None
    (file,) = reader.record(entry).files
    assert reader.card(index, file.sha256, file.filename).provenance_sha256 == file.provenance_sha256
    return file.provenance_sha256


def is_kept(instance: Instance) -> bool:
    try:
        return instance.store.get(addresses.blob(DIGEST)) == PROVENANCE
    except Absent:
        return False


def fsck(instance: Instance) -> list[str]:
    lines: list[str] = []
    check(instance.config, repair=False, deep=True, say=lines.append)
    return lines


def test_a_promotion_takes_it_along(instance: Instance) -> None:
    door, token = signed_upload(instance)

    answer = door.api("POST", "projects/main/demo-pkg/releases/1.0/promote", token, {"to": "stable"})

    assert answer.status == 200, answer.text
    assert DIGEST == listed(instance, "stable")


def test_a_rebuilt_database_knows_it(instance: Instance) -> None:
    signed_upload(instance)
    empty_database(instance)

    rebuilt(instance, CLOCK)

    assert DIGEST == File.objects.get().provenance_sha256
    assert [] == [line for line in fsck(instance) if "demo-pkg" in line]
    late = ManualClock(CLOCK.now() + timedelta(days=40))
    sweep(instance.config, instance.store, late)
    assert is_kept(instance)


def test_fsck_misses_it(sqlite_instance: Instance) -> None:
    signed_upload(sqlite_instance)
    assert [] == fsck(sqlite_instance)

    sqlite_instance.store.delete(addresses.blob(DIGEST))

    assert ["provenance" in line for line in fsck(sqlite_instance)] == [True]


def test_it_goes_with_the_bytes_of_a_deleted_file(instance: Instance) -> None:
    signed_upload(instance)
    actions.delete_file(instance.publisher, "main", "demo-pkg", WHEEL[0], OPERATOR, deadline=soon())
    early, late = (ManualClock(CLOCK.now() + timedelta(days=days)) for days in (29, 31))

    for clock, kept in ((early, True), (late, False)):
        expire_deleted(instance.config, clock)
        sweep(instance.config, instance.store, clock)
        assert kept == is_kept(instance)


def test_it_goes_with_the_bytes_that_are_taken_down(instance: Instance) -> None:
    signed_upload(instance)
    digest = hashlib.sha256(WHEEL[1]).hexdigest()

    actions.remove_bytes(instance.publisher, (digest,), "malware", False, OPERATOR, deadline=soon())
    erase_pending(instance.config, instance.store, CLOCK)

    assert not is_kept(instance)
    assert [] == fsck(instance)


def test_one_that_is_taken_down_itself_leaves_the_file(sqlite_instance: Instance, tmp_path: Path) -> None:
    instance = sqlite_instance
    signed_upload(instance)
    export(instance.store, instance.reader(), "main", tmp_path / "exported", "https://index.example")
    assert PROVENANCE == (tmp_path / "exported" / EXPORTED).read_bytes()

    actions.remove_bytes(instance.publisher, (DIGEST,), "a name is in it", False, OPERATOR, deadline=soon())
    erase_pending(instance.config, instance.store, CLOCK)
    done = export(instance.store, instance.reader(), "main", tmp_path / "exported", "https://index.example")

    assert {} == done.failed
    assert not (tmp_path / "exported" / EXPORTED).exists()
    assert '"provenance":null' in (tmp_path / "exported/simple/demo-pkg/index.json").read_text()
    assert not is_kept(instance)
    assert [] == fsck(instance)
