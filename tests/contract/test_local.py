"""The local store keeps the contract, and what only a folder has: a marker, crashes, a full disk, fsync."""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from contract.store_contract import StoreContract, keys

from holdfast.core.errors import Absent, Outcome, Unavailable
from holdfast.store.local import MARKER, LocalStore
from holdfast.store.port import DiskFull


class TestLocalStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> LocalStore:
        return LocalStore.create(tmp_path / "store")


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore.create(tmp_path / "disk" / "store")


def every_operation(store: LocalStore, source: Path) -> list[type[Outcome] | None]:
    """What each operation of the port raises."""
    outcomes: list[type[Outcome] | None] = []
    for operation in (
        lambda: store.get("a/b"),
        lambda: store.read("a/b", 0, 1),
        lambda: store.head("a/b"),
        lambda: store.put("a/new", b"x"),
        lambda: store.put("a/new", b"x", create=True),
        lambda: store.put_file("a/new", source),
        lambda: store.adopt_file("a/new", source),
        lambda: store.delete("a/b"),
        lambda: keys(store),
        lambda: keys(store, "a/"),
    ):
        try:
            operation()
            outcomes.append(None)
        except Outcome as error:
            outcomes.append(type(error))
    return outcomes


def test_setting_up_twice_keeps_the_objects(store: LocalStore) -> None:
    store.put("a/b", b"x")

    assert b"x" == LocalStore.create(store.root).get("a/b")


@pytest.mark.parametrize("unmount", ["no folder", "an empty folder", "no marker"])
def test_an_unmounted_store_is_unavailable_for_every_operation(store: LocalStore, tmp_path: Path, unmount: str) -> None:
    """Never Absent: an empty mount point must not read as an index without projects."""
    source = tmp_path / "source"
    source.write_bytes(b"x")
    if unmount == "no marker":
        (store.root / MARKER).unlink()
    else:
        store.root.rename(tmp_path / "elsewhere")
    if unmount == "an empty folder":
        store.root.mkdir()

    assert [Unavailable] * 10 == every_operation(store, source)
    assert b"x" == source.read_bytes()
    assert [] == (list(store.root.iterdir()) if store.root.exists() else [])


def test_objects_that_can_be_read_are_read_without_the_marker(store: LocalStore) -> None:
    """The marker is asked only when something is missing: an installed file must not depend on one more stat."""
    store.put("a/b", b"x")
    (store.root / MARKER).unlink()

    assert b"x" == store.get("a/b")


def test_what_a_crash_leaves_behind_is_not_listed_and_is_swept_once_old(store: LocalStore) -> None:
    store.put("a/b", b"x")
    now = datetime.now(UTC)
    for name, age in (("old", timedelta(hours=2)), ("young", timedelta(0))):
        left = store.root / "a" / f".holdfast-tmp-{name}"
        left.write_bytes(b"half")
        os.utime(left, ((now - age).timestamp(),) * 2)

    listed = keys(store)
    swept = store.sweep(before=now - timedelta(hours=1))

    assert (["a/b"], 1) == (listed, swept)
    assert [".holdfast-tmp-young", "b"] == sorted(os.listdir(store.root / "a"))
    assert store.get("a/b") == b"x" and (store.root / MARKER).exists()


def test_a_file_whose_name_is_no_key_is_nobodys_object(store: LocalStore) -> None:
    store.put("a/b", b"x")
    for name in ("na\u00efve", "line\nfeed", os.fsdecode(b"\xff"), "sp ace"):
        (store.root / "a" / name).write_bytes(b"junk")

    assert ["a/b", "a/sp ace"] == keys(store)


def test_a_writer_killed_at_any_moment_leaves_the_old_object_or_the_new_one(store: LocalStore) -> None:
    bodies = {bytes([letter]) * 300_000 for letter in b"ab"}
    program = (
        "import sys; from pathlib import Path; from holdfast.store.local import LocalStore\n"
        "store = LocalStore(Path(sys.argv[1])); print('ready', flush=True)\n"
        "while True:\n"
        "    for letter in b'ab': store.put('folder/a', bytes([letter]) * 300_000); print('x', flush=True)\n"
    )
    for rounds in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", program, str(store.root)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            for _ in range(2 + rounds):
                writer.stdout.readline()
            writer.kill()
        assert store.get("folder/a") in bodies
        assert ["folder/a"] == keys(store)


