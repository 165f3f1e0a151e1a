"""After an account was recovered: some rights wait, and its people are told, so that a thief gains nothing at once."""

from datetime import timedelta

from holdfast.control.accounts.models import User
from holdfast.control.publication.transaction import WriteTransaction

WAIT_HOURS = 72  # over a weekend somebody reads their mail


def begin_wait(tx: WriteTransaction, user: User, what: str) -> None:
    """Have what must wait after a recovery wait (control/rights.py says what does)."""
    user.recovered_until = tx.now + timedelta(hours=WAIT_HOURS)
    user.save(update_fields=["recovered_until"])
    tx.audit("recover-account", user.username, what=what)
