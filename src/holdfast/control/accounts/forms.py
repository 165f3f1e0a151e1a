"""Forms that differ from allauth's."""

from allauth.account.forms import ResetPasswordForm
from allauth.account.models import EmailAddress
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import ReauthenticateForm
from allauth.mfa.base.internal.flows import check_rate_limit
from allauth.mfa.models import Authenticator

from holdfast.control.accounts.models import User


class ResetPassword(ResetPasswordForm):  # type: ignore[misc]  # allauth has no types
    """New passwords go to confirmed addresses alone; one whose domain was lost is none any more."""

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"]).lower()
        found = EmailAddress.objects.filter(email=email, verified=True, user__is_active=True).select_related("user")
        self.users: list[User] = [address.user for address in found if not address.user.is_robot]
        return email


class ReauthenticateByCode(ReauthenticateForm):  # type: ignore[misc]
    """A code of the app alone: a recovery code is neither taken nor used up here (proofs.py)."""

    def clean_code(self) -> str:
        give_back = check_rate_limit(self.user)
        code = str(self.cleaned_data["code"])
        app = Authenticator.objects.filter(user=self.user, type=Authenticator.Type.TOTP).first()
        if app is None or not app.wrap().validate_code(code):
            if app is not None:
                self._emit_authentication_failed(app)
            raise get_adapter().validation_error("incorrect_code")
        app.user = self.user
        self.authenticator = app
        give_back()
        return code
