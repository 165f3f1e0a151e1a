"""Passwords: argon2id (RFC 9106), and only so many at once. A flood of sign-ins waits or is refused; uploads go on.

Strangers and people from places their account is known from queue apart: the former cannot take the latter's turn.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.contrib.auth.hashers import Argon2PasswordHasher

from holdfast.core.errors import Unavailable

STRANGERS_AT_ONCE = 2  # each takes MEMORY_KIB and some 50 ms of one core
STRANGERS_WAITING_MAX = 2  # each holds one of control's threads; the other half stays free for everybody else
KNOWN_AT_ONCE = 1
KNOWN_WAITING_MAX = 2
WAIT_SECONDS = 2.0
MEMORY_KIB = 46 * 1024  # OWASP's first choice for argon2id: 46 MiB, one pass, one lane

is_stranger: ContextVar[bool] = ContextVar("is_stranger", default=False)  # whoever asks now comes from nowhere known


class Queue:
    """At most `at_once` inside, at most `waiting_max` waiting, each `seconds` at most."""

    def __init__(self, at_once: int, waiting_max: int, seconds: float = WAIT_SECONDS) -> None:
        self._seats = threading.BoundedSemaphore(at_once)
        self._places = threading.BoundedSemaphore(at_once + waiting_max)
        self._seconds = seconds
        self.refused = 0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One's turn. Raises Unavailable."""
        if not self._places.acquire(blocking=False):
            raise self._busy()
        try:
            if not self._seats.acquire(timeout=self._seconds):
                raise self._busy()
            try:
                yield
            finally:
                self._seats.release()
        finally:
            self._places.release()

    def _busy(self) -> Unavailable:
        self.refused += 1
        return Unavailable("too many people are signing in at once", retry_after_seconds=3)


strangers = Queue(STRANGERS_AT_ONCE, STRANGERS_WAITING_MAX)
known = Queue(KNOWN_AT_ONCE, KNOWN_WAITING_MAX)


class BoundedArgon2(Argon2PasswordHasher):
    """PASSWORD_HASHERS' first and only one."""

    time_cost = 1
    memory_cost = MEMORY_KIB
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with _queue().turn():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with _queue().turn():
            return super().verify(password, encoded)

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Argon2 has no work left to catch up with: its cost is in its parameters."""


def _queue() -> Queue:
    return strangers if is_stranger.get() else known
