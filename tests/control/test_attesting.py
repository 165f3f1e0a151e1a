"""Attestations of a trusted publisher's upload: matched with who uploads, refused for another, told when neither."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import attested
import pytest
import wheels
from doors import Door
from instances import Instance
from issuer import GITHUB, Issuer, running_issuer
from trusting import mint, opened, owned

from holdfast.control.accounts.actor import Identity
from holdfast.control.projects.models import File
from holdfast.control.publishers.attesting import NOT_MATCHED, signed_by_publisher
from holdfast.control.uploads.attested import TrustRoot, publisher_text
from holdfast.core.attestations import Attestation
from holdfast.tree import addresses

WORKFLOW = "acme/widgets/.github/workflows/release.yml@refs/heads/main"
HOSTED = "https://token.actions.githubusercontent.com"
CI_CONFIG = "gitlab.corporate.example/acme/widgets//.gitlab-ci.yml@refs/heads/main"
ATTESTATION = Attestation("{}", attested.PUBLISH)


def github(issuer: str = HOSTED) -> Identity:
    facts = {
        "repository": "acme/widgets", "repository_id": "22", "repository_owner_id": "11", "sha": "a" * 40,
        "job_workflow_ref": WORKFLOW, "environment": "release",
    }  # fmt: skip
    return Identity("ci", "github", issuer, "ci:acme/widgets/release.yml", tuple(facts.items()))


def signed_at(host: str, issuer: str = HOSTED, **changes: str) -> dict[str, str]:
    """A certificate's claims, as the verifier reads them from its extensions."""
    return {
        "issuer": issuer,
        "build_signer": f"https://{host}/{WORKFLOW}",
        "identity": f"https://{host}/{WORKFLOW}",
        "source_repository": f"https://{host}/acme/widgets",
        "source_repository_id": "22",
        "source_owner_id": "11",
        "source_revision": "a" * 40,
    } | changes


GITLAB = Identity(
    "corporate", "gitlab", "https://gitlab.corporate.example", "corporate:acme/widgets",
    (("ci_config_ref_uri", CI_CONFIG), ("namespace_id", "11"), ("project_id", "22"), ("project_path", "acme/widgets"),
     ("sha", "a" * 40)),
)  # fmt: skip
AT_GITLAB = {
    "issuer": "https://gitlab.corporate.example",
    "build_config": f"https://{CI_CONFIG}",
    "source_repository_id": "22",
    "source_owner_id": "11",
    "source_revision": "a" * 40,
}
GOOGLE = Identity(
    "google", "google", "https://accounts.google.com", "google:ci@acme.iam.example", (("email", "ci@acme.iam.example"),)
)
BUILDS = Identity("builds", "oidc", "https://builds.example", "builds:release", (("sub", "pipeline:release"),))
RESIDENCY = "token.actions.corporate.ghe.com"  # where GitHub hosts enterprises by region
SERVER, CLOUD = "https://github.corporate.example/_services/token", f"https://{RESIDENCY}"


def judged(identity: Identity, claims: Mapping[str, str]) -> tuple[dict[str, Any], str, bool]:
    """The publisher that readers are told of ({} when refused), the refusal, and whether it was matched."""
    signed, problems, is_matched = signed_by_publisher([(ATTESTATION, publisher_text(dict(claims)))], identity)
    told = json.loads(signed[0][1]) if signed else {}
    return told, problems[0].sentence() if problems else "", is_matched


