"""The addresses below `/account/`: allauth's views that are wanted, each with its limit, and our own.

allauth's table has more (sign-in by mailed code, phones, XHR); what stands here is all there is.
"""

from collections.abc import Callable
from typing import Any

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, re_path

from holdfast.control.accounts import limits
from holdfast.control.accounts.limits import Limit
from holdfast.control.accounts.noting import whole
from holdfast.control.sign_in import pages as sign_in
from holdfast.control.sign_in.connections import elsewhere, sign_ins
from holdfast.control.sign_in.newcomers import choose_name
from holdfast.control.web import account_pages as pages
from holdfast.control.web.letting_in import let_in
from holdfast.control.web.limiting import limited
from holdfast.control.web.pages import with_picture

View = Callable[..., HttpResponseBase]


def _page(
    route: str, name: str, view: Any, limit: Limit, *, is_whole: bool = False, by_get: bool = False
) -> URLPattern:
    """One page. `is_whole`: its POST is one transaction. `by_get`: opening it counts, for it tries a key."""
    kept: View = whole(view) if is_whole else view
    made = limited(kept, limit, by_get=by_get)
    return re_path(route, made, name=name) if route.startswith("^") else path(route, made, name=name)


_OWN = limits.MANAGE

urlpatterns: list[URLPattern] = [
    path("", pages.home, name="account_home"),
    # Coming in. Signing in has limits of its own (accounts/signing_in.py).
    path("login/", account.login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    _page("signup/", "account_signup", account.signup, limits.SIGN_UP),
    path("invitation/<str:key>/", pages.invitation, name="account_invitation"),
    _page("let-in/<str:key>/", "account_let_in", let_in, limits.LINK, by_get=True),
    _page("reauthenticate/", "account_reauthenticate", account.reauthenticate, limits.CODES),
    # Signing in with a provider.
    _page("sign-in/<slug:provider>/", "account_sign_in", sign_in.begin, limits.PROVIDER),
    _page(
        "sign-in/<slug:provider>/callback/", "account_sign_in_callback", sign_in.callback, limits.PROVIDER, by_get=True
    ),
    _page("choose-name/", "account_choose_name", choose_name, limits.PROVIDER),
    _page("sign-ins/", "account_sign_ins", sign_ins, _OWN),
    path("reauthenticate/elsewhere/", elsewhere, name="account_reauthenticate_elsewhere"),
    # Addresses and password.
    _page("email/", "account_email", account.email, _OWN, is_whole=True),
    path("confirm-email/", account.email_verification_sent, name="account_email_verification_sent"),
    _page(
        r"^confirm-email/(?P<key>[-:\w]+)/$", "account_confirm_email", account.confirm_email, limits.LINK, by_get=True
    ),
    _page("password/change/", "account_change_password", account.password_change, _OWN),
    _page("password/set/", "account_set_password", account.password_set, _OWN),
    _page("password/reset/", "account_reset_password", account.password_reset, limits.RESET),
    path("password/reset/done/", account.password_reset_done, name="account_reset_password_done"),
    _page(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        "account_reset_password_from_key",
        account.password_reset_from_key,
        limits.LINK,
        by_get=True,
    ),
    path(
        "password/reset/key/done/",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    # Sessions and the end.
    _page("sessions/", "account_sessions", pages.sessions, _OWN),
    _page("delete/", "account_delete", pages.delete, _OWN),
    # Second factors.
    path("2fa/", mfa.index, name="mfa_index"),
    _page("2fa/authenticate/", "mfa_authenticate", mfa.authenticate, limits.LINK),
    _page("2fa/reauthenticate/", "mfa_reauthenticate", mfa.reauthenticate, _OWN),
    _page("2fa/totp/activate/", "mfa_activate_totp", with_picture(totp.activate_totp), _OWN, is_whole=True),
    _page("2fa/totp/deactivate/", "mfa_deactivate_totp", totp.deactivate_totp, _OWN, is_whole=True),
    path("2fa/recovery-codes/", recovery_codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    _page(
        "2fa/recovery-codes/generate/",
        "mfa_generate_recovery_codes",
        recovery_codes.generate_recovery_codes,
        _OWN,
        is_whole=True,
    ),
    path("2fa/recovery-codes/download/", recovery_codes.download_recovery_codes, name="mfa_download_recovery_codes"),
    path("2fa/keys/", webauthn.list_webauthn, name="mfa_list_webauthn"),
    _page("2fa/keys/add/", "mfa_add_webauthn", webauthn.add_webauthn, _OWN, is_whole=True),
    _page("2fa/keys/<int:pk>/remove/", "mfa_remove_webauthn", webauthn.remove_webauthn, _OWN, is_whole=True),
    _page("2fa/keys/<int:pk>/edit/", "mfa_edit_webauthn", webauthn.edit_webauthn, _OWN, is_whole=True),
    _page("2fa/keys/reauthenticate/", "mfa_reauthenticate_webauthn", webauthn.reauthenticate_webauthn, _OWN),
    _page("2fa/keys/login/", "mfa_login_webauthn", webauthn.login_webauthn, limits.LINK),
]
