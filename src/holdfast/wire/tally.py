"""Counters that cost two list increments: answers and body bytes, by route, status class and where they came from.

An answer about what an upstream has also names that upstream, and how it was had: `served`, one of SERVED.
"""

from collections.abc import Iterator

Tally = list[int]  # answers, body bytes; shared by whoever counts

HIT = "hit"  # kept, and as fresh as it should be
STALE = "stale"  # a kept page that is older than that
MISS = "miss"  # the upstream was asked for it while the client waited
REFUSED = "refused"  # a rule or a removal said no
UNAVAILABLE = "unavailable"  # nobody could say
SERVED = (HIT, STALE, MISS, REFUSED, UNAVAILABLE)

_Key = tuple[str, str, str, str, str]  # route, status class, source, upstream, served


class Credit:
    """What an answer came from, noted on its request by whoever finds it out. "" = no upstream had a part in it."""

    __slots__ = ("pulled", "served", "upstream")

    def __init__(self) -> None:
        self.upstream = ""
        self.served = HIT
        self.pulled: tuple[str, str, str] | None = None  # the object it is read of (read/usage.py)

    def give(self, upstream: str, served: str = HIT, *, kind: str = "", what: str = "") -> None:
        """Note it, with the object of `pulled/` that was read. A miss stays one when it is then read from there."""
        if upstream != self.upstream or self.served != MISS:
            self.served = served
        self.upstream = upstream
        if kind:
            self.pulled = (upstream, kind, what)

    def outcome(self, status: int) -> str:
        """How the answer counts, by its status; "" for one that says nothing about keeping, such as an absent name."""
        if status < 400 or status == 416:
            return self.served
        if status in (403, 410, 451):
            return REFUSED
        return UNAVAILABLE if status >= 500 and status != 504 else ""  # 504: the client wanted nothing fetched


class Tallies:
    """Made once per key, then incremented in place as `tally[0] += 1`."""

    def __init__(self, tallies: "dict[_Key, Tally] | None" = None, upstream: str = "", served: str = "") -> None:
        self._tallies: dict[_Key, Tally] = {} if tallies is None else tallies
        self._credit = (upstream, served)

    def under(self, upstream: str, served: str = HIT) -> "Tallies":
        """The same counters for answers of that upstream, had in that way."""
        return Tallies(self._tallies, upstream, served)

    def credited(self, credit: Credit) -> "Tallies":
        """The same counters for further answers like the one of that credit, which will be hits."""
        return self.under(credit.upstream) if credit.upstream else self

    def of(self, route: str, status: int, source: str) -> Tally:
        """The counter for answers of `route` with that status; `source` is hot or cold."""
        return self._tallies.setdefault((route, f"{status // 100}xx", source, *self._credit), [0, 0])

    def items(self) -> Iterator[tuple[tuple[str, str, str], int]]:
        """The answers by (route, status class, source), sorted."""
        found: dict[tuple[str, str, str], int] = {}
        for key, tally in self._tallies.copy().items():
            found[key[:3]] = found.get(key[:3], 0) + tally[0]
        return iter(sorted(found.items()))

    def by_upstream(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Answers and body bytes by (upstream, served), since the process started."""
        found: dict[tuple[str, str], tuple[int, int]] = {}
        for (_, _, _, upstream, served), (answers, size) in self._tallies.copy().items():
            if upstream and served and answers:
                before = found.get((upstream, served), (0, 0))
                found[upstream, served] = (before[0] + answers, before[1] + size)
        return found
