"""The steps of a sign-in after the password."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.stages import EmailVerificationStage


class ConfirmedAddress(EmailVerificationStage):  # type: ignore[misc]  # allauth has no types
    """A confirmed address, for who has one at all: an operator may make an account without at the machine itself."""

    def handle(self) -> tuple[Any, bool]:
        user = self.login.user
        if user is not None and not user.email and not EmailAddress.objects.filter(user_id=user.pk).exists():
            return None, True
        found: tuple[Any, bool] = super().handle()
        return found
