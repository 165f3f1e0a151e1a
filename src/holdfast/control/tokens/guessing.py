"""Tokens that are refused, counted by network: a network that goes on sending bad ones is not looked up for.

Nobody guesses 256 random bits; what is bounded here is the looking up, which is the database's time. A token that was
good a moment ago is always looked up, whatever else its network sends: a stranger behind the same address, or one's own
forgotten job with an expired token, stops no work that runs.
"""

import threading
from collections import OrderedDict

import structlog

from holdfast.clock import Clock
from holdfast.control.tokens.rate import Rate, TooMany, network_of
from holdfast.core import tokens

REFUSED_MAX = 300  # of a network in a window: a matrix of CI jobs with one expired token sends some dozens
WINDOW_SECONDS = 60.0
EVERYBODY = 2**62  # no limit for all together: that would let strangers stop everybody
GOOD_MAX = 10_000  # ids of tokens, of 12 characters each, that were good

log = structlog.get_logger()


class RefusedTokens:
    """The counts of one process. Safe to share among threads."""

    def __init__(self, refused_max: int = REFUSED_MAX) -> None:
        self._rate = Rate(by_network=refused_max, by_all=EVERYBODY, seconds=WINDOW_SECONDS)
        self._good: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def demand_room(self, clock: Clock, address: str, text: str) -> None:
        """Raises TooMany where the network sent too many that were refused, and this one is not known to be good."""
        parsed = tokens.parse(text)
        with self._lock:
            if parsed is not None and parsed.id in self._good:
                return
        self._rate.demand_room(clock, address)

    def was_good(self, token: str) -> None:
        """Remember a token by its id."""
        with self._lock:
            self._good[token] = None
            self._good.move_to_end(token)
            if len(self._good) > GOOD_MAX:
                self._good.popitem(last=False)

    def was_refused(self, clock: Clock, address: str, text: str) -> None:
        """Count one. The one that fills the window up is told in the log."""
        parsed = tokens.parse(text)
        with self._lock:
            self._good.pop(parsed.id if parsed is not None else "", None)  # it is over since
        try:
            self._rate.count(clock, address)
            self._rate.demand_room(clock, address)
        except TooMany:
            log.warning("a network sends many tokens that are refused", network=network_of(address))
