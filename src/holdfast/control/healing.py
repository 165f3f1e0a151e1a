"""The healing of a store pair, in a thread beside the other upkeep: copying gigabytes must not hold up publication."""

import threading
import time

import structlog

from holdfast.config import Config
from holdfast.core.errors import Outcome
from holdfast.store.convergence import Converged, Pace, compare, heal
from holdfast.store.pair_notes import SIDES
from holdfast.store.paired import PairedStore
from holdfast.store.port import Store

log = structlog.get_logger()

ROUND_SECONDS = 1.0  # between looks at the notes
REST_SECONDS = 5.0  # after a side was found to be away still
WAITING_SECONDS_MAX = 60.0  # between looks at what cannot be healed yet; each look reads the bytes that are there
COMPARE_SECONDS = 86_400.0  # between comparisons of both sides from end to end
BYTES_PER_SECOND = 64 * 1024 * 1024  # on average: installs use the same disks and lines


class Stopped(Exception):  # noqa: N818 - a way to end, not a defect
    """The process ends; what is left is healed at the next start."""


def heal_beside(config: Config, store: Store, stop: threading.Event) -> threading.Thread | None:
    """Keep both sides of a pair equal until `stop`; None when the store is no pair."""
    if not isinstance(store, PairedStore):
        return None
    thread = threading.Thread(target=_keep_equal, args=(config, store, stop), name="pair-healing", daemon=True)
    thread.start()
    return thread


def paced(stop: threading.Event) -> Pace:
    """Slow a copier down to BYTES_PER_SECOND, and end it with Stopped."""

    def pace(size: int) -> None:
        if stop.wait(size / BYTES_PER_SECOND):
            raise Stopped

    return pace


def rest_after(done: Converged, rested: float) -> float:
    """How long to wait after a round: longer each time while all that is left waits, for late writes or lost bytes."""
    if done.healed or not done.waiting:
        return ROUND_SECONDS
    return min(2 * rested, WAITING_SECONDS_MAX)


def _keep_equal(config: Config, pair: PairedStore, stop: threading.Event) -> None:
    said, compared_at = "", time.monotonic()
    rest = ROUND_SECONDS
    while not stop.is_set():
        try:
            whole = all(pair.notes.is_whole(side) for side in SIDES)
            if whole and time.monotonic() - compared_at < COMPARE_SECONDS:
                done = heal(pair, config.spool_folder, paced(stop))
            else:
                done = compare(pair, config.spool_folder, paced(stop), deep=False)
                compared_at = time.monotonic()
            if done.healed or done.differing:
                log.info("the store pair healed", noted=done.healed, differing=len(done.differing))
            if done.damaged:
                log.error("both stores of the pair have damaged bytes", keys=done.damaged[:10])
            said = ""
            rest = rest_after(done, rest)
        except Stopped:
            return
        except Outcome as error:
            rest = REST_SECONDS
            if error.reason != said:
                log.warning("healing the store pair waits: %s", error.reason)
                said = error.reason
        except Exception as error:
            rest = REST_SECONDS
            log.error("healing the store pair failed: %s", error, exc_info=error)
        stop.wait(rest)
