"""A passkey without a browser: what an authenticator answers (WebAuthn §6), by a key of its own."""

import base64
import json
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256
from fido2.webauthn import Aaguid, AttestationObject, AttestedCredentialData, AuthenticatorData

RP, ORIGIN = "localhost", "http://127.0.0.1:8000"
_FLAGS = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV


class Passkey:
    """One key of one person."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._id = b"passkey-1"

    def registration(self, resident: bool = False) -> dict[str, Any]:
        """What is kept of it. `resident`: it can sign in alone."""
        public = ES256.from_cryptography_key(self._key.public_key())
        credential = AttestedCredentialData.create(Aaguid.NONE, self._id, public)
        data = AuthenticatorData.create(_rp(), _FLAGS | AuthenticatorData.FLAG.AT, 0, credential)
        client = _client("webauthn.create", "sham")
        attested = bytes(AttestationObject.create("none", data, {}))
        named = self._named({"clientDataJSON": _b64(client), "attestationObject": _b64(attested)})
        return named | {"clientExtensionResults": {"credProps": {"rk": resident}}}

    def answer(self, options: dict[str, Any], handle: str = "") -> str:
        """The answer to a page's question. `handle`: whose key it is, which one that signs in alone tells."""
        client = _client("webauthn.get", options["publicKey"]["challenge"])
        data = bytes(AuthenticatorData.create(_rp(), _FLAGS, 1))
        signature = self._key.sign(data + sha256(client).digest(), ec.ECDSA(SHA256()))
        parts = {"clientDataJSON": client, "authenticatorData": data, "signature": signature}
        if handle:
            parts["userHandle"] = handle.encode()
        return json.dumps(self._named({name: _b64(part) for name, part in parts.items()}))

    def _named(self, response: dict[str, str]) -> dict[str, Any]:
        name = _b64(self._id)
        return {"id": name, "rawId": name, "type": "public-key", "response": response, "clientExtensionResults": {}}


def _rp() -> bytes:
    return sha256(RP.encode()).digest()


def _client(kind: str, challenge: str) -> bytes:
    return json.dumps({"type": kind, "challenge": challenge, "origin": ORIGIN, "crossOrigin": False}).encode()


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
