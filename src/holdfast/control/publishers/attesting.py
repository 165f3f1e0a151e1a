"""Attestations of a trusted publisher's upload: signed by that very identity, and told to readers as PEP 740 says."""

import json
from urllib.parse import urlsplit

from holdfast.control.accounts.actor import Identity
from holdfast.control.uploads.attested import Signed
from holdfast.core.attestations import FIELD, Attestation
from holdfast.core.upload_problems import Problem, problem

NOT_MATCHED = (
    "The attestations are verified, but could not be matched with the identity that uploads: readers are told what"
    " their certificates say."
)
_STEP = "Sign in the workflow that publishes, or leave the attestations out."
_KINDS = {"github": "GitHub", "gitlab": "GitLab", "google": "Google"}  # as PEP 740's examples and clients spell them


def signed_by_publisher(signed: Signed, identity: Identity) -> tuple[Signed, tuple[Problem, ...], bool]:
    """The verified attestations, problems when another identity signed one, and whether every one was matched.

    A matched one gets the publisher's own object. One whose certificate says too little, or whose issuer's names are
    not known here, stays what its certificate says of itself: that is true whoever uploads.
    """
    publisher = json.dumps(publisher_object(identity), separators=(",", ":"), sort_keys=True)
    told: list[tuple[Attestation, str]] = []
    problems: list[Problem] = []
    for attestation, text in signed:
        expected, claims = _expected(identity), json.loads(text)["claims"]
        if wrong := [name for name, value in expected.items() if value and claims.get(name, value) != value]:
            rule = f"is signed by another identity than the one that uploads: {', '.join(wrong)} differs"
            problems.append(problem(FIELD, attestation.predicate_type, rule, _STEP))
        is_matched = identity.kind in _KINDS and all(value and name in claims for name, value in expected.items())
        told.append((attestation, publisher if is_matched else text))
    is_all = all(text == publisher for _, text in told)
    return (told if not problems else []), tuple(problems), is_all


def publisher_object(identity: Identity) -> dict[str, object]:
    """PEP 740's publisher, of a kind that has one."""
    facts = dict(identity.facts)
    told: dict[str, object] = {"kind": _KINDS.get(identity.kind, ""), "claims": None}
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
    return told


def _expected(identity: Identity) -> dict[str, str]:
    """What the certificate of that identity says, as far as it is known: "" for what is not.

    Of a plain issuer only the issuer is: how an authority names its subjects is for each to choose. Certificates:
    the extensions that Fulcio documents, filled as it does for each service.
    """
    facts = dict(identity.facts)
    expected = {"issuer": identity.issuer}
    match identity.kind:
        case "github":
            host, source = _github_host(identity.issuer), facts.get("job_workflow_ref", "")
            expected |= {
                "source_repository_id": facts.get("repository_id", ""),
                "source_owner_id": facts.get("repository_owner_id", ""),
                "source_revision": facts.get("sha", ""),
                "build_signer": f"https://{host}/{source}" if host and source else "",
            }
        case "gitlab":
            source = facts.get("ci_config_ref_uri", "")
            expected |= {
                "source_repository_id": facts.get("project_id", ""),
                "source_owner_id": facts.get("namespace_id", ""),
                "source_revision": facts.get("sha", ""),
                "build_config": f"{urlsplit(identity.issuer).scheme}://{source}" if source else "",
            }
        case "google":
            expected["identity"] = facts.get("email", "")
    return expected


def _github_host(issuer: str) -> str:
    """Where an issuer's repositories lie: github.com, one's own host beside it, or "" when that cannot be said.

    GitHub's documentation: `token.actions.<subdomain>.ghe.com`, and `<host>/_services/token` of an Enterprise Server.
    """
    parts = urlsplit(issuer)
    if parts.netloc == "token.actions.githubusercontent.com":
        return "github.com"
    if parts.netloc.startswith("token.actions."):
        return parts.netloc.removeprefix("token.actions.")
    return parts.netloc if parts.path.rstrip("/") == "/_services/token" else ""
