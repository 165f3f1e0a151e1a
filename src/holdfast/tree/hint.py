"""The head hint: the newest published serial as eight bytes in a shared mapping.

Reading it costs tens of nanoseconds, so a front looks before every request and sees an upload in the next one. It is
only a hint: a lost or replaced file costs freshness of a second, because readers follow the journal anyway.
"""

import fcntl
import mmap
import os
import sys
from pathlib import Path

_BYTES = 8


class HeadHint:
    """The hint file, mapped. It is made, holding 0, when it is missing.

    `value` costs 80 ns, `cells[0]` half of that for loops that count.
    """

    __slots__ = ("_map", "cells")

    def __init__(self, path: Path) -> None:
        descriptor = _open(path)
        try:
            self._map = mmap.mmap(descriptor, _BYTES)
        finally:
            os.close(descriptor)
        self.cells = memoryview(self._map).cast("Q")

    @property
    def value(self) -> int:
        """The newest serial a publisher on this machine has announced; 0 before the first."""
        return self.cells[0]

    def close(self) -> None:
        """Unmap the file."""
        self.cells.release()
        self._map.close()


def bump(path: Path, serial: int) -> None:
    """Announce a serial; a lower one than is announced already changes nothing, whoever writes when."""
    descriptor = _open(path)
    try:
        # The lock orders publishers. Readers take none: an aligned store of eight bytes is seen whole or not at all.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if int.from_bytes(os.pread(descriptor, _BYTES, 0), sys.byteorder) < serial:
            os.pwrite(descriptor, serial.to_bytes(_BYTES, sys.byteorder), 0)
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    size = os.fstat(descriptor).st_size
    if size < _BYTES:
        # Written, not only made longer: on a full disk that is an error here, where a mapped hole would be a SIGBUS.
        os.pwrite(descriptor, bytes(_BYTES - size), size)
    return descriptor
