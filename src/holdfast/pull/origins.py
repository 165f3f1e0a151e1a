"""Which origins of an upstream's files answer requests for parts of them: what was seen, for a while."""

from collections import OrderedDict

from holdfast.clock import Clock
from holdfast.pull.credentials import origin_of
from holdfast.pull.facts import Ranging
from holdfast.pull.kept import note

ORIGINS_MAX = 64
NO_RANGES_SECONDS = 3600.0  # then one request finds out whether a new server has come


class Origins:
    """The file hosts of one upstream. One that was never seen is neither of both."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: OrderedDict[str, tuple[bool, float]] = OrderedDict()  # (gives parts, when, monotonic)

    @property
    def ranging(self) -> Ranging:
        """What is known now."""
        origins = list(self._known)
        return Ranging(
            yes=tuple(origin for origin in origins if self._state(origin) is True),
            no=tuple(origin for origin in origins if self._state(origin) is False),
        )

    def gives_parts(self, url: str) -> bool | None:
        """Whether the URL's origin answers ranges; None = not known."""
        return self._state(origin_of(url))

    def saw(self, url: str, *, parts: bool) -> None:
        """The URL's origin gave a part of a file, or the whole instead of it."""
        note(self._known, origin_of(url), (parts, self._clock.monotonic()), ORIGINS_MAX)

    def _state(self, origin: str) -> bool | None:
        gives_parts, seen = self._known.get(origin, (None, 0.0))
        if gives_parts is False and self._clock.monotonic() - seen > NO_RANGES_SECONDS:
            return None
        return gives_parts
