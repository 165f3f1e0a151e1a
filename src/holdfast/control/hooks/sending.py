"""Delivering what waits: claimed row by row, tried again with growing pauses, given up after days, stopped after more.

Threads beside `work`'s other tasks send, one for each webhook that has something to deliver, so that a receiver that
hangs holds up what waits for itself alone. Whoever failed once in a round is left for a later one.
"""

import threading
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from urllib.parse import urlsplit

import structlog

from holdfast import __version__
from holdfast.clock import Clock
from holdfast.config import Config
from holdfast.control.accounts.actor import OPERATOR_SCOPES, Actor
from holdfast.control.database import close_connection, database_guard, held_transaction
from holdfast.control.hooks import signing
from holdfast.control.hooks.models import Delivery, Webhook
from holdfast.control.hooks.posting import Answered, post
from holdfast.control.hooks.targets import NotAllowed, Target, parse_target
from holdfast.control.notices import tell
from holdfast.control.publication.transaction import Publication, unpublished_transaction
from holdfast.control.secret_key import read_keys
from holdfast.core.errors import Outcome

log = structlog.get_logger()

ROUND_SECONDS = 1.0
REST_SECONDS = 10.0  # after a round that the database kept from its work
BATCH = 50  # deliveries of one webhook taken in a turn
TURN_SECONDS = 10.0  # then others have theirs: a turn ends with the attempt that passes this, twice as long at most
LOOKED_AT_MAX = 64  # webhooks that have something due, of which a round chooses
SENDERS_MAX = 8  # webhooks delivered to at once: each takes ten seconds at most
SENDERS_OF_HOST_MAX = 2  # of them to one host: whoever makes many webhooks to a slow one leaves room for others
LEASE = timedelta(seconds=60)  # longer than an attempt: another machine's sender leaves a claimed row alone
PAUSES_SECONDS = (10, 60, 300, 1800, 7200, 21_600)  # then six hours each time
GIVEN_UP = timedelta(days=3)  # one delivery
STOPPED_AFTER_DAYS = 7  # without one success: the receiver is gone
STOPPED_AFTER_FAILURES = 10  # and it was asked often enough to know
KEPT = timedelta(days=14)  # what was delivered or given up, for people to look at
STATEMENT_SECONDS = 5.0
GONE = 410  # the receiver says for good that it wants no more

Post = Callable[[Target, dict[str, str], bytes, Sequence[str]], Answered]
SENDER = Actor("webhooks", OPERATOR_SCOPES, credential="machine")


def deliver_beside(config: Config, publisher: Publication, stop: threading.Event) -> threading.Thread:
    """Start the thread that has things delivered until told to stop."""
    senders = Senders(config, publisher)

    def work() -> None:
        pause = ROUND_SECONDS
        while not stop.wait(pause):
            try:
                senders.begin_round()
                pause = ROUND_SECONDS
            except Outcome as error:
                log.debug("webhooks wait: %s", error.reason)
                pause = REST_SECONDS
            except Exception:
                log.exception("webhooks failed")
                pause = REST_SECONDS
        close_connection()

    thread = threading.Thread(target=work, name="webhooks", daemon=True)
    thread.start()
    return thread


class Senders:
    """Delivers side by side: one thread for each webhook that has something due, a bounded number of them.

    What waits for one webhook leaves in its order. Slow receivers on one host take a few threads, never all of them.
    """

    def __init__(self, config: Config, publisher: Publication, send: Post = post) -> None:
        self._config = config
        self._publisher = publisher
        self._send = send
        self._lock = threading.Lock()
        self._busy: dict[int, str] = {}  # the host of each webhook that is being delivered to
        self._turns: dict[int, int] = {}  # the number of the last turn of each webhook that still has something due
        self._turn = 0

    def begin_round(self) -> list[threading.Thread]:
        """Begin with what is due and not under way; the threads that do it. Raises Unavailable."""
        with self._lock:
            busy = list(self._busy)
        if len(busy) >= SENDERS_MAX:
            return []
        waiting = due_deliveries(self._publisher.clock, busy, self._longest_ago)
        keys = read_keys(self._config) if waiting else []
        return [
            self._begin(rows, keys)
            for number, rows in waiting.items()
            if self._take(number, urlsplit(rows[0].webhook.url).hostname or "")
        ]

    def _longest_ago(self, due: Sequence[int]) -> Sequence[int]:
        """Whose turn was longest ago comes first: a backlog, however old, waits behind whoever has had no turn."""
        with self._lock:
            kept = {*due, *self._busy}
            self._turns = {number: turn for number, turn in self._turns.items() if number in kept}
            return sorted(due, key=lambda number: self._turns.get(number, 0))

    def _take(self, webhook: int, host: str) -> bool:
        with self._lock:
            hosts = list(self._busy.values())
            if len(hosts) >= SENDERS_MAX or hosts.count(host) >= SENDERS_OF_HOST_MAX:
                return False
            self._busy[webhook] = host
            self._turn += 1
            self._turns[webhook] = self._turn
            return True

    def _begin(self, rows: list[Delivery], keys: Sequence[str]) -> threading.Thread:
        def work() -> None:
            try:
                deliver(rows, keys, self._config, self._publisher, self._send)
            except Outcome as error:
                log.debug("a webhook waits: %s", error.reason)
            except Exception:
                log.exception("a webhook failed")
            finally:
                close_connection()
                with self._lock:
                    self._busy.pop(rows[0].webhook_id, None)

        thread = threading.Thread(target=work, name="webhook", daemon=True)  # a stop does not wait for receivers
        thread.start()
        return thread


