"""What of accounts ends by itself: sessions, counts of attempts, used codes, old mails."""

from datetime import timedelta

from holdfast.clock import Clock
from holdfast.control.accounts.limits import sweep_attempts
from holdfast.control.accounts.models import Invitation, Kept, Session
from holdfast.control.database import database_guard
from holdfast.control.mail.sending import sweep_mails

INVITATIONS_DAYS = 365  # who was invited by whom stays in the audit for good


def sweep_accounts(clock: Clock) -> None:
    """Forget what has ended. Raises DatabaseUnavailable."""
    now = clock.now()
    with database_guard():
        Session.objects.filter(expire_date__lte=now).delete()
        Kept.objects.filter(until__lte=now).delete()
        Invitation.objects.filter(expires__lte=now - timedelta(days=INVITATIONS_DAYS)).delete()
        sweep_attempts(clock)
    sweep_mails(clock)
