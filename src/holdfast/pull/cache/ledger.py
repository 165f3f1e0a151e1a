"""What this machine remembers of its upstreams: answers by the hour, and the periods in which one was off or down.

Numbers only, no addresses and no names of clients. Hours become days after a while and are forgotten after a year.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from holdfast.core.errors import Corrupt
from holdfast.tree.compressed import compress, decompress

HOURS_KEPT = 40 * 24  # then only by day
DAYS_KEPT = 400
PERIODS_KEPT = 2_000
RUNS_KEPT = 2_000
GAP_SECONDS = 90.0  # between two runs of pull: less is a restart, more is told as time nothing is known of
SAMPLE_SECONDS = 1.0  # that one sample of a front's counters stands for
FETCHED = "fetched"  # beside the ways an answer was served: requests sent to the upstream, and bytes received
DOCUMENT_BYTES_MAX = 64 * 1024 * 1024
HOUR = 3600

Counts = dict[str, tuple[int, int]]  # how it was served -> answers, body bytes


class Period(msgspec.Struct, kw_only=True):
    """A time in which an upstream was switched off, or did not answer. Unix seconds."""

    upstream: str
    kind: str  # "off", "down"
    reason: str = ""
    by: str = ""
    started: float
    seen: float  # the last moment it is known to have lasted
    ended: float | None = None  # None while it lasts, or when pull ended before it did
    counts: Counts = {}


class Scrubbing(msgspec.Struct, kw_only=True):
    """How far kept files were hashed again."""

    position: str = ""  # the key hashed last
    round_started: float = 0.0
    round_bytes: int = 0
    round_ended: float = 0.0  # when a whole round was last completed
    files: int = 0
    bytes: int = 0
    corrupt: int = 0


class Evicting(msgspec.Struct, kw_only=True):
    """What was evicted, in all and last."""

    objects: int = 0
    bytes: int = 0
    last_at: float = 0.0
    last_objects: int = 0
    last_bytes: int = 0
    last_why: str = ""


class Run(msgspec.Struct, array_like=True):
    """A time in which pull ran and took part in this."""

    started: float
    seen: float


class Ledger(msgspec.Struct, kw_only=True):
    """The whole document. `hours` by upstream, then by hour since the epoch."""

    machine: str = ""
    hours: dict[str, dict[int, Counts]] = {}
    periods: list[Period] = []
    runs: list[Run] = []
    scrub: Scrubbing = msgspec.field(default_factory=Scrubbing)
    evicted: Evicting = msgspec.field(default_factory=Evicting)

    def begin_run(self, now: float) -> None:
        """Pull has started: what was open when the last run ended is no longer known to last."""
        for period in self.periods:
            if period.ended is None and now - period.seen > GAP_SECONDS:
                period.ended = period.seen
        if not self.runs or now - self.runs[-1].seen > GAP_SECONDS:
            self.runs.append(Run(now, now))
        self.live(now)

    def live(self, now: float) -> None:
        """Pull runs at this moment."""
        self.runs[-1].seen = now
        for period in self.periods:
            if period.ended is None:
                period.seen = now

    def add(self, at: float, upstream: str, served: str, answers: int, size: int) -> None:
        """Count answers given at that time, also for the period they fell into."""
        _add(self.hours.setdefault(upstream, {}).setdefault(int(at) // HOUR, {}), served, answers, size)
        for period in reversed(self.periods):
            # A sample tells of the second before it, and belongs where the middle of that lies.
            middle = at - SAMPLE_SECONDS / 2
            if period.upstream == upstream and period.started <= middle <= (period.ended or at):
                _add(period.counts, served, answers, size)
                return

    def standing(self, upstream: str, kind: str, *, reason: str = "", by: str = "", at: float) -> bool:
        """The upstream is `up`, `off` or `down` since `at`; True when that is news."""
        current = next((p for p in reversed(self.periods) if p.upstream == upstream and p.ended is None), None)
        if current is not None and current.kind == kind:
            return False
        if current is None and kind == "up":
            return False
        if current is not None:
            current.ended = current.seen = at
        if kind != "up":
            self.periods.append(Period(upstream=upstream, kind=kind, reason=reason, by=by, started=at, seen=at))
        return True

    def trim(self, now: float) -> None:
        """Put old hours together to days, and forget the oldest of everything."""
        this_hour = int(now) // HOUR
        for hours in self.hours.values():
            for hour in [h for h in hours if h % 24 and h < this_hour - HOURS_KEPT]:
                for served, (answers, size) in hours.pop(hour).items():
                    _add(hours.setdefault(hour - hour % 24, {}), served, answers, size)
            for hour in [h for h in hours if h < this_hour - DAYS_KEPT * 24]:
                del hours[hour]
        del self.periods[:-PERIODS_KEPT]
        del self.runs[:-RUNS_KEPT]


def _add(counts: Counts, served: str, answers: int, size: int) -> None:
    before = counts.get(served, (0, 0))
    counts[served] = (before[0] + answers, before[1] + size)


def encode_ledger(ledger: Ledger) -> bytes:
    return compress(_encoder.encode(ledger))


def decode_ledger(data: bytes) -> Ledger:
    """Read it. Raises Corrupt."""
    try:
        return _decoder.decode(decompress(data, "the ledger", DOCUMENT_BYTES_MAX))
    except msgspec.MsgspecError as error:
        raise Corrupt(f"the ledger does not parse: {error}") from error


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Ledger)


def report(ledger: Ledger, since: datetime, now: datetime) -> dict[str, object]:
    """What was served since then, by upstream: JSON-ready. Counted by the hour, so it begins at a full one."""
    first, until = int(since.timestamp()) // HOUR, now.timestamp()
    names = sorted({*ledger.hours, *(period.upstream for period in ledger.periods)})
    begin = float(first * HOUR)
    return {
        "since": _iso(begin),
        "until": _iso(until),
        "known_since": _iso(ledger.runs[0].started) if ledger.runs else None,
        "gaps": _gaps(ledger, begin, until),
        "upstreams": [_of_upstream(ledger, name, first, begin, until) for name in names],
    }


def _of_upstream(ledger: Ledger, name: str, first: int, begin: float, until: float) -> dict[str, object]:
    counts: Counts = {}
    for hour, found in ledger.hours.get(name, {}).items():
        if hour >= first:
            for served, (answers, size) in found.items():
                _add(counts, served, answers, size)
    fetched = counts.pop(FETCHED, (0, 0))
    mine = [p for p in ledger.periods if p.upstream == name and (p.ended or until) >= begin]
    return {
        "name": name,
        **_figures(counts),
        "requests_sent": fetched[0],
        "bytes_fetched": fetched[1],
        "bytes_saved": max(0, _total(counts, 1) - fetched[1]),
        "periods": [_told(period, until) for period in mine],
    }


def _figures(counts: Mapping[str, tuple[int, int]]) -> dict[str, object]:
    kept = sum(counts.get(served, (0, 0))[0] for served in ("hit", "stale"))
    asked = kept + counts.get("miss", (0, 0))[0]
    answers = {served: counts.get(served, (0, 0))[0] for served in ("hit", "stale", "miss", "refused", "unavailable")}
    rate = round(kept / asked, 4) if asked else None
    return {"answers": answers, "served": asked, "hit_rate": rate, "bytes_served": _total(counts, 1)}


def _told(period: Period, until: float) -> dict[str, object]:
    # One that was open when pull ended lasted as long as pull could see.
    lasts = period.ended is None and until - period.seen <= GAP_SECONDS
    end = until if lasts else (period.seen if period.ended is None else period.ended)
    return {
        "kind": period.kind,
        "reason": period.reason,
        "by": period.by,
        "started": _iso(period.started),
        "ended": None if lasts else _iso(end),
        "seconds": round(max(0.0, end - period.started), 1),
        **_figures(period.counts),
    }


def _gaps(ledger: Ledger, begin: float, until: float) -> list[dict[str, object]]:
    """When pull did not run, so that nothing is known of periods."""
    ends = [(run.seen, after.started) for run, after in zip(ledger.runs, ledger.runs[1:], strict=False)]
    if ledger.runs and until - ledger.runs[-1].seen > GAP_SECONDS:
        ends.append((ledger.runs[-1].seen, until))
    return [
        {"from": _iso(start), "to": _iso(end), "seconds": round(end - start, 1)} for start, end in ends if end >= begin
    ]


def _total(counts: Mapping[str, tuple[int, int]], which: int) -> int:
    return sum(numbers[which] for served, numbers in counts.items() if served != FETCHED)


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
