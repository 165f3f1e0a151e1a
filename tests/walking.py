"""An archive that grows before a walk's eyes, for tests of what is read ahead of an upload's end."""

import io
from collections.abc import Iterable

from holdfast.core.archive_limits import LIMITS, ArchiveLimits
from holdfast.core.read_ahead import ArchiveWalk, Known
from holdfast.core.zip_ahead import ZipWalk


def walked(data: bytes, cuts: Iterable[int] = (), limits: ArchiveLimits = LIMITS, work_max: int = 1 << 20) -> ZipWalk:
    """A zip's walk that saw the archive grow to each cut in turn, and to its end."""
    walk = ZipWalk(limits)
    grow(walk, data, cuts, work_max)
    return walk


def known_of(data: bytes, cuts: Iterable[int] = (), limits: ArchiveLimits = LIMITS, work_max: int = 1 << 20) -> Known:
    """What is known of an archive of any kind that grew to each cut in turn, and to its end."""
    walk = ArchiveWalk(limits)
    grow(walk, data, cuts, work_max)
    return walk.known


def grow(walk: ZipWalk | ArchiveWalk, data: bytes, cuts: Iterable[int], work_max: int) -> None:
    """Show the walk the archive as it grows."""
    for available in (*cuts, len(data)):
        file = io.BytesIO(data[:available])
        while walk.advance(file, min(available, len(data)), work_max):
            pass
