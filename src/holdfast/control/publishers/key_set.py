"""An issuer's signing keys (RFC 7517) as values: those that can be used here, and nothing of the others."""

import json
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

KEYS_MAX = 64  # of one issuer; those of today have two to six
RSA_BITS_MIN, RSA_BITS_MAX = 2048, 8192  # smaller ones can be broken, larger ones cost milliseconds
_RSA = ("RS256", "RS384", "RS512", "PS256")
_CURVES = {"secp256r1": ("ES256",), "secp384r1": ("ES384",)}


@dataclass(frozen=True, slots=True)
class Key:
    """A public key, and the algorithms that go with it."""

    id: str
    algorithms: tuple[str, ...]
    public: Any = field(repr=False)


def parse_key_set(document: bytes | str) -> tuple[Key, ...]:
    """The usable keys of a JWKS. Raises ValueError when it is none, or has none that is usable."""
    found = json.loads(document)
    listed = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(listed, list) or len(listed) > KEYS_MAX:
        raise ValueError(f"it is not a list of at most {KEYS_MAX} keys")
    keys = tuple(key for one in listed if isinstance(one, dict) and (key := _key(one)) is not None)
    if not keys:
        raise ValueError("it has no key that can be used")
    return keys


def fitting_key(keys: tuple[Key, ...], key_id: str, algorithm: str) -> Key | None:
    """The key that a token names; without a name the only one of its kind."""
    named = [key for key in keys if (not key_id or key.id == key_id) and algorithm in key.algorithms]
    return named[0] if len(named) == 1 else None


def _key(found: dict[str, Any]) -> Key | None:
    """None for a key of another use or kind, a private or a secret one."""
    key_id, declared = found.get("kid", ""), found.get("alg")
    if not isinstance(key_id, str) or found.get("use", "sig") != "sig" or {"d", "k"} & set(found):
        return None
    try:
        public, algorithms = _public(found)
    except (jwt.exceptions.PyJWTError, ValueError, TypeError, KeyError):
        return None
    if declared is not None:
        algorithms = tuple(one for one in algorithms if one == declared)
    return Key(key_id, algorithms, public) if algorithms else None


def _public(found: dict[str, Any]) -> tuple[Any, tuple[str, ...]]:
    match found.get("kty"):
        case "RSA":
            rsa = RSAAlgorithm.from_jwk(found)
            usable = isinstance(rsa, RSAPublicKey) and RSA_BITS_MIN <= rsa.key_size <= RSA_BITS_MAX
            return rsa, _RSA if usable else ()
        case "EC":
            ec = ECAlgorithm.from_jwk(found)
            return ec, _CURVES.get(ec.curve.name, ()) if isinstance(ec, EllipticCurvePublicKey) else ()
        case "OKP":
            okp = OKPAlgorithm.from_jwk(found)
            return okp, ("EdDSA",) if isinstance(okp, Ed25519PublicKey) else ()
    return None, ()
