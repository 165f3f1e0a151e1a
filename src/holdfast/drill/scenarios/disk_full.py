"""The store's disk is full: uploads are told 507 with a sentence and leave nothing; installs go on, a restart too."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from holdfast.drill.checkers import check_fsck, check_served, listed, rows
from holdfast.drill.clients import pip_install, uv_install
from holdfast.drill.corpus import wheel
from holdfast.drill.publishers import as_token, twine_upload
from holdfast.drill.rig import Rig
from holdfast.drill.scenario import CannotRun, Say
from holdfast.drill.steps import publish, warm

DISK_BYTES = 24 * 1024 * 1024
MIB = 1024 * 1024


def run(say: Say) -> None:
    with _small_disk() as disk, Rig(settings={"HOLDFAST_STORE": str(disk / "store")}) as rig:
        publish(rig, "before", "1.0")
        paths = warm(rig, "before")
        large, small = wheel("large", "1.0", filler_bytes=2 * DISK_BYTES), wheel("small", "1.0", filler_bytes=MIB)
        answer = rig.upload(large)
        _refused(rig, "large", answer.status, answer.body)
        say(f"a file larger than the disk: 507, nothing is left of it on {DISK_BYTES // MIB} MiB")
        _fill(disk / "filler")
        answer = rig.upload(small)
        _refused(rig, "small", answer.status, answer.body)
        done = twine_upload(f"{rig.url}/legacy/", [small], rig.folder, as_token(rig.token()))
        assert done.returncode != 0
        assert "is full" in done.stdout + done.stderr, done.stdout[-1500:] + done.stderr[-1500:]
        for restarted in (False, True):
            if restarted:
                rig.restart({})
            assert [200] * len(paths) == [rig.get(path).status for path in paths]
            for install in (pip_install, uv_install):
                assert install(f"{rig.url}/simple/", "before==1.0", rig.folder).returncode == 0
        say("not a byte left: 507 with a sentence that twine prints; pip and uv install, after a restart too")
        (disk / "filler").unlink()
        rig.wait_for_control()
        done = twine_upload(f"{rig.url}/legacy/", [small], rig.folder, as_token(rig.token()))
        assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-1500:]
        assert set(check_served(rig, "small")) == {small.filename}
        check_fsck(rig)
        say("with room again the same upload succeeds, and fsck finds nothing")


def _refused(rig: Rig, project: str, status: int, body: bytes) -> None:
    assert status == 507, (status, body[:300])
    assert b"the disk of the store folder is full" in body, body[:300]
    assert listed(rig, project) == {}
    assert rows(rig, "projects_file") == 1


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as filler:
        for size in (MIB, 4096, 1):
            try:
                while filler.write(bytes(size)) == size:
                    pass
            except OSError:
                continue


@contextmanager
def _small_disk() -> Iterator[Path]:
    """A filesystem of its own in memory. Raises CannotRun where this user may not mount one."""
    with TemporaryDirectory(prefix="holdfast-drill-") as folder:
        command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=0700", "holdfast-drill", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CannotRun(f"mounting a small filesystem needs the superuser ({done.stderr.strip()[:200]})")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "-l", folder], check=False)
