"""The steps of a sign-in after the password."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.stages import EmailVerificationStage
from allauth.mfa.stages import AuthenticateStage
from django.http import HttpRequest

from holdfast.control.accounts.models import User
from holdfast.control.accounts.proofs import had_second_factor_elsewhere
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


class OurSecondFactor(AuthenticateStage):  # type: ignore[misc]  # allauth has no types
    """The second factor that was set up here, unless the provider's own counts and was shown."""

    def _should_handle(self, request: HttpRequest) -> bool:
        user = self.login.user
        if isinstance(user, User) and had_second_factor_elsewhere(request, user):
            return False
        return bool(super()._should_handle(request))


def _was_lost(number: int) -> bool:
    emails = EmailAddress.objects.filter(user_id=number).values_list("email", flat=True)
    return any(is_lost(email) for email in emails)
