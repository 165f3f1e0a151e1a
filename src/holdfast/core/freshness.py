"""When a pulled page is due for a refresh, and when a new page is too odd to replace a kept one.

Decisions only: no clock, no I/O. A kept page is served however old it is; its age only decides whether a refresh
runs behind it. An upstream in trouble therefore costs freshness, never an install.
"""

from datetime import datetime, timedelta

from holdfast.core.model import Record

SHRINK_FILES_MIN = 10  # below this, losing half the list happens in everyday deletions
REPLACED_FILES_MIN = 3  # below this, a list may well have been replaced as a whole: one release by the next
CLOCK_SKEW = timedelta(seconds=5)


def is_fresh(fetched_at: datetime | None, now: datetime, seconds: float) -> bool:
    """Whether a page fetched then needs no refresh yet.

    A moment in the future (a clock that was set back) counts as old, or a page would stay fresh for years.
    """
    return fetched_at is not None and -CLOCK_SKEW <= now - fetched_at < timedelta(seconds=seconds)


def age_seconds(fetched_at: datetime, now: datetime) -> float:
    """How long ago a page was fetched; 0 when the clock says it was later than now."""
    return max(0.0, (now - fetched_at).total_seconds())


def implausible(kept: Record | None, new: Record, *, persistent: bool = False) -> str | None:
    """Why `new` must not replace the kept page, as a sentence; None when it may.

    Shrinking is believed when the upstream shows that it meant it: by a serial that grew, or by quarantine.
    `persistent` says that the upstream has gone on answering like this for so long (an hour, say) that it means it;
    only a page of another project is never believed.
    """
    if kept is None:
        return None
    if new.name != kept.name:
        return f"the page is for {new.name}, not {kept.name}"
    if persistent:
        return None
    before, after = kept.upstream_serial, new.upstream_serial
    if before is not None and after is not None and after < before:
        return f"its serial went back from {before} to {after}"
    meant = new.status == "quarantined" or (before is not None and after is not None and after > before)
    if meant:
        return None
    if kept.files and not new.files:
        return f"it lost all of its {len(kept.files)} files"
    return _shrink(kept, new)


def _shrink(kept: Record, new: Record) -> str | None:
    """Count files that vanished, not lengths: a list of the same length with other files is no better."""
    if len(kept.files) < REPLACED_FILES_MIN:
        return None
    now_listed = {file.filename for file in new.files}
    lost = sum(file.filename not in now_listed for file in kept.files)
    if lost < len(kept.files) < SHRINK_FILES_MIN:
        return None
    return f"it lost {lost} of its {len(kept.files)} files" if 2 * lost > len(kept.files) else None
