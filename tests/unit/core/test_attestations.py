"""Attestations of an upload: those that speak of this file pass byte for byte, every other is told why not."""

import copy
import hashlib
import json

import attested
import pytest

from holdfast.core.attestations import (
    ATTESTATION_CHARS_MAX,
    ATTESTATIONS_MAX,
    UNVERIFIED,
    provenance_document,
    read_attestations,
)

FILENAME = "demo_pkg-1.0-py3-none-any.whl"
DATA = b"bytes of the file"
SHA256 = hashlib.sha256(DATA).hexdigest()
GOOD = attested.attestation(FILENAME, DATA)
NO_LIST = f"is not a JSON list of 1 to {ATTESTATIONS_MAX} attestations"


def rules(field: str) -> list[str]:
    found = read_attestations(field, FILENAME, SHA256)
    assert bool(found.problems) != bool(found.attestations)
    return [p.rule for p in found.problems]


def changed(*path: str, to: object) -> dict:
    made = copy.deepcopy(GOOD)
    inner = made
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = to
    return made


def test_without_the_field_there_is_nothing():
    found = read_attestations("", FILENAME, SHA256)

    assert (found.attestations, found.problems) == ((), ())


def test_attestations_go_into_the_provenance_byte_for_byte():
    other = attested.attestation(FILENAME, DATA, predicateType=attested.SLSA, predicate={"buildDefinition": {}})

    found = read_attestations(attested.field(GOOD, other), FILENAME, SHA256)

    assert found.problems == ()
    document = provenance_document([(one, UNVERIFIED) for one in found.attestations])
    assert document == attested.provenance(GOOD, other)
    assert json.loads(document)["attestation_bundles"][0]["attestations"] == [GOOD, other]


def test_each_publisher_has_a_bundle_of_its_own():
    other = attested.attestation(FILENAME, DATA, predicateType=attested.SLSA)
    first, second = read_attestations(attested.field(GOOD, other), FILENAME, SHA256).attestations

    bundles = json.loads(provenance_document([(first, '{"kind":"a"}'), (second, '{"kind":"b"}')]))

    assert [one["publisher"]["kind"] for one in bundles["attestation_bundles"]] == ["a", "b"]


@pytest.mark.parametrize("name", ["demo-pkg-1.0.tar.gz", "demo.pkg-1.0.0.tar.gz", "Demo_Pkg-1.0.tar.gz"])
def test_a_subject_may_spell_the_filename_in_another_way(name):
    field = attested.field(attested.attestation(name, DATA))

    accepted = read_attestations(field, "demo_pkg-1.0.tar.gz", SHA256)

    assert accepted.problems == ()
    assert read_attestations(field, "demo_pkg-1.0.zip", SHA256).problems != ()


@pytest.mark.parametrize(
    "field",
    [
        "{}",
        "[]",
        "[,]",
        "x",
        "[" * 100_000,
        "[{}",
        "[{},]",
        "[{}] x",
        "[{}][{}]",
        '[{"version": NaN}]',
        '[{"version": 1, "version": 1}]',
        "[" + ",".join(["{}"] * (ATTESTATIONS_MAX + 1)) + "]",
        "[1" + "0" * 5000 + "]",
    ],
    ids=lambda field: field[:20],
)
def test_what_is_no_list_of_attestations_is_refused(field):
    assert rules(field) == [NO_LIST]


WRONG = [
    ("not an object", 7, "is not an object"),
    ("nothing in it", {}, "lacks envelope and verification_material and version"),
    ("version 2", changed("version", to=2), "is not an attestation version this index knows (1)"),
    ("version true", changed("version", to=True), "is not an attestation version this index knows (1)"),
    ("version 1.0", changed("version", to=1.0), "is not an attestation version this index knows (1)"),
    ("unknown key", GOOD | {"extra": 1}, "has keys that PEP 740 does not name"),
    (
        "certificate",
        changed("verification_material", "certificate", to=attested.b64(b"PEM")),
        "is not a certificate (DER in base64)",
    ),
    ("no base64", changed("verification_material", "certificate", to="*"), "is not base64 text"),
    ("not text", changed("envelope", "signature", to=5), "is not base64 text"),
    ("non-ASCII", changed("envelope", "signature", to="\u00e9"), "is not base64 text"),
    ("empty", changed("envelope", "signature", to=""), "is empty"),
    (
        "long signature",
        changed("envelope", "signature", to=attested.b64(bytes(5000))),
        "is a signature longer than 4096 bytes",
    ),
    (
        "no log",
        changed("verification_material", "transparency_entries", to=[]),
        "is not a list of 1 to 8 log entries",
    ),
    (
        "empty log entry",
        changed("verification_material", "transparency_entries", to=[{}]),
        "has an entry that is no object",
    ),
    ("no JSON", changed("envelope", "statement", to=attested.b64(b"x")), "is a statement that is not JSON"),
    ("no UTF-8", changed("envelope", "statement", to=attested.b64(b"\xff")), "is a statement that is not JSON"),
    (
        "list statement",
        changed("envelope", "statement", to=attested.b64(b"[]")),
        "is not a statement of type https://in-toto.io/Statement/v1",
    ),
    ("other type", attested.attestation(FILENAME, DATA, _type="x"), "is not a statement of type"),
    ("no subject", attested.attestation(FILENAME, DATA, subject=[]), "is not exactly one subject"),
    ("subject text", attested.attestation(FILENAME, DATA, subject=["x"]), "is not exactly one subject"),
    ("other file", attested.attestation("demo_pkg-1.1-py3-none-any.whl", DATA), "is not the name of this file"),
    ("odd name", attested.attestation("../demo", DATA), "is not the name of this file"),
    ("other bytes", attested.attestation(FILENAME, b"other"), "is not the sha256 of the bytes that arrived"),
    (
        "no digest",
        attested.attestation(FILENAME, DATA, subject=[{"name": FILENAME, "digest": {"sha512": "0"}}]),
        "is not the sha256 of the bytes that arrived",
    ),
    (
        "predicate type",
        attested.attestation(FILENAME, DATA, predicateType="https://x.test/1"),
        "is not a predicate",
    ),
    (
        "no URL",
        attested.attestation(FILENAME, DATA, predicateType="https://[/attestations/publish/v1"),
        "is not a pred",
    ),
    (
        "port and user",
        attested.attestation(FILENAME, DATA, predicateType="https://a@b.example:1/attestations/publish/v1"),
        "is not a predicate type",
    ),
    ("predicate", attested.attestation(FILENAME, DATA, predicate="x"), "is not a predicate: an object or null"),
    ("too long", GOOD | {"version": "x" * ATTESTATION_CHARS_MAX}, "is longer than"),
]


@pytest.mark.parametrize(("value", "rule"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_each_broken_rule_is_told(value, rule):
    (told,) = rules(json.dumps([value]))

    assert told.startswith(rule)


def test_problems_of_several_are_told_together_and_say_of_which():
    field = json.dumps([changed("version", to=2), GOOD, 7])

    problems = read_attestations(field, FILENAME, SHA256).problems

    assert [p.field for p in problems] == ["attestations, number 1", "attestations, number 3"]


def test_two_attestations_of_one_type_are_refused():
    assert rules(attested.field(GOOD, GOOD)) == ["is the predicate type of more than one attestation"]


@pytest.mark.parametrize("text", ["nu,l\udc80", "\udcff" * (ATTESTATION_CHARS_MAX + 1)], ids=["short", "long"])
def test_bytes_that_are_no_text_are_refused_like_any_other_nonsense(text):
    (told,) = rules(text)

    assert told
