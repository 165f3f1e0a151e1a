"""allauth's forms for passkeys, of which a stranger fills in one: what is no authenticator's answer is a wrong one.

The libraries below expect what a browser makes of a key (WebAuthn §5.1). Anything else, by form, depth or size, raises
whatever it happens to raise there.
"""

import json
import struct
from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.webauthn import forms as webauthn
from django import forms
from django.forms.fields import InvalidJSONInput

ANSWER_CHARS_MAX = 64 * 1024  # of an answer; one with a long chain of certificates has some 10,000
_MISSHAPEN = (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError, struct.error)


class _Answer(forms.JSONField):
    """An authenticator's answer as an object. Raises ValidationError."""

    def bound_data(self, data: Any, initial: Any) -> Any:
        """An answer is good once: the page never says it again."""
        return InvalidJSONInput("")

    def to_python(self, value: Any) -> Any:
        if not isinstance(value, str) or len(value) > ANSWER_CHARS_MAX:
            raise _wrong()
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            raise _wrong() from None
        if not isinstance(found, dict):
            raise _wrong()
        return found


class AddPasskey(webauthn.AddWebAuthnForm):  # type: ignore[misc]  # allauth has no types
    """A new key."""

    credential = _Answer(required=True, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = super().clean()
        except forms.ValidationError:
            raise
        except _MISSHAPEN:
            raise _wrong() from None
        return found


class _Proof:
    """What the three forms share that take a key's answer for a proof."""

    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()  # type: ignore[misc]
        except forms.ValidationError:
            raise
        except _MISSHAPEN:
            raise _wrong() from None


class AuthenticateByKey(_Proof, webauthn.AuthenticateWebAuthnForm):  # type: ignore[misc]
    """The second factor."""

    credential = _Answer(required=True, widget=forms.HiddenInput)


class SignInByPasskey(_Proof, webauthn.LoginWebAuthnForm):  # type: ignore[misc]
    """Signing in without a password."""

    credential = _Answer(required=True, widget=forms.HiddenInput)


class ReauthenticateByKey(_Proof, webauthn.ReauthenticateWebAuthnForm):  # type: ignore[misc]
    """Proving once more who one is."""

    credential = _Answer(required=True, widget=forms.HiddenInput)


def _wrong() -> forms.ValidationError:
    found: forms.ValidationError = get_adapter().validation_error("incorrect_code")
    return found
