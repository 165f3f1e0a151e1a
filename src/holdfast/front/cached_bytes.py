"""Parts of open files that the kernel has in memory, read without waiting for a disk.

Granian opens a file, asks for its size, seeks and reads it, each in another thread, and sends it in pieces: together
that costs more than twice of what handing over 64 KiB does. But a thread that answers for everybody must not wait for
a disk, so the kernel is told not to (RWF_NOWAIT): what it lacks leaves the ordinary way, which also brings it there.
"""

import os
from collections.abc import Callable

# Held in this process until its client took it, in the connection's buffer. A file sent the ordinary way holds more
# (measured: 0.5 MiB of a stalled client, for 0.1 of these), and the server bounds how many connections there are.
# Larger bodies gain little, a tenth of 256 KiB: by then most of the work is copying.
CACHED_BYTES_MAX = 128 * 1024

_NOWAIT: int | None = getattr(os, "RWF_NOWAIT", None)  # lacking where the C library has no preadv2

Preadv = Callable[[int, tuple[bytearray], int, int], int]  # as os.preadv: descriptor, buffers, offset, flags


def read_cached(descriptor: int, start: int, length: int, preadv: Preadv = os.preadv) -> bytearray | None:
    """`length` bytes from `start`; None when not all of them are in memory, or the file system cannot tell."""
    if _NOWAIT is None:
        return None
    body = bytearray(length)
    try:
        count = preadv(descriptor, (body,), start, _NOWAIT)
    except OSError:
        return None  # EAGAIN: a disk would be waited for; EOPNOTSUPP; or trouble, which the ordinary way tells
    return body if count == length else None
