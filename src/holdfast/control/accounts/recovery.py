"""After an account was recovered: some rights wait, and its people are told, so that a thief gains nothing at once."""

from datetime import timedelta

from allauth.account.models import EmailAddress

from holdfast.control.accounts.models import User
from holdfast.control.mail.queue import queue
from holdfast.control.publication.transaction import WriteTransaction
from holdfast.core.model import format_time

WAIT_HOURS = 72  # over a weekend somebody reads their mail


def begin_wait(tx: WriteTransaction, user: User, what: str) -> None:
    """Have what must wait after a recovery wait (control/rights.py says what does), and tell its people.

    At every confirmed address: whoever took one over is not the only one who hears of it.
    """
    until = tx.now + timedelta(hours=WAIT_HOURS)
    user.recovered_until = until
    user.save(update_fields=["recovered_until"])
    facts = {"user": user.username, "what": what, "when": format_time(tx.now), "until": format_time(until)}
    for email in EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True):
        queue(tx, email, "account-recovered", facts)
    tx.audit("recover-account", user.username, what=what)
