"""Forms that differ from allauth's."""

from allauth.account.forms import ResetPasswordForm
from allauth.account.models import EmailAddress

from holdfast.control.accounts.models import User


class ResetPassword(ResetPasswordForm):  # type: ignore[misc]  # allauth has no types
    """New passwords go to confirmed addresses alone; one whose domain was lost is none any more."""

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"]).lower()
        found = EmailAddress.objects.filter(email=email, verified=True, user__is_active=True).select_related("user")
        self.users: list[User] = [address.user for address in found if not address.user.is_robot]
        return email