def due_deliveries(
    clock: Clock, busy: Collection[int] = (), order: Callable[[Sequence[int]], Sequence[int]] = list
) -> dict[int, list[Delivery]]:
    """What is due, by webhook in `order`, each in its own order, but for those under way. Raises Unavailable."""
    with database_guard():
        due = Delivery.objects.filter(done=None, due__lte=clock.now(), webhook__stopped=None)
        waiting = due.exclude(webhook__in=busy)
        numbers = order([*waiting.order_by("webhook").values_list("webhook", flat=True).distinct()])
        chosen = numbers[:LOOKED_AT_MAX]
        return {
            number: list(due.filter(webhook=number).select_related("webhook").order_by("due", "pk")[:BATCH])
            for number in chosen
        }


def deliver(rows: list[Delivery], keys: Sequence[str], config: Config, publisher: Publication, send: Post) -> int:
    """Deliver one webhook's rows until one is not taken, or its turn is over; how many were tried.

    Raises Unavailable.
    """
    over = publisher.clock.monotonic() + TURN_SECONDS
    for tried, row in enumerate(rows):
        if tried and publisher.clock.monotonic() >= over:
            return tried
        if not _claim(row, publisher.clock):
            return tried
        answer = _attempt(row, keys, config.webhook_networks, publisher.clock, send)
        _record(row, answer, publisher)
        if not answer.is_taken:
            return tried + 1
    return len(rows)


def forget_deliveries(clock: Clock) -> int:
    """Delete what was delivered or given up long ago; returns how many."""
    with held_transaction(clock, clock.monotonic() + STATEMENT_SECONDS):
        return Delivery.objects.filter(done__lt=clock.now() - KEPT).delete()[0]


def _claim(row: Delivery, clock: Clock) -> bool:
    """Move its hour on, by whoever comes first."""
    with held_transaction(clock, clock.monotonic() + STATEMENT_SECONDS):
        mine = Delivery.objects.filter(pk=row.pk, due=row.due, done=None)
        return mine.update(due=clock.now() + LEASE) == 1


def _attempt(row: Delivery, keys: Sequence[str], networks: Sequence[str], clock: Clock, send: Post) -> Answered:
    secret = signing.secret_for(row.webhook.salt, row.webhook.key, keys)
    if secret is None:
        return Answered(0, "its secret was made with a secret key that is gone; make the webhook anew")
    try:
        target = parse_target(row.webhook.url)
    except NotAllowed as error:
        return Answered(0, str(error))
    body = row.body.encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"holdfast/{__version__}",
        "X-Holdfast-Event": row.event,
        "X-Holdfast-Delivery": str(row.pk),
        "X-Holdfast-Signature": signing.signature(secret, body, int(clock.now().timestamp())),
    }
    return send(target, headers, body, networks)


def _record(row: Delivery, answer: Answered, publisher: Publication) -> None:
    clock = publisher.clock
    now = clock.now()
    row.attempts += 1
    row.status, row.error = answer.status or None, answer.error
    if answer.is_taken or now - row.created >= GIVEN_UP or answer.status == GONE:
        row.done = now
    row.due = now + timedelta(seconds=PAUSES_SECONDS[min(row.attempts, len(PAUSES_SECONDS)) - 1])
    with unpublished_transaction(publisher, SENDER, clock.monotonic() + STATEMENT_SECONDS) as tx:
        hook = Webhook.objects.filter(pk=row.webhook_id).first()
        if hook is None:
            return
        row.save(update_fields=["attempts", "status", "error", "done", "due"])
        hook.failures = 0 if answer.is_taken else hook.failures + 1
        hook.failing_since = None if answer.is_taken else hook.failing_since or now
        why = answer.error or f"it answered {answer.status}"
        if not answer.is_taken and _is_hopeless(hook, answer, tx.now):
            hook.stopped, hook.stopped_why = now, why
            host = parse_target(hook.url).host
            tx.audit("stop-webhook", host, webhook=hook.pk, why=why)
            facts = {"host": host, "days": STOPPED_AFTER_DAYS, "webhook": hook.pk, "why": why}
            tell(tx, hook.created_by, "webhook-stopped", facts)
        hook.save(update_fields=["failures", "failing_since", "stopped", "stopped_why"])


def _is_hopeless(hook: Webhook, answer: Answered, now: object) -> bool:
    if answer.status == GONE:
        return True
    assert hook.failing_since is not None
    too_long = hook.failing_since + timedelta(days=STOPPED_AFTER_DAYS) <= now  # type: ignore[operator]
    return too_long and hook.failures >= STOPPED_AFTER_FAILURES
