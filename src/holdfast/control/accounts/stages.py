"""The steps of a sign-in after the password."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.stages import EmailVerificationStage

from holdfast.control.domains.watch import is_lost


class ConfirmedAddress(EmailVerificationStage):  # type: ignore[misc]  # allauth has no types
    """A confirmed address, for who has one at all: an operator may make an account without at the machine itself.

    Whose address was confirmed until its domain was lost comes in with password and second factor, to confirm another.
    """

    def handle(self) -> tuple[Any, bool]:
        user = self.login.user
        if user is not None and not user.email and not EmailAddress.objects.filter(user_id=user.pk).exists():
            return None, True
        if user is not None and _was_lost(user.pk):
            return None, True
        found: tuple[Any, bool] = super().handle()
        return found


def _was_lost(number: int) -> bool:
    emails = EmailAddress.objects.filter(user_id=number).values_list("email", flat=True)
    return any(is_lost(email) for email in emails)
