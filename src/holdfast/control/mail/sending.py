"""Sending what waits in the outbox: claimed by a filtered update, tried again with growing pauses, given up after days.

Between a server's yes and our note of it lies a moment: a crash in it sends the mail again, under the same Message-ID,
by which most mail programs know it. More than that SMTP does not give.
"""

from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit
from uuid import uuid4

import structlog

from holdfast.clock import Clock
from holdfast.config import Config
from holdfast.control.database import database_guard
from holdfast.control.mail.models import Mail
from holdfast.control.mail.smtp import Rejected, Smtp
from holdfast.core.errors import Absent, Unavailable

log = structlog.get_logger()

LEASE_SECONDS = 300.0  # longer than all servers together may take
BATCH_MAX = 20  # mails per call: the work role has other tasks
RETRY_SECONDS = (10, 30, 60, 300, 900, 3600, 3600 * 3, 3600 * 6, 3600 * 12, 3600 * 24)  # then it is given up
KEPT_DAYS = 30  # of rows that were sent, and of texts that were never sent


class Sender(Protocol):
    """What hands a mail over (smtp.py)."""

    def send(self, mail: Mail) -> None:
        """Raises Rejected, Unavailable."""


def send_waiting(config: Config, clock: Clock, sender: Sender | None = None) -> int:
    """Send what is due, most urgent first; how many were sent. Without a configured server mails stay."""
    if sender is None:
        if not config.mail_servers:
            return 0
        host = urlsplit(config.base_url).hostname or "localhost"
        sender = Smtp(config.mail_from or f"holdfast@{host}", config.mail_servers)
    sent = 0
    for _ in range(BATCH_MAX):
        mail = _claim(clock.now())
        if mail is None:
            break
        sent += _try(mail, sender, clock)
    return sent


def retry(number: int, now: datetime) -> None:
    """Have a mail tried again at once, also one that was given up. Raises Absent."""
    with database_guard():
        if not Mail.objects.filter(pk=number, sent=None).update(due=now, dead=None, attempts=0, holder="", error=""):
            raise Absent(f"there is no unsent mail {number}")


def sweep_mails(clock: Clock) -> None:
    """Forget mails that were sent long ago, and those that nobody will send any more."""
    with database_guard():
        Mail.objects.filter(created__lt=clock.now() - timedelta(days=KEPT_DAYS)).delete()


def _claim(now: datetime) -> Mail | None:
    """Take the most urgent mail that is due; nobody else sends it until the lease ends."""
    holder = uuid4().hex
    with database_guard():
        waiting = Mail.objects.filter(sent=None, dead=None, due__lte=now).order_by("priority", "due", "pk")
        for number in waiting.values_list("pk", flat=True)[:BATCH_MAX]:
            until = now + timedelta(seconds=LEASE_SECONDS)
            if Mail.objects.filter(pk=number, sent=None, dead=None, due__lte=now).update(due=until, holder=holder):
                return Mail.objects.get(pk=number)
    return None


def _try(mail: Mail, sender: Sender, clock: Clock) -> bool:
    try:
        sender.send(mail)
    except Rejected as error:
        _note(mail, error=str(error)[:300], dead=clock.now(), attempts=mail.attempts + 1)
        log.error("a mail was refused for good: %s", error, mail=mail.pk, kind=mail.kind)
        return False
    except Unavailable as error:
        _again_later(mail, error.reason, clock.now())
        return False
    _note(mail, sent=clock.now(), text="", error="", attempts=mail.attempts + 1)
    return True


def _again_later(mail: Mail, reason: str, now: datetime) -> None:
    if mail.attempts >= len(RETRY_SECONDS):
        _note(mail, error=reason[:300], dead=now, attempts=mail.attempts + 1)
        log.error("a mail was given up: %s", reason, mail=mail.pk, kind=mail.kind)
        return
    due = now + timedelta(seconds=RETRY_SECONDS[mail.attempts])
    _note(mail, error=reason[:300], due=due, attempts=mail.attempts + 1)
    log.warning("a mail waits: %s", reason, mail=mail.pk, kind=mail.kind)


def _note(mail: Mail, **facts: object) -> None:
    with database_guard():
        Mail.objects.filter(pk=mail.pk, holder=mail.holder).update(holder="", **facts)
