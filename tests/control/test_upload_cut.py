"""Uploads whose file the front cut out of the form while it arrived: taken as they are, or not at all."""

import hashlib

import pytest
import wheels
from doors import Answered, Door, basic, spooled
from instances import Instance

from holdfast.control.projects.models import File, Intent, Project
from holdfast.core.form_cut import Cut, reference
from holdfast.tree import addresses

WHEEL = wheels.wheel("demo", "1.0")
CONTENT_TYPE, BODY = wheels.twine_body(*WHEEL)


def upload(door: Door, cut: Cut) -> Answered:
    named = {"Content-Type": CONTENT_TYPE, **basic(door.token()), "X-Holdfast-Spool": reference("form", cut)}
    return door.request("POST", "/legacy/", b"", named)


def test_the_cut_file_itself_becomes_the_published_one(sqlite_instance: Instance):
    door = Door(sqlite_instance)
    folder = door.parts.config.spool_folder
    cut = spooled(folder, CONTENT_TYPE, BODY)
    inode = (folder / "form.content").stat().st_ino

    answer = upload(door, cut)

    row, stored = File.objects.get(), sqlite_instance.store.local_path(addresses.blob(cut.digests.sha256))
    assert (200, f"{WHEEL[0]} is published.\n") == (answer.status, answer.text)
    assert stored is not None and (inode, WHEEL[1]) == (stored.stat().st_ino, stored.read_bytes())
    assert (row.size, row.md5) == (len(WHEEL[1]), hashlib.md5(WHEEL[1], usedforsecurity=False).hexdigest())
    assert row.blake2b_256 == hashlib.blake2b(WHEEL[1], digest_size=32).hexdigest()
    assert [folder / "form"] == list(folder.iterdir())
    assert not Intent.objects.exists()


@pytest.mark.parametrize("harm", ["gone", "shorter", "a link"])
def test_a_cut_file_that_is_not_what_arrived_is_our_trouble_and_changes_nothing(sqlite_instance: Instance, harm: str):
    door = Door(sqlite_instance, hold_seconds=0.1)
    cut = spooled(door.parts.config.spool_folder, CONTENT_TYPE, BODY)
    content = door.parts.config.spool_folder / cut.name
    if harm == "shorter":
        content.write_bytes(WHEEL[1][:-1])
    else:
        content.rename(content.with_name("elsewhere"))
    if harm == "a link":
        content.symlink_to("elsewhere")

    answer = upload(door, cut)

    assert (503, False, False) == (answer.status, Project.objects.exists(), Intent.objects.exists())


def test_a_refused_upload_leaves_no_cut_file(sqlite_instance: Instance):
    door = Door(sqlite_instance)
    folder = door.parts.config.spool_folder
    cut = spooled(folder, CONTENT_TYPE, BODY)
    (folder / "form").write_bytes((folder / "form").read_bytes().replace(b"\r\n1.0\r\n", b"\r\n9.0\r\n"))

    assert 400 == upload(door, cut).status
    assert [folder / "form"] == list(folder.iterdir())
