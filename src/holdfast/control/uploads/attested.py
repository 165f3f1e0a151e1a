"""Who signed the attestations of an upload: asked of the verifier when a trust root is configured, else not known.

The verifier is an optional extra and costs a second and some 70 MB when it is loaded, so it is loaded by the first
upload that needs it. One that cannot be loaded makes such uploads Unavailable: they are never taken unverified.
"""

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from holdfast.config import Config
from holdfast.core.attestations import FIELD, UNVERIFIED, Attestation
from holdfast.core.errors import Unavailable
from holdfast.core.upload_problems import Problem, problem

TRUST_ROOT_BYTES_MAX = 1024 * 1024  # the public one has 7 kB
RETRY_SECONDS = 60  # what is missing, an operator installs
_STEP = "Sign this very file again with an authority this index trusts, or leave the attestations out."

Signed = Sequence[tuple[Attestation, str]]
Verify = Callable[[Attestation], dict[str, str]]
"""The claims of an attestation's certificate once the signature, certificate and log entry hold. Raises NotVerified."""


class NotVerified(Exception):  # noqa: N818 - a verdict on what a client sent
    """The attestation does not hold. The text says why."""


class Attesters(Protocol):
    """Says who signed."""

    @property
    def verifies(self) -> bool: ...

    def examine(self, attestations: Sequence[Attestation]) -> tuple[Signed, tuple[Problem, ...]]:
        """Each attestation with the JSON text of its publisher, or problems. Raises Unavailable."""


class NoTrustRoot:
    """Takes every attestation of the right form, and says of none who signed it."""

    verifies = False

    def examine(self, attestations: Sequence[Attestation]) -> tuple[Signed, tuple[Problem, ...]]:
        return [(one, UNVERIFIED) for one in attestations], ()


class TrustRoot:
    """Holds attestations to a trust root. `load` makes the verifier; it may raise Unavailable, and is asked again."""

    verifies = True

    def __init__(self, load: Callable[[], Verify]) -> None:
        self._load = load
        self._verify: Verify | None = None
        self._lock = threading.Lock()

    def examine(self, attestations: Sequence[Attestation]) -> tuple[Signed, tuple[Problem, ...]]:
        verify = self._loaded()
        signed: list[tuple[Attestation, str]] = []
        problems: list[Problem] = []
        for one in attestations:
            try:
                signed.append((one, publisher_text(verify(one))))
            except NotVerified as error:
                problems.append(problem(FIELD, one.predicate_type, f"does not verify: {_plain(error)}", _STEP))
        return signed, tuple(problems)

    def _loaded(self) -> Verify:
        with self._lock:
            if self._verify is None:
                self._verify = self._load()
            return self._verify


def attesters(config: Config) -> Attesters:
    """As configured."""
    path = config.attestations_trust_root
    return TrustRoot(lambda: load_sigstore(Path(path))) if path else NoTrustRoot()


def publisher_text(claims: dict[str, str]) -> str:
    """PEP 740's publisher object: the certificate says who signed, not that the project knows them."""
    return json.dumps({"kind": "certificate", "claims": claims}, separators=(",", ":"), sort_keys=True)


def load_sigstore(trust_root: Path) -> Verify:
    """The verifier over that file, which never asks a network. Raises Unavailable with what is missing."""
    try:
        from holdfast.control.uploads.sigstore_verifier import SigstoreVerifier
    except ImportError as error:
        raise Unavailable(
            "attestations cannot be verified: `attestations_trust_root` is set, and the verifier is not installed"
            f" ({error.name}); install the extra `attestations` of this checkout, or unset it",
            retry_after_seconds=RETRY_SECONDS,
        ) from error
    try:
        if trust_root.stat().st_size > TRUST_ROOT_BYTES_MAX:
            raise ValueError(f"it is larger than {TRUST_ROOT_BYTES_MAX} bytes")
        return SigstoreVerifier(trust_root).verify
    except Exception as error:  # whatever the library raises on a file that is no trust root
        raise Unavailable(
            f"attestations cannot be verified: the trust root {trust_root.name} cannot be read"
            f" ({type(error).__name__})",
            retry_after_seconds=RETRY_SECONDS,
        ) from error


def _plain(error: Any) -> str:
    text = " ".join(str(error).split())[:200]
    return "".join(c if " " <= c <= "~" and c not in "<>&\"'\\" else "?" for c in text).rstrip(".")
