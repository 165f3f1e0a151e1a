"""Attestations verified by pypi-attestations and sigstore, offline, against a trust root file (decision 23)."""

from pathlib import Path

import structlog
from cryptography.x509 import Certificate, SubjectAlternativeName, load_der_x509_certificate
from pypi_attestations import Attestation as Parsed
from sigstore.errors import Error as SigstoreError
from sigstore.models import TrustedRoot
from sigstore.verify import Verifier

from holdfast.control.uploads.attested import NotVerified
from holdfast.core.attestations import Attestation

log = structlog.get_logger()

PAYLOAD_TYPE = "application/vnd.in-toto+json"
CLAIM_CHARS_MAX = 1000

# Extensions of the certificates that sigstore's authorities give out, by the ends of their identifiers.
_ARC = "1.3.6.1.4.1.57264.1."
_CLAIMS = {
    "8": "issuer",
    "9": "build_signer",
    "12": "source_repository",
    "13": "source_revision",
    "14": "source_ref",
    "15": "source_repository_id",
    "17": "source_owner_id",
    "18": "build_config",
}


class _AnyIdentity:
    """Every identity: who signed is told to readers. Which identity may publish a project is not decided here."""

    def verify(self, cert: Certificate) -> None:
        return None


class SigstoreVerifier:
    """Verifies certificate chain, signed timestamps, log inclusion and signature. No network is asked."""

    def __init__(self, trust_root: Path) -> None:
        """Raises whatever the libraries raise on a file that is no trust root."""
        self._verifier = Verifier(trusted_root=TrustedRoot.from_file(str(trust_root)))

    def verify(self, attestation: Attestation) -> dict[str, str]:
        """The claims of the certificate. Raises NotVerified."""
        try:
            parsed = Parsed.model_validate_json(attestation.text)
            kind, payload = self._verifier.verify_dsse(parsed.to_bundle(), _AnyIdentity())
            claims, identity = parsed.certificate_claims, _identity(parsed.verification_material.certificate)
        except (ValueError, SigstoreError) as error:  # parsing and conversion errors are ValueErrors
            raise NotVerified(str(error) or type(error).__name__) from error
        except Exception as error:  # three libraries read what a stranger wrote: whatever they stumble over is refused
            log.warning("an attestation was refused, because the verifier failed on it", exc_info=error)
            raise NotVerified(f"it cannot be read ({type(error).__name__})") from error
        if kind != PAYLOAD_TYPE or payload != attestation.statement:
            raise NotVerified("what is signed is another statement")
        found = {name: claims.get(_ARC + end, "")[:CLAIM_CHARS_MAX] for end, name in _CLAIMS.items()}
        found["identity"] = identity[:CLAIM_CHARS_MAX]
        return {name: value for name, value in found.items() if value}


def _identity(certificate: bytes) -> str:
    """Whom the certificate names: a mail address, or the workflow that signed. A verified one has exactly one name."""
    names = load_der_x509_certificate(certificate).extensions.get_extension_for_class(SubjectAlternativeName).value
    return next((str(name.value) for name in names), "")
