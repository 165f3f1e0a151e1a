"""An archive that grows before a walk's eyes, for tests of what is read ahead of an upload's end."""

import io
from collections.abc import Iterable

from holdfast.core.archive_limits import LIMITS, ArchiveLimits
from holdfast.core.zip_ahead import ZipWalk


def walked(data: bytes, cuts: Iterable[int] = (), limits: ArchiveLimits = LIMITS, work_max: int = 1 << 20) -> ZipWalk:
    """A walk that saw the archive grow to each cut in turn, and to its end."""
    walk = ZipWalk(limits)
    for available in (*cuts, len(data)):
        file = io.BytesIO(data[:available])
        while walk.advance(file, available, work_max):
            pass
    return walk
