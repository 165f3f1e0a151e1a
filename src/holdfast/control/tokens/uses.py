"""When tokens were last used: noted in memory by the requests, written by a thread of its own every half minute.

An upload never waits for it. What is not yet written when a process dies is lost: a date that is half a minute old.
"""

import threading
from datetime import datetime

import structlog

from holdfast.clock import Clock
from holdfast.control.accounts.models import Token
from holdfast.control.database import close_connection, held_transaction
from holdfast.control.tokens.models import TokenNote
from holdfast.core.errors import Unavailable

log = structlog.get_logger()

NOTED_MAX = 10_000  # tokens between two writes; further ones are not noted
BATCH = 200  # rows of one statement, which other writers wait for
EVERY_SECONDS = 30.0
STATEMENT_SECONDS = 2.0


class Uses:
    """What one process has seen since it last wrote it down."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[str, datetime] = {}

    def note(self, token: str, now: datetime) -> None:
        """A token was used. Costs a dictionary entry."""
        with self._lock:
            if token in self._seen or len(self._seen) < NOTED_MAX:
                self._seen[token] = now

    def write(self, clock: Clock) -> int:
        """Write down what was seen; returns how many tokens. What fails is kept for next time. Raises Unavailable."""
        with self._lock:
            seen, self._seen = self._seen, {}
        written: set[str] = set()
        try:
            for batch in _batches(sorted(seen)):
                _write(clock, {token: seen[token] for token in batch})
                written.update(batch)
        finally:
            with self._lock:
                self._seen = {token: at for token, at in seen.items() if token not in written} | self._seen
        return len(written)


def write_regularly(
    uses: Uses, clock: Clock, stop: threading.Event, every_seconds: float = EVERY_SECONDS
) -> threading.Thread:
    """Start the thread that writes them down until told to stop."""

    def work() -> None:
        while not stop.wait(every_seconds):
            try:
                uses.write(clock)
            except Unavailable as error:
                log.debug("when tokens were used is written later: %s", error.reason)
            except Exception:  # a thread that ends is missed by nobody
                log.exception("when tokens were used was not written")
            finally:
                close_connection()

    thread = threading.Thread(target=work, name="token-uses", daemon=True)
    thread.start()
    return thread


def _batches(tokens: list[str]) -> list[list[str]]:
    return [tokens[start : start + BATCH] for start in range(0, len(tokens), BATCH)]


def _write(clock: Clock, seen: dict[str, datetime]) -> None:
    with held_transaction(clock, clock.monotonic() + STATEMENT_SECONDS):
        known = Token.objects.filter(pk__in=seen).values_list("pk", flat=True)
        TokenNote.objects.bulk_create(
            [TokenNote(token_id=token, last_used=seen[token]) for token in known],
            update_conflicts=True,
            unique_fields=["token"],
            update_fields=["last_used"],
        )