# (who uploads, what the certificate says, PEP 740's publisher)
MATCHING = {
    "github": (
        github(),
        signed_at("github.com"),
        {
            "kind": "GitHub", "claims": None, "repository": "acme/widgets", "workflow": "release.yml",
            "environment": "release",
        },
    ),
    "github in a cloud of one's own": (
        github(CLOUD),
        signed_at("corporate.ghe.com", CLOUD),
        {
            "kind": "GitHub", "claims": None, "repository": "acme/widgets", "workflow": "release.yml",
            "environment": "release",
        },
    ),
    "github server": (
        github(SERVER),
        signed_at("github.corporate.example", SERVER),
        {
            "kind": "GitHub", "claims": None, "repository": "acme/widgets", "workflow": "release.yml",
            "environment": "release",
        },
    ),
    "gitlab": (
        GITLAB,
        AT_GITLAB,
        {
            "kind": "GitLab", "claims": None, "repository": "acme/widgets", "workflow_filepath": ".gitlab-ci.yml",
            "environment": None,
        },
    ),
    "google": (
        GOOGLE,
        {"issuer": "https://accounts.google.com", "identity": "ci@acme.iam.example"},
        {"kind": "Google", "claims": None, "email": "ci@acme.iam.example"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("identity", "claims", "publisher"), MATCHING.values(), ids=MATCHING)
def test_an_attestation_of_the_identity_that_uploads_is_shown_as_its_publishers(
    identity: Identity, claims: dict[str, str], publisher: dict[str, Any]
):
    assert judged(identity, claims) == (publisher, "", True)


# (who uploads, what the certificate says, what is named)
OTHERS = [
    (github(), signed_at("github.com", source_repository_id="23"), "source_repository_id"),
    (github(), signed_at("github.com", source_owner_id="12"), "source_owner_id"),
    (github(), signed_at("github.com", source_revision="b" * 40), "source_revision"),
    (
        github(),
        signed_at("github.com", build_signer="https://github.com/acme/widgets/x.yml@refs/heads/main"),
        "build_s",
    ),
    (github(), signed_at("github.corporate.example"), "build_signer"),
    (github(), signed_at("github.com", SERVER), "issuer"),
    (github(SERVER), signed_at("github.com", SERVER), "build_signer"),
    (
        github("https://ci.example"),
        signed_at("github.com", "https://ci.example", source_owner_id="12"),
        "source_owner_id",
    ),
    (GITLAB, AT_GITLAB | {"build_config": "https://gitlab.example/mallory//x.yml@refs/heads/main"}, "build_config"),
    (GITLAB, AT_GITLAB | {"source_repository_id": "23"}, "source_repository_id"),
    (GOOGLE, {"issuer": "https://accounts.google.com", "identity": "mallory@acme.iam.example"}, "identity"),
    (BUILDS, {"issuer": "https://accounts.google.com", "identity": "pipeline:release"}, "issuer"),
]


@pytest.mark.parametrize(("identity", "claims", "named"), OTHERS)
def test_an_attestation_of_another_identity_is_refused(identity: Identity, claims: dict[str, str], named: str):
    told, refusal, _ = judged(identity, claims)

    assert told == {}
    assert "is signed by another identity than the one that uploads" in refusal
    assert named in refusal


UNKNOWN = {
    "a self-managed server at an address that tells nothing": (
        github("https://ci.example"), signed_at("github.corporate.example", "https://ci.example"),
    ),
    "a certificate without ids": (
        github(), {"issuer": HOSTED, "build_signer": f"https://github.com/{WORKFLOW}"},
    ),
    "an identity token without ids": (
        replace(github(), facts=(("job_workflow_ref", WORKFLOW), ("sha", "a" * 40))), signed_at("github.com"),
    ),
    "an issuer whose subjects an authority names as it likes": (
        BUILDS, {"issuer": "https://builds.example", "identity": "https://builds.example/acme/release"},
    ),
    "a certificate that says nothing": (github(), {}),
}  # fmt: skip


@pytest.mark.parametrize(("identity", "claims"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_cannot_be_matched_speaks_for_itself(identity: Identity, claims: dict[str, str]):
    """Refusing it would be wrong, and so would be telling readers that the publisher signed."""
    assert judged(identity, claims) == ({"kind": "certificate", "claims": claims}, "", False)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with running_issuer() as running:
        yield running


def uploaded(door: Door, issuer: Issuer, version: str) -> tuple[int, str]:
    """An upload by the publisher, with one attestation."""
    name, data = wheels.wheel("widgets", version)
    field = attested.field(attested.attestation(name, data))
    token = mint(door, issuer.token()).json()["token"]
    answer = door.upload(wheels.twine_body(name, data, attestations=field), token)
    return answer.status, answer.text


def test_the_answer_says_what_was_not_matched(sqlite_instance: Instance, issuer: Issuer):
    """This issuer lies on loopback: where its repositories are cannot be said."""
    claims = {"issuer": issuer.url, "source_repository_id": GITHUB["repository_id"]}
    door = opened(sqlite_instance, issuer, attestations=TrustRoot(lambda: lambda _: dict(claims)))
    owned(door)

    taken = uploaded(door, issuer, "2.0")
    claims["source_repository_id"] = "23"
    refused = uploaded(door, issuer, "3.0")

    assert taken == (200, f"widgets-2.0-py3-none-any.whl is published.\n{NOT_MATCHED}\n")
    assert (refused[0], "another identity" in refused[1]) == (400, True)
    row = File.objects.get(filename="widgets-2.0-py3-none-any.whl")
    document = json.loads(door.parts.store.get(addresses.blob(row.provenance_sha256)))
    assert document["attestation_bundles"][0]["publisher"]["kind"] == "certificate"
    assert not File.objects.filter(filename__startswith="widgets-3.0").exists()
