"""Attestations of the right form (PEP 740), made in memory and signed by nobody, for files that tests upload."""

import base64
import hashlib
import json
from typing import Any

PUBLISH = "https://docs.index.example/attestations/publish/v1"
SLSA = "https://slsa.dev/provenance/v1"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def statement(filename: str, data: bytes, **changes: Any) -> dict[str, Any]:
    """An in-toto statement about that file."""
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": filename, "digest": {"sha256": hashlib.sha256(data).hexdigest()}}],
        "predicateType": PUBLISH,
        "predicate": None,
    } | changes


def attestation(filename: str, data: bytes, **changes: Any) -> dict[str, Any]:
    """An attestation of that file; `changes` are made to its statement."""
    return {
        "version": 1,
        "verification_material": {
            "certificate": b64(b"\x30\x03\x02\x01\x01"),
            "transparency_entries": [{"logIndex": "1", "canonicalizedBody": b64(b"{}")}],
        },
        "envelope": {
            "statement": b64(json.dumps(statement(filename, data, **changes)).encode()),
            "signature": b64(b"signed by nobody"),
        },
    }


def field(*attestations: dict[str, Any]) -> str:
    """The form field. Its spacing is odd on purpose: it is kept."""
    return "[ " + " ,\n".join(json.dumps(one, indent=1) for one in attestations) + " ]"


def provenance(*attestations: dict[str, Any], publisher: str = '{"kind":"unverified","claims":null}') -> bytes:
    """The provenance document that the field becomes."""
    texts = ",".join(json.dumps(one, indent=1) for one in attestations)
    return f'{{"version":1,"attestation_bundles":[{{"publisher":{publisher},"attestations":[{texts}]}}]}}'.encode()
