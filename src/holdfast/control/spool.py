"""Request bodies that the front has spooled: opened by a bare name inside the spool folder, and nowhere else."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO

from holdfast.core.errors import Unavailable
from holdfast.core.form_cut import read_reference
from holdfast.store.port import DISK_FULL_ERRORS, DiskFull

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


@contextmanager
def spooled_body(folder: Path, name: str) -> Iterator[BinaryIO]:
    """The body the front names in X-Holdfast-Spool. Raises Unavailable when it cannot be read, whatever the cause."""
    path = spool_path(folder, read_reference(name)[0])
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise spool_trouble(error) from error
    with os.fdopen(descriptor, "rb", buffering=0) as body:
        if not S_ISREG(os.fstat(body.fileno()).st_mode):
            raise Unavailable("the spooled body is not a file")
        yield body


def spool_path(folder: Path, name: str) -> Path:
    """Where a file of that bare name lies. Raises Unavailable when it is none."""
    if _NAME.fullmatch(name) is None:
        raise Unavailable("the request came without its spooled body")
    return folder / name


def require_spooled(folder: Path, name: str, size: int) -> None:
    """What was cut out of a body is there, whole. Raises Unavailable."""
    try:
        found = os.lstat(folder / name)
    except OSError as error:
        raise spool_trouble(error) from error
    if not S_ISREG(found.st_mode) or found.st_size != size:
        raise Unavailable("what was cut out of the spooled body is not the file that arrived")


def spool_trouble(error: OSError) -> Unavailable:
    """What a failing spool folder means to a client."""
    said = os.strerror(error.errno) if error.errno else type(error).__name__
    if error.errno in DISK_FULL_ERRORS:
        return DiskFull(f"the disk of the spool folder is full ({said})", retry_after_seconds=60)
    return Unavailable(f"the spooled body cannot be read ({said})")
