"""What operators stopped, as control follows it: capabilities, names, networks. Asked of the store, not the database.

What was read once stays in force while the store cannot be read. Before the first read nothing is believed to be on.
"""

import threading
from collections import Counter

import structlog

from holdfast.clock import Clock
from holdfast.core.errors import Corrupt, Refused, Unavailable
from holdfast.store.port import Store
from holdfast.tree.bans import banning, prohibiting
from holdfast.tree.overrides import OverridesReader
from holdfast.tree.switches import Switch, refusing

log = structlog.get_logger()

LOOK_SECONDS = 0.5  # a switch is in force within a second: an answer given now is based on a look this old at most


class Switches:
    """The switches of one process. Safe to share among threads; whoever asks first after half a second looks."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._reader = OverridesReader(store)
        self._clock = clock
        self._looking = threading.Lock()
        self._looked = float("-inf")  # monotonic
        self._is_known = False
        self._trouble = ""
        self.refused: Counter[str] = Counter()  # by what, for metrics: a lost one matters to nobody

    def refusal(self, capability: str, index: str = "", project: str = "", issuer: str = "") -> Refused | None:
        """Why something must not be done now, in words for the client; None while it is on.

        `project` "" = not known yet: ask again when it is. Raises Unavailable when the switches were never readable.
        """
        self.look()
        return self.known_refusal(capability, index, project, issuer)

    def known_refusal(self, capability: str, index: str = "", project: str = "", issuer: str = "") -> Refused | None:
        """As `refusal`, without a look of its own: for the inside of a transaction, where nothing else is read."""
        found = refusing(
            self._reader.current.switches, capability, self._clock.now(), index=index, project=project, issuer=issuer
        )
        return self._refused(found.capability, found.sentence()) if found is not None else None

    def prohibition(self, index: str, name: str) -> Refused | None:
        """Why no new project takes that name, or None. As of the last look, as `known_refusal`."""
        found = prohibiting(self._reader.current.prohibited, index, name)
        if found is None:
            return None
        return self._refused("prohibited-name", f"the name {name!r} is not given away in index {index}: {found.reason}")

    def ban(self, address: str) -> Refused | None:
        """Why nothing is changed from that address, or None. Raises Unavailable when that was never readable."""
        self.look()
        found = banning(self._reader.current.bans, address, self._clock.now())
        if found is None:
            return None
        return self._refused("ban", f"your network is shut out from everything but reading: {found.reason}")

    def _refused(self, by: str, sentence: str) -> Refused:
        self.refused[by] += 1
        return Refused(sentence)

    def in_force(self) -> tuple[Switch, ...]:
        """Every switch that holds at this moment. Raises Unavailable when they were never readable."""
        self.look()
        now = self._clock.now()
        return tuple(one for one in self._reader.current.switches if one.is_in_force(now))

    def decided(self) -> None:
        """Somebody here has just decided something: whoever asks next looks, however new the last look is."""
        self._looked = float("-inf")

    def look(self) -> None:
        """Take in what is new, when the last look is half a second old. Raises Unavailable before the first success."""
        if not self._is_due():
            return
        if not self._looking.acquire(blocking=not self._is_known):
            return  # another thread looks; what was known a moment ago is good enough
        try:
            if self._is_due():
                self._look()
        finally:
            self._looking.release()

    def _is_due(self) -> bool:
        """Whether to look now. Raises Unavailable when a look just failed and nothing is known."""
        if self._clock.monotonic() - self._looked >= LOOK_SECONDS:
            return True
        if not self._is_known:
            raise Unavailable(f"it cannot be read what is switched off: {self._trouble}")
        return False

    def _look(self) -> None:
        try:
            self._reader.look()
        except (Unavailable, Corrupt) as error:
            self._tell(error.reason)
            if not self._is_known:
                raise Unavailable(f"it cannot be read what is switched off: {error.reason}") from error
        else:
            self._is_known, self._trouble = True, ""
        finally:
            self._looked = self._clock.monotonic()

    def _tell(self, trouble: str) -> None:
        if trouble != self._trouble:
            log.warning("the operators' kill switches cannot be read: %s", trouble)
        self._trouble = trouble
