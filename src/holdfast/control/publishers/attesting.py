"""Attestations of a trusted publisher's upload: signed by that very identity, and told to readers as PEP 740 says."""

import json
from collections.abc import Mapping
from urllib.parse import urlsplit

from holdfast.control.accounts.actor import Identity
from holdfast.control.uploads.attested import Signed
from holdfast.core.attestations import FIELD
from holdfast.core.upload_problems import Problem, problem

_STEP = "Sign in the workflow that publishes, or leave the attestations out."
_KINDS = {"github": "GitHub", "gitlab": "GitLab", "google": "Google"}  # as PEP 740's examples and clients spell them


def signed_by_publisher(signed: Signed, identity: Identity) -> tuple[Signed, tuple[Problem, ...]]:
    """The verified attestations with the publisher's own object, or problems: another identity signed."""
    facts = dict(identity.facts)
    publisher = json.dumps(publisher_object(identity), separators=(",", ":"), sort_keys=True)
    problems: list[Problem] = []
    for attestation, text in signed:
        claims = json.loads(text)["claims"]
        if wrong := _differing(identity, facts, claims):
            rule = f"is signed by another identity than the one that uploads: {', '.join(wrong)} differs"
            problems.append(problem(FIELD, attestation.predicate_type, rule, _STEP))
    return ([(one, publisher) for one, _ in signed] if not problems else []), tuple(problems)


def publisher_object(identity: Identity) -> dict[str, object]:
    """PEP 740's publisher."""
    facts = dict(identity.facts)
    told: dict[str, object] = {"kind": _KINDS.get(identity.kind, identity.provider), "claims": None}
    match identity.kind:
        case "github":
            told["repository"] = facts.get("repository", "")
            told["workflow"] = facts.get("job_workflow_ref", "").partition("@")[0].rpartition("/")[2]
            told["environment"] = facts.get("environment")
        case "gitlab":
            told["repository"] = facts.get("project_path", "")
            told["workflow_filepath"] = facts.get("ci_config_ref_uri", "").partition("@")[0].partition("//")[2]
            told["environment"] = facts.get("environment")
        case "google":
            told["email"] = facts.get("email", "")
        case _:
            told["claims"] = {"issuer": identity.issuer, **facts}
    return told


def _differing(identity: Identity, facts: Mapping[str, str], claims: Mapping[str, str]) -> list[str]:
    """What the certificate says otherwise than the identity token did."""
    expected = {"issuer": identity.issuer}
    match identity.kind:
        case "github":
            expected |= {
                "source_repository_id": facts.get("repository_id", ""),
                "source_owner_id": facts.get("repository_owner_id", ""),
                "source_revision": facts.get("sha", ""),
                "build_signer": f"https://github.com/{facts.get('job_workflow_ref', '')}",
            }
        case "gitlab":
            issuer = urlsplit(identity.issuer)
            expected |= {
                "source_repository_id": facts.get("project_id", ""),
                "source_owner_id": facts.get("namespace_id", ""),
                "source_revision": facts.get("sha", ""),
                "build_config": f"{issuer.scheme}://{facts.get('ci_config_ref_uri', '')}",
            }
        case "google":
            expected["identity"] = facts.get("email", "")
        case _:
            expected["identity"] = facts.get("sub", "")
    return [name for name, value in expected.items() if not value or claims.get(name) != value]
