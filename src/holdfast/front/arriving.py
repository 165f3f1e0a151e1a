"""The files of one arriving body: the form, and beside it the uploaded file that is cut out and hashed meanwhile.

What can be done while bytes arrive need not be done while the client waits for its answer: a gigabyte takes seconds to
copy, to hash three times and to bring to the disk. Everything here blocks, and belongs into the spool's threads.
"""

import os
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from holdfast.core.digests import Digests
from holdfast.core.errors import Unavailable
from holdfast.core.form_cut import Cut, Cutter
from holdfast.store.port import DISK_FULL_ERRORS, DiskFull

FLUSH_BYTES = 32 * 1024 * 1024  # of a file: then the disk may begin, or all of it waits for the fsync at the end


def content_path(form: Path) -> Path:
    """Where the file lies that was cut out of a form."""
    return form.with_name(f"{form.name}.content")


class ArrivingBody:
    """Descriptors and digests of one body; `close` whatever happens."""

    def __init__(self, path: Path, boundary: bytes | None) -> None:
        """Make the form's file. Raises Unavailable."""
        self._path = path
        self._form = _create(path)
        self._content = -1
        self._cutter = Cutter(boundary) if boundary else None
        self._digests = Digests()
        self._flusher: ThreadPoolExecutor | None = None
        self._flushing: Future[None] | None = None
        self._unflushed = 0  # bytes
        self.content_bytes = 0  # of the file, so far

    def append(self, chunks: Iterable[bytes]) -> None:
        """Take the next bytes of the body. Raises Unavailable."""
        data = b"".join(chunks)
        if self._cutter is None:
            _write_all(self._form, data)
            return
        for where, piece in self._cutter.feed(data):
            self._put(where == "content", piece)

    def finish(self) -> Cut | None:
        """The body is whole: what was cut out of it, None when nothing looked like a file. Raises Unavailable."""
        if self._cutter is None:
            return None
        for where, piece in self._cutter.end():
            self._put(where == "content", piece)
        if self._cutter.at is None:
            return None
        self._open_content()
        self._await_flush()
        return Cut(content_path(self._path).name, self._cutter.at, self._digests.finish())

    def close(self) -> None:
        """End threads and descriptors; the files stay."""
        self._digests.close()
        if self._flusher is not None:
            self._flusher.shutdown(wait=True)  # a descriptor closed under it could be another file's by then
        for descriptor in (self._form, self._content):
            if descriptor >= 0:
                os.close(descriptor)
        self._form = self._content = -1

    def _put(self, is_content: bool, piece: bytes | memoryview) -> None:
        if not is_content:
            _write_all(self._form, piece)
            return
        self._open_content()
        self._digests.update(piece)
        _write_all(self._content, piece)
        self.content_bytes += len(piece)
        self._unflushed += len(piece)
        if self._unflushed >= FLUSH_BYTES and (self._flushing is None or self._flushing.done()):
            self._await_flush()
            self._flusher = self._flusher or ThreadPoolExecutor(1, thread_name_prefix="flush")
            self._flushing = self._flusher.submit(os.fdatasync, self._content)
            self._unflushed = 0

    def _open_content(self) -> None:
        if self._content < 0:
            self._content = _create(content_path(self._path))

    def _await_flush(self) -> None:
        """A disk that failed meanwhile says so once, here. Raises Unavailable."""
        try:
            if self._flushing is not None:
                self._flushing.result()
        except OSError as error:
            raise trouble(error) from error


def trouble(error: OSError) -> Unavailable:
    """What a failing spool folder means."""
    if error.errno in DISK_FULL_ERRORS:
        return DiskFull(f"the disk for arriving uploads is full ({error.strerror})", retry_after_seconds=60)
    return Unavailable(f"an upload cannot be received now: {error.strerror}", retry_after_seconds=60)


def _create(path: Path) -> int:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise trouble(error) from error


def _write_all(descriptor: int, data: bytes | memoryview) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError as error:
        raise trouble(error) from error
