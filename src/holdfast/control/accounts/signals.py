"""What allauth tells of itself, noted: in the transaction of the change where it has one."""

from typing import Any

from allauth.account import signals as account
from allauth.account.internal.flows.login import record_authentication
from allauth.account.models import EmailAddress
from allauth.mfa import signals as mfa
from allauth.mfa.models import Authenticator
from django.http import HttpRequest

from holdfast.control.accounts.models import User
from holdfast.control.accounts.noting import noting
from holdfast.control.accounts.signing_in import tally
from holdfast.control.domains.watch import found_again


def connect() -> None:
    """Hear what allauth tells. Called once, when the apps are ready."""
    for signal, receiver in (
        (account.email_confirmed, _address_confirmed),
        (account.email_added, _address_added),
        (account.email_removed, _address_removed),
        (account.email_changed, _address_made_primary),
        (mfa.authenticator_added, _factor_added),
        (mfa.authenticator_removed, _factor_removed),
        (mfa.authenticator_reset, _codes_made),
        (mfa.authentication_failed, _factor_failed),
    ):
        signal.connect(receiver, dispatch_uid=receiver.__name__)


def _address_confirmed(request: HttpRequest, email_address: EmailAddress, **_: Any) -> None:
    _note(request, email_address.user, "confirm-address", address=email_address.email)
    found_again(email_address.email)


def _address_added(request: HttpRequest, user: User, email_address: EmailAddress, **_: Any) -> None:
    _note(request, user, "add-address", address=email_address.email)


def _address_removed(request: HttpRequest, user: User, email_address: EmailAddress, **_: Any) -> None:
    _note(request, user, "remove-address", address=email_address.email)


def _address_made_primary(request: HttpRequest, user: User, to_email_address: EmailAddress, **_: Any) -> None:
    _note(request, user, "set-primary-address", address=to_email_address.email)


def _factor_added(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    """Setting one up shows it, so that whoever has just done so is not asked for it at once; codes are only made."""
    _note(request, user, "add-second-factor", kind=str(authenticator.type))
    if authenticator.type != Authenticator.Type.RECOVERY_CODES:
        record_authentication(request, user, "mfa", id=authenticator.pk, type=authenticator.type)


def _factor_removed(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    _note(request, user, "remove-second-factor", kind=str(authenticator.type))


def _codes_made(request: HttpRequest, user: User, **_: Any) -> None:
    _note(request, user, "make-recovery-codes")


def _factor_failed(request: HttpRequest, user: User, **_: Any) -> None:
    """The password was right and the code was not: worth knowing."""
    tally.wrong_code += 1
    _note(request, user, "fail-second-factor")


def _note(request: HttpRequest, user: User, action: str, **detail: str) -> None:
    with noting(request, user) as tx:
        tx.audit(action, user.username, **detail)
