"""fsck's look at bytes: each blob against its digest. A wheel's core metadata is read out of the wheel again."""

import io
from hashlib import sha256
from typing import TYPE_CHECKING

from holdfast.control.publication.fsck_journal import Findings
from holdfast.core.archive import metadata_of_wheel
from holdfast.core.archive_limits import Hostile
from holdfast.core.errors import Absent
from holdfast.core.model import File
from holdfast.store.port import Store
from holdfast.tree import addresses

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

HASHED_BYTES_MAX = 64 * 1024 * 1024  # larger files are hashed with --deep only
READ_BYTES = 8 * 1024 * 1024
WHEEL_READ_BYTES = 256 * 1024  # of a wheel, for the little that is looked for in it


class Bytes:
    """The blobs of one run, each looked at once however many files have it."""

    def __init__(self, store: Store, report: Findings, *, deep: bool, repair: bool) -> None:
        self._store = store
        self._report = report
        self._deep = deep
        self._repair = repair
        self._wrong: dict[str, str] = {}  # digest -> what is wrong with the blob, "" when nothing

    @property
    def seen(self) -> set[str]:
        """Digests that some record needs."""
        return set(self._wrong)

    def check_file(self, file: File, where: str) -> None:
        """The bytes of the file itself."""
        self._check(file.sha256, where, self._look(file.sha256, file.size), "upload the same file again, ")

    def check_provenance(self, file: File, where: str) -> None:
        """The document of a file's attestations: no later upload of the file changes it."""
        self._check(file.provenance_sha256, f"provenance of {where}", self._look(file.provenance_sha256))

    def check_metadata(self, file: File, where: str) -> None:
        """The core metadata of a file whose own bytes were checked."""
        wrong = self._look(file.metadata_sha256)
        if not wrong:
            return
        data = b"" if self._wrong.get(file.sha256) else self._out_of_the_wheel(file)
        if not data:
            self._check(file.metadata_sha256, f"metadata of {where}", wrong, "upload the same file again, ")
        elif self._repair:
            self._store.put(addresses.blob(file.metadata_sha256), data)
            self._wrong[file.metadata_sha256] = ""
            self._report.repair(f"metadata of {where}, whose bytes {wrong}, out of the wheel")
        else:
            self._report.finding(
                f"metadata of {where}: its bytes {addresses.blob(file.metadata_sha256)} {wrong}:"
                " `holdfast fsck --repair` reads them out of the wheel"
            )

    def _check(self, digest: str, where: str, wrong: str, step: str = "") -> None:
        if wrong:
            self._report.finding(
                f"{where}: its bytes {addresses.blob(digest)} {wrong}: {step}put them back from a copy of the store,"
                " or delete the file"
            )

    def _out_of_the_wheel(self, file: File) -> bytes:
        """The very bytes that were published, b"" when the file does not hold them."""
        if not file.filename.endswith(".whl"):
            return b""
        stored = io.BufferedReader(_Stored(self._store, addresses.blob(file.sha256)), WHEEL_READ_BYTES)
        try:
            data = metadata_of_wheel(stored)
        except Hostile:
            return b""
        return data if sha256(data).hexdigest() == file.metadata_sha256 else b""

    def _look(self, digest: str, size: int | None = None) -> str:
        if digest not in self._wrong:
            self._wrong[digest] = self._what_is_wrong(digest, size)
        return self._wrong[digest]

    def _what_is_wrong(self, digest: str, size: int | None) -> str:
        key = addresses.blob(digest)
        try:
            info = self._store.head(key)
            if size is not None and info.size != size:
                return f"have {info.size} bytes instead of {size}"
            if info.size >= HASHED_BYTES_MAX and not self._deep:
                return ""
            return "" if _hash(self._store, key, info.size) == digest else "do not have their digest"
        except Absent:
            return "are missing"


def _hash(store: Store, key: str, size: int) -> str:
    found = sha256()
    for start in range(0, size, READ_BYTES):
        found.update(store.read(key, start, READ_BYTES))
    return found.hexdigest()


class _Stored(io.RawIOBase):
    """A stored object as a file that is read here and there, whatever store holds it."""

    def __init__(self, store: Store, key: str) -> None:
        self._store = store
        self._key = key
        self._size = store.head(key).size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer)
        data = self._store.read(self._key, self._at, len(view)) if self._at < self._size else b""
        view[: len(data)] = data
        self._at += len(data)
        return len(data)
