"""The one place where the setting `two_factor` holds: before every page of whoever is signed in, but for a few.

Pages are closed unless they stand in OPEN, so that a new one cannot be forgotten. What people do with tokens they do
with what they made here; uploads and the API know no session at all.
"""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse

from holdfast.control.accounts.mfa import has_second_factor, must_have_second_factor
from holdfast.control.accounts.models import User
from holdfast.control.accounts.proofs import had_second_factor_elsewhere
from holdfast.control.http import parts_of
from holdfast.control.web.answers import is_page

# By the names of their routes. Setting a factor up, and proving for it who one is; knowing who one is; the ways out;
# links of mails, which carry a key of their own and do the same for a visitor.
OPEN = frozenset(
    "me account_home account_login account_logout account_inactive account_sessions account_reauthenticate "
    "account_sign_in account_sign_in_callback account_choose_name account_reauthenticate_elsewhere "
    "mfa_index mfa_authenticate mfa_reauthenticate mfa_reauthenticate_webauthn mfa_login_webauthn "
    "mfa_activate_totp mfa_add_webauthn mfa_list_webauthn "
    "account_let_in account_email_verification_sent account_confirm_email account_reset_password "
    "account_reset_password_done account_reset_password_from_key account_reset_password_from_key_done".split()
)


class SecondFactorFirst:
    """Whoever must have a second factor and has none is sent to set one up, whatever page they ask for."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> HttpResponse | None:
        """Django's, once the route is known."""
        found = request.resolver_match
        if not is_page(request) or (found is not None and found.url_name in OPEN):
            return None
        if not isinstance(request.user, User) or not lacks_second_factor(request):
            return None
        messages.warning(request, "Set up a second factor first; then everything else opens.")
        return HttpResponseRedirect(reverse("mfa_index"))


def lacks_second_factor(request: HttpRequest) -> bool:
    """True for who is signed in without the second factor that this instance asks of them."""
    person = request.user
    assert isinstance(person, User)
    if not must_have_second_factor(person, parts_of(request).config.two_factor):
        return False
    return not has_second_factor(person) and not had_second_factor_elsewhere(request, person)
