"""A backup while twine uploads: no upload notices, and what it gives, here and on a new machine, installs as before."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from holdfast.drill.checkers import check_contiguous, check_fsck, check_served
from holdfast.drill.clients import Load, pip_install
from holdfast.drill.corpus import wheel
from holdfast.drill.publishers import as_token, twine_path, twine_upload_each
from holdfast.drill.rig import HUNG_SECONDS, Rig, wait_until
from holdfast.drill.scenario import Say
from holdfast.drill.steps import publish, warm

SLOW = True  # two instances, and twine all the time
ROUNDS_SECONDS_MAX = 120.0
MARKER = ".holdfast-store"  # without it a folder is no store: an unmounted disk is never an empty index


def run(say: Say) -> None:
    twine_path()  # whether this can run at all
    with Rig() as rig:
        publish(rig, "known", "1.0")
        paths = warm(rig, "known")
        backup, copied = rig.folder / "backup.sqlite3", rig.folder / "copied"
        with Load(rig.url, paths, ["known==1.0"], rig.folder, readers=1, pause_seconds=0.1) as load:
            with _uploads(rig) as codes:
                _wait_for(codes, 2)
                rig.run("backup", str(backup))
                at = len(codes)
                _wait_for(codes, at + 2)
                # Of a store nothing is ever changed in place, so it is copied as files while it is written to.
                shutil.copytree(rig.data / "store", copied, ignore=_half_written)
                copied_at = len(codes)
                _wait_for(codes, copied_at + 1)
            assert set(codes) == {0}, codes
            files = check_served(rig, "busy")
            assert len(files) == len(codes), (files, codes)
            say(f"{len(codes)} uploads by twine went through, {at} of them before the backup was done")

            _elsewhere(rig, backup, copied, copied_at)
            say("store and backup make a new machine: it serves what the copy has, and takes uploads after reconcile")
        assert not load.failures, load.failures[:5]

        rig.stop()
        rig.run("restore", str(backup))
        rig.start()
        late = wheel("late", "1.0")
        assert twine_upload_each(f"{rig.url}/legacy/", [late], rig.folder, as_token(rig.token())) == [1]
        assert check_served(rig, "busy") == files
        rig.run("reconcile")
        assert twine_upload_each(f"{rig.url}/legacy/", [late], rig.folder, as_token(rig.token())) == [0]
        assert check_served(rig, "busy") == files
        done = pip_install(f"{rig.url}/simple/", f"busy==1.{len(codes)}", rig.folder)
        assert done.returncode == 0, done.stderr
        check_contiguous(rig.data)
        check_fsck(rig)
        say("in place: writes wait for reconcile, then all that was uploaded after the backup is there and installs")


def _elsewhere(rig: Rig, backup: Path, copied: Path, at_least: int) -> None:
    """A machine that has nothing but the copies; what was uploaded while the store was copied may be among them."""
    other = Rig()
    try:
        other.data.mkdir(mode=0o700)
        shutil.move(copied, other.data / "store")
        shutil.copy2(rig.data / "secret-key", other.data / "secret-key")
        other.run("restore", str(backup))
        other.start()
        wait_until(lambda: other.get("/readyz").status == 200, HUNG_SECONDS, "the new machine ready")
        before = check_served(other, "busy")
        assert len(before) >= at_least, (len(before), at_least)
        other.run("reconcile")
        credential = as_token(rig.token())  # in force there as well: it is older than the backup
        assert twine_upload_each(f"{other.url}/legacy/", [wheel("late", "1.0")], other.folder, credential) == [0]
        assert check_served(other, "busy") == before
        check_fsck(other)
    finally:
        other.__exit__(None, None, None)


def _half_written(_folder: str, names: list[str]) -> set[str]:
    """What `rsync` would tell as vanished; the store's own marker is not among them."""
    return {name for name in names if name.startswith(".holdfast-") and name != MARKER}


@contextmanager
def _uploads(rig: Rig) -> Iterator[list[int]]:
    """twine, over and over, a version each time; with which code each ended."""
    codes: list[int] = []
    over = threading.Event()
    credential = as_token(rig.token())

    def go_on() -> None:
        while not over.is_set():
            made = wheel("busy", f"1.{len(codes) + 1}")
            codes.extend(twine_upload_each(f"{rig.url}/legacy/", [made], rig.folder, credential))

    uploader = threading.Thread(target=go_on, daemon=True)
    uploader.start()
    try:
        yield codes
    finally:
        over.set()
        uploader.join(ROUNDS_SECONDS_MAX)


def _wait_for(codes: list[int], count: int) -> None:
    wait_until(lambda: len(codes) >= count, ROUNDS_SECONDS_MAX, f"{count} uploads")
