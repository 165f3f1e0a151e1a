"""Numbers as people read them: bytes, spans of time, shares."""

_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


def size_text(count: float) -> str:
    """Bytes, in decimal units: `1.2 GB`."""
    unit = 0
    while count >= 999.5 and unit < len(_UNITS) - 1:
        count, unit = count / 1000, unit + 1
    return f"{count:.0f} {_UNITS[unit]}" if unit == 0 or count >= 99.5 else f"{count:.1f} {_UNITS[unit]}"


def span_text(seconds: float) -> str:
    """A span in its largest unit that is not nought: `45 s`, `10 min`, `3 h`, `12 days`."""
    for limit, length, unit in ((99.5, 1, "s"), (99.5 * 60, 60, "min"), (47.5 * 3600, 3600, "h")):
        if seconds < limit:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds / 86400:.0f} days"


def share_text(share: float | None) -> str:
    """A share of 1 in percent; never 100 for less."""
    if share is None:
        return "-"
    percent = share * 100
    return f"{min(percent, 99.9):.1f} %" if 99.5 <= percent < 100 else f"{percent:.0f} %"


def count_text(count: int, one: str, many: str = "") -> str:
    """`1 answer`, `2 answers`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
