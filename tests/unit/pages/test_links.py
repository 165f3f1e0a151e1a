"""Which links of a release are links, and which are proven."""

import json

import pytest

from holdfast.read.people.links import links_of, proven_repositories

REPOSITORY = "https://forge.example/acme/tool"


def provenance(kind: str = "certificate", repository: object = REPOSITORY) -> bytes:
    """A provenance document as control writes it."""
    publisher = {"kind": kind, "claims": {"source_repository": repository}}
    return json.dumps({"version": 1, "attestation_bundles": [{"publisher": publisher, "attestations": []}]}).encode()


@pytest.mark.parametrize(
    ("url", "verified"),
    [
        (REPOSITORY, True),
        (f"{REPOSITORY}/", True),
        (f"{REPOSITORY}.git", True),
        ("https://FORGE.example/acme/tool/issues?x=1", True),
        ("https://forge.example/acme/tools", False),
        ("https://forge.example/acme", False),
        ("http://forge.example/acme/tool", False),
        (f"{REPOSITORY}/../../evil/tool", False),
        (f"{REPOSITORY}/%2e%2e/%2e%2e/evil", False),
        ("https://forge.example\\@evil.example/acme/tool", False),
        ("https://evil.example/https://forge.example/acme/tool", False),
    ],
)
def test_only_what_lies_in_the_proven_repository_is_verified(url: str, verified: bool) -> None:
    (link,) = links_of({"Source": url}, "", "", proven_repositories([provenance()]), ())

    assert verified == link.verified


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"{}",
        b'{"attestation_bundles": 3}',
        b'{"attestation_bundles": [{"publisher": 3}]}',
        provenance(kind="unverified"),
        provenance(repository=5),
        provenance(repository="javascript:alert(1)"),
    ],
)
def test_what_is_not_a_verified_certificate_proves_nothing(document: bytes) -> None:
    assert [] == proven_repositories([document])


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JAVASCRIPT:x",
        "data:text/html,x",
        "//evil.example",
        "https://",
        "x",
        "https://u:p@h.example/",
    ],
)
def test_what_is_no_address_of_the_web_is_text(url: str) -> None:
    (link,) = links_of({"<b>": url}, "", "", (), ())

    assert ("", url, "<b>") == (link.url, link.text, link.label)


def test_each_address_is_told_once() -> None:
    told = links_of({"Docs": "https://d.example", "More": "https://d.example"}, "https://h.example", "", (), ())

    assert ["Docs", "Homepage"] == [link.label for link in told]
