"""One side of a pair: a store that is waited for a moment only, and left alone for a moment after it failed."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import NoReturn, TypeVar

import structlog

from holdfast.core.errors import Unavailable
from holdfast.store.pair_notes import SideName
from holdfast.store.port import Store

log = structlog.get_logger(__name__)

T = TypeVar("T")

REST_SECONDS = 1.0  # after a side failed to answer in time, so long nobody waits for it
THREADS = 16  # operations of one side under way
LATE_SECONDS = 120.0  # after this, a write that was given up has ended: four requests of a bucket's client


class GivenUp(Unavailable):
    """The side was not waited for any longer; what it was asked may still happen until LATE_SECONDS later."""


class Side:
    """A store and how it has been answering. A bucket is asked in a thread; a folder answers at once or fails."""

    def __init__(self, name: SideName, store: Store, *, in_thread: bool) -> None:
        self.name = name
        self.store = store
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix=f"pair-{name}") if in_thread else None
        self._lock = threading.Lock()
        self._resting_until = float("-inf")  # monotonic
        self._said = False

    def ask(self, work: Callable[[Store], T], seconds: float) -> T:
        """The answer, waited for at most that long. Raises what `work` does, GivenUp, Unavailable while it rests."""
        return self.begin(work)(seconds)

    def begin(self, work: Callable[[Store], T]) -> Callable[[float], T]:
        """Start asking; the answer is collected by calling what is returned with the seconds to wait."""
        if self._threads is None:
            return lambda _seconds: self._noted(lambda: work(self.store))
        with self._lock:
            resting = time.monotonic() < self._resting_until
        if resting:
            return self._refuse
        future: Future[T] = self._threads.submit(work, self.store)
        return lambda seconds: self._noted(lambda: self._collect(future, seconds))

    def _refuse(self, _seconds: float) -> NoReturn:
        raise Unavailable(f"the {self.name} store does not answer", retry_after_seconds=1)

    def _collect(self, future: Future[T], seconds: float) -> T:
        try:
            return future.result(seconds)
        except FutureTimeoutError:
            if future.cancel():
                raise Unavailable(f"the {self.name} store is too busy") from None
            with self._lock:
                self._resting_until = time.monotonic() + REST_SECONDS
            raise GivenUp(f"the {self.name} store did not answer within {seconds:g} s") from None

    def _noted(self, work: Callable[[], T]) -> T:
        try:
            found = work()
        except Unavailable as error:
            if not self._said:
                self._said = True
                log.warning("the %s store of the pair fails: %s", self.name, error.reason)
            raise
        if self._said:
            self._said = False
            log.info("the %s store of the pair answers", self.name)
        return found
