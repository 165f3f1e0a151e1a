"""What every view of control works with, composed once per process; and how it comes to be when the database is late.

A database that is gone when control starts is no reason not to start: requests are then answered Unavailable, and
each one may find that it has come back.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from holdfast.clock import Clock
from holdfast.config import Config
from holdfast.control.publication.drill import Pause, no_pause
from holdfast.control.publication.transaction import Publication
from holdfast.control.publishers.exchange import Exchange
from holdfast.control.sign_in.asking import Providers
from holdfast.control.switches.following import Switches
from holdfast.control.tokens.guessing import RefusedTokens
from holdfast.control.tokens.rate import Rate
from holdfast.control.tokens.uses import Uses
from holdfast.control.uploads.ahead import Ahead
from holdfast.control.uploads.attested import Attesters, NoTrustRoot
from holdfast.control.uploads.shadow import UpstreamNames
from holdfast.core.errors import Corrupt, Outcome, Unavailable
from holdfast.store.port import Store

log = structlog.get_logger()

LOOK_AGAIN_SECONDS = 0.2
PATIENCE_SECONDS = 5.0  # for whoever opens: a second as a rule, but minutes when a large database has to be migrated
WRONG_AGAIN_SECONDS = 5.0  # after a defect or a full disk: opening may have copied the whole database until then


@dataclass(frozen=True, slots=True)
class Parts:
    """The collaborators of views, as plain values and ports."""

    config: Config
    clock: Clock
    store: Store
    publisher: Publication
    upstreams: UpstreamNames
    attestations: Attesters = field(default_factory=NoTrustRoot)
    exchange: Exchange | None = None  # of identity tokens; None: trusted publishing is off
    providers: Providers | None = None  # that people sign in with; None: there are none
    ahead: Ahead = field(default_factory=Ahead)  # what was read of large uploads while they arrived
    uses: Uses = field(default_factory=Uses)  # when tokens were last used, until it is written down
    refused_tokens: RefusedTokens = field(default_factory=RefusedTokens)
    leak_reports: Rate = field(default_factory=lambda: Rate(by_network=30, by_all=300, seconds=60.0))
    reports: Rate = field(default_factory=lambda: Rate(by_network=120, by_all=1200, seconds=3600.0))  # of malware
    pause: Pause = no_pause
    policy: Callable[[], Config] | None = None  # settings with their policy as reloaded; None: as started

    @property
    def in_force(self) -> Config:
        """The settings with the policy that is in force now. `config` has all else: that waits for a start."""
        return self.policy() if self.policy is not None else self.config

    @property
    def switches(self) -> Switches:
        """What operators have switched off: `parts.switches.refusal("sign-up")` before anything they can stop."""
        return self.publisher.switches


class Opening:
    """Parts, opened when first needed. `open_parts` recognises the instance and may raise any Outcome."""

    def __init__(
        self, open_parts: Callable[[], Parts], clock: Clock, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        self._open_parts = open_parts
        self._patience_seconds = patience_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._parts: Parts | None = None
        self._refusal: Unavailable | None = None
        self._look_at = float("-inf")  # monotonic

    def parts(self) -> Parts:
        """The parts. Raises Unavailable while they cannot be opened, whatever the cause; looks again after a moment."""
        found = self._parts
        if found is not None:
            return found
        if not self._lock.acquire(timeout=self._patience_seconds):
            raise Unavailable("this instance is being opened: its database may be large", retry_after_seconds=10)
        try:
            return self._opened()
        finally:
            self._lock.release()

    def _opened(self) -> Parts:
        if self._parts is None and self._clock.monotonic() >= self._look_at:
            self._look()
        if self._parts is None:
            assert self._refusal is not None
            raise self._refusal
        return self._parts

    def _look(self) -> None:
        again = LOOK_AGAIN_SECONDS
        try:
            self._parts, self._refusal = self._open_parts(), None
        except Unavailable as error:
            self._refusal = error
        except Outcome as error:
            # Marker, tree and database that do not fit: an operator's matter, and ours, never the client's fault.
            what = "stored data fails its check" if isinstance(error, Corrupt) else "this instance is not whole"
            self._refusal = Unavailable(f"{what}: {error.reason}", retry_after_seconds=60)
        except Exception:  # a broken migration, a full disk: every request would be a defect of its own otherwise
            again = WRONG_AGAIN_SECONDS
            log.exception("this instance cannot be opened")
            self._refusal = Unavailable("this instance cannot be opened; see the log", retry_after_seconds=60)
        finally:
            self._look_at = self._clock.monotonic() + again
