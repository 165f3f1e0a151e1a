"""Counters that cost one list increment: requests by route, status class and where the answer came from."""

from collections.abc import Iterator

Tally = list[int]  # one number, shared by whoever counts


class Tallies:
    """Made once per (route, status class, source), then incremented in place as `tally[0] += 1`."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, str, str], Tally] = {}

    def of(self, route: str, status: int, source: str) -> Tally:
        """The counter for answers of `route` with that status; `source` is hot or cold."""
        return self._tallies.setdefault((route, f"{status // 100}xx", source), [0])

    def items(self) -> Iterator[tuple[tuple[str, str, str], int]]:
        """Every counter that was ever asked for, sorted."""
        return iter(sorted((key, tally[0]) for key, tally in self._tallies.copy().items()))