def test_files_and_folders_are_for_the_owner_only(store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"x")
    store.put("a/b", b"x")
    store.put_file("a/c", tmp_path / "source")

    modes = {path.name: path.stat().st_mode & 0o777 for path in [store.root, *store.root.rglob("*")]}

    assert {"store": 0o700, MARKER: 0o600, "a": 0o700, "b": 0o600, "c": 0o600} == modes


def test_a_full_disk_is_said_and_leaves_nothing(store: LocalStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x" * 200_000)
    store.put("a", b"old")

    with file_size_limit(100_000):
        for operation in (
            lambda: store.put("a", b"x" * 200_000),
            lambda: store.put("a/new", b"x" * 200_000, create=True),
            lambda: store.put_file("a", source),
        ):
            with pytest.raises(Unavailable):
                operation()
        with pytest.raises(DiskFull) as caught:
            store.put("a", b"x" * 200_000)

    assert "the disk of the store folder is full (File too large)" == caught.value.reason
    assert b"old" == store.get("a")
    assert [MARKER, "a"] == sorted(path.name for path in store.root.rglob("*"))


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read and write everything")
def test_a_folder_without_rights_is_unavailable(store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"x")
    store.put("a/b", b"x")
    (store.root / "a").chmod(0)
    outcomes = every_operation(store, tmp_path / "source")
    (store.root / "a").chmod(0o700)

    assert [Unavailable] * 10 == outcomes


def another_file_system(than: Path) -> str:
    """A folder on another device; skips where there is none, for only the superuser could make one."""
    for folder in ("/dev/shm", "/var/tmp"):
        if os.path.isdir(folder) and os.stat(folder).st_dev != than.stat().st_dev:
            return folder
    pytest.skip(f"neither /dev/shm nor /var/tmp is on another file system than {than}")


def test_a_file_of_another_file_system_is_adopted_by_copy(store: LocalStore) -> None:
    with tempfile.TemporaryDirectory(dir=another_file_system(store.root)) as folder:
        source = Path(folder) / "source"
        source.write_bytes(b"spooled")
        store.adopt_file("a", source)

        assert (b"spooled", False) == (store.get("a"), source.exists())


def test_a_key_below_an_object_is_absent_and_cannot_be_written(store: LocalStore) -> None:
    store.put("a", b"x")

    with pytest.raises(Absent):
        store.get("a/b")
    with pytest.raises(Unavailable):
        store.put("a/b", b"x")


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_bytes_are_synced_before_their_name_and_the_folder_after_it(store: LocalStore) -> None:
    """The order that survives power loss, as the kernel saw it."""
    program = (
        "import sys; from pathlib import Path; from holdfast.store.local import LocalStore\n"
        "store = LocalStore(Path(sys.argv[1])); store.put('new/key', b'x', create=True); store.put('new/key', b'y')\n"
    )
    trace = store.root.parent / "trace"
    subprocess.run(
        ["strace", "-y", "-o", str(trace), "-e", "trace=mkdir,fsync,link,linkat,rename,renameat,renameat2,write",
         sys.executable, "-c", program, str(store.root)],
        check=True,
    )  # fmt: skip

    assert [
        "mkdir new", "fsync store",  # the new folder's own entry
        "write tmp", "fsync tmp", "link key", "fsync new",
        "write tmp", "fsync tmp", "rename key", "fsync new",
    ] == list(calls(trace.read_text(), str(store.root)))  # fmt: skip


def calls(trace: str, root: str) -> Iterator[str]:
    """System calls that touch the store, as `name last-path-segment`."""
    for line in trace.splitlines():
        if root in line:
            name = line.partition("(")[0]
            paths = [part.split('"')[0].split(">")[0] for part in line.split(root)[1:]]
            last = paths[-1].strip("/").rpartition("/")[2] or "store"
            yield f"{name.removesuffix('at')} {'tmp' if last.startswith('.holdfast-tmp-') else last}"


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Writes beyond `size` bytes of any file fail in this process (EFBIG), as they do on a full disk (ENOSPC)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_an_adoption_tried_again_after_it_was_moved_but_not_synced_succeeds(store: LocalStore, tmp_path: Path) -> None:
    """The first try failed between the rename and the sync: the bytes are there, and the source is not."""
    source = tmp_path / "source"
    source.write_bytes(b"data")
    store.adopt_file("a/key", source)

    store.adopt_file("a/key", source)

    assert store.get("a/key") == b"data"
    with pytest.raises(FileNotFoundError):
        store.adopt_file("a/other", source)
