"""Whether control can do its work, told in under a second even while the database hangs."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from django.http import HttpRequest, HttpResponse

from holdfast.control.database import close_connection, database_guard
from holdfast.control.figures import Figures, figures_of_monitors, figures_of_process, figures_of_rows
from holdfast.control.http import OPENING, respond
from holdfast.control.parts import Parts
from holdfast.control.publication.models import Event, Instance
from holdfast.control.publication.transaction import current_serial
from holdfast.core.errors import Outcome, Unavailable

ANSWER_SECONDS = 0.7


@dataclass(frozen=True, slots=True)
class Health:
    """What was found. Reasons are empty when all is well; serials are None when unknown."""

    database: str = ""
    writes: str = ""
    newest: int | None = None
    published: int | None = None
    figures: Figures = field(default_factory=dict)


@dataclass(slots=True)
class HealthCheck:
    """Asks in a thread of its own; while one question hangs, no second one is asked."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _asking: bool = False

    def ask(self, open_parts: Callable[[], Parts], seconds: float = ANSWER_SECONDS) -> Health:
        """The state of things, or that they hang."""
        with self._lock:
            if self._asking:
                return _hanging("the database has not answered an earlier question yet")
            self._asking = True
        found: list[Health] = []
        thread = threading.Thread(target=self._run, args=(open_parts, found), name="health", daemon=True)
        thread.start()
        thread.join(seconds)
        return found[0] if found else _hanging(f"the database does not answer within {seconds} s")

    def _run(self, open_parts: Callable[[], Parts], found: list[Health]) -> None:
        try:
            found.append(_look(open_parts))
        finally:
            close_connection()  # Django's connections are per thread, and this thread ends
            with self._lock:
                self._asking = False


def _look(open_parts: Callable[[], Parts]) -> Health:
    try:
        parts = open_parts()
        newest, published, halted = _rows()
        figures = figures_of_rows(parts.clock.now()) | figures_of_process(parts.switches)
        figures |= figures_of_monitors(parts.config, parts.clock.now())
    except Unavailable as error:
        return _hanging(error.reason)
    figures["holdfast_publication_lag"] = newest - published
    if halted:
        return Health("", f"writing is stopped: {halted}", newest, published, figures)
    try:
        parts.publisher.head_before_write()  # asks the store, and compares the tree with the database
    except Outcome as error:
        return Health("", error.reason, newest, published, figures)
    return Health("", "", newest, published, figures)


def _rows() -> tuple[int, int, str]:
    """(newest serial, newest serial with everything up to it published, why writing is stopped)."""
    newest = current_serial()
    with database_guard():
        waiting = Event.objects.filter(published=None).order_by("serial").values_list("serial", flat=True).first()
        halted = Instance.objects.values_list("halted", flat=True).filter(pk=1).first()
    return newest, newest if waiting is None else min(newest, waiting - 1), halted or ""


def _hanging(reason: str) -> Health:
    return Health(database=reason, writes=f"the database is needed: {reason}")


_check = HealthCheck()


def health(request: HttpRequest) -> HttpResponse:
    """GET /-/health. 200 while this process answers: what does not work is in the document."""
    found = _check.ask(request.META[OPENING].parts)
    lag = found.newest - found.published if found.newest is not None and found.published is not None else None
    document = {
        "database": {"ok": not found.database, "reason": found.database},
        "writes": {"ok": not found.writes, "reason": found.writes},
        "publication": {"newest": found.newest, "published": found.published, "lag": lag},
        "figures": found.figures,
    }
    headers = (("content-type", "application/json"), ("cache-control", "no-store"))
    return respond(request, 200, headers, json.dumps(document).encode() + b"\n")
