"""Second factors at rest: encrypted under the instance's secret key, which is no row (HKDF, RFC 5869)."""

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from holdfast.core.errors import Unavailable

_PURPOSE = b"holdfast second factors 1"


def encrypt(text: str) -> str:
    """With the key in force."""
    return _cipher().encrypt(text.encode()).decode()


def decrypt(text: str) -> str:
    """With the key in force or an earlier one. Raises Unavailable when none of them fits."""
    try:
        return _cipher().decrypt(text.encode()).decode()
    except InvalidToken:
        raise Unavailable("second factors cannot be read: they were encrypted with another secret key") from None


def _cipher() -> MultiFernet:
    return MultiFernet([Fernet(_derived(str(key))) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _derived(key: str) -> bytes:
    made = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(key.encode())
    return urlsafe_b64encode(made)
