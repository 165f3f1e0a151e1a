"""allauth's second factors as this project wants them: encrypted, and not to be dropped where required."""

from typing import Any

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Q

from holdfast.control.accounts import secrets
from holdfast.control.accounts.models import User
from holdfast.control.http import parts_of
from holdfast.control.organisations.effective import may_create_anywhere
from holdfast.control.page_settings import is_loopback_name

_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


class SecondFactors(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    """MFA_ADAPTER."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "cannot_delete_authenticator": "Your account needs a second factor: set another one up first.",
        "cannot_generate_recovery_codes": "Set a second factor up first: recovery codes stand in for one.",
        "unverified_email": "Confirm a mail address first: it is told when a second factor changes.",
        "incorrect_code": "This code is not right, or was used already.",
    }

    def encrypt(self, text: str) -> str:
        return secrets.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return secrets.decrypt(encrypted_text)

    def get_totp_label(self, user: AbstractBaseUser) -> str:
        return user.get_username()

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        user = authenticator.user
        others = Authenticator.objects.filter(user=user, type__in=_FACTORS).exclude(pk=authenticator.pk)
        return bool(others.exists()) or not must_have_second_factor(user, parts_of(context.request).config.two_factor)

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """The host, as browsers want it: loopback has one name here, for an IP address is none (WebAuthn §5.1.2)."""
        host = context.request.get_host().rpartition(":")[0] or context.request.get_host()
        host = host.strip("[]")
        return {"id": "localhost" if is_loopback_name(host) else host, "name": "Holdfast"}

    def generate_authenticator_name(self, user: AbstractBaseUser, type: Any) -> str:
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return f"Key {count + 1}"


def has_second_factor(user: User) -> bool:
    """True with an authenticator app or a passkey."""
    return bool(Authenticator.objects.filter(user=user, type__in=_FACTORS).exists())


def second_factors(user: User) -> frozenset[str]:
    """Which kinds of them somebody has; recovery codes are none."""
    return frozenset(Authenticator.objects.filter(user=user, type__in=_FACTORS).values_list("type", flat=True))


def must_have_second_factor(user: User, setting: str) -> bool:
    """Whether the setting `two_factor` demands one of this person: of all, or of whoever can publish or administer."""
    if setting == "all":
        return True
    if setting == "optional":
        return False
    return user.is_superuser or user.is_staff or can_publish(user)


def can_publish(user: User) -> bool:
    """Whoever has a role, is in an organisation, may create projects, or was given a token that may, or does it all."""
    return (
        user.roles.exists()
        or user.memberships.exists()
        or user.tokens.filter(Q(create_projects=True) | Q(admin=True), revoked=None).exists()
        or may_create_anywhere(user.username)
    )
