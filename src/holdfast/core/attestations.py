"""PEP 740's attestations: what an upload may carry, and the provenance document that readers get.

The check is of form: it shows that an attestation speaks of this file, not who signed it. The objects of an upload
are kept byte for byte: they are cut out of the field's text and put into the document as they are.
"""

import base64
import binascii
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename

from holdfast.core.upload_problems import Problem, problem

FIELD = "attestations"
MEDIA_TYPE = "application/vnd.pypi.integrity.v1+json"
ATTESTATIONS_MAX = 16  # of one file; publishers send one or two
ATTESTATION_CHARS_MAX = 128 * 1024  # of one; those of today's build services are about 10 kB
DOCUMENT_BYTES_MAX = 4 * (ATTESTATIONS_MAX * ATTESTATION_CHARS_MAX + 64 * 1024)  # a character takes up to 4 bytes
LOG_ENTRIES_MAX = 8  # of one attestation
SIGNATURE_BYTES_MAX = 4096
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PROVENANCE_PREDICATE = "https://slsa.dev/provenance/v1"
PUBLISH_PREDICATE_PATH = "/attestations/publish/v1"  # on the documentation host of the index that defined it
UNVERIFIED = '{"kind":"unverified","claims":null}'

_STEP = "Sign this very file again, or leave the attestations out."
_SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class Attestation:
    """One attestation of the upload: its text as it came, and the signed predicate's type."""

    text: str
    predicate_type: str
    statement: bytes = b""  # what is signed


@dataclass(frozen=True, slots=True)
class Attested:
    """What the field held; empty when it was not sent, or when there are problems."""

    attestations: tuple[Attestation, ...] = ()
    problems: tuple[Problem, ...] = ()


def read_attestations(field: str, filename: str, sha256: str) -> Attested:
    """The upload field `attestations` of that file, or every rule it breaks. `sha256` is that of the bytes."""
    if not field:
        return Attested()
    try:
        cut = _cut(field)
    except _Broken as broken:
        return Attested(problems=(problem(FIELD, broken.value, broken.rule, _STEP),))
    if cut is None or not 0 < len(cut) <= ATTESTATIONS_MAX:
        rule = f"is not a JSON list of 1 to {ATTESTATIONS_MAX} attestations"
        return Attested(problems=(problem(FIELD, field, rule, "Leave the field out, or see PEP 740."),))
    found: list[Attestation] = []
    problems: list[Problem] = []
    for number, (text, value) in enumerate(cut, 1):
        where = FIELD if len(cut) == 1 else f"{FIELD}, number {number}"
        try:
            found.append(_examined(text, value, filename, sha256))
        except _Broken as broken:
            problems.append(problem(where, broken.value, broken.rule, _STEP))
    for kind in sorted({one.predicate_type for one in found if _count(found, one.predicate_type) > 1}):
        problems.append(problem(FIELD, kind, "is the predicate type of more than one attestation", _STEP))
    return Attested(problems=tuple(problems)) if problems else Attested(tuple(found))


def provenance_document(signed: Sequence[tuple[Attestation, str]]) -> bytes:
    """PEP 740's provenance object, one bundle for each publisher. A publisher is the JSON text of its object."""
    bundles: dict[str, list[str]] = {}
    for attestation, publisher in signed:
        bundles.setdefault(publisher, []).append(attestation.text)
    written = (f'{{"publisher":{who},"attestations":[{",".join(texts)}]}}' for who, texts in bundles.items())
    return f'{{"version":1,"attestation_bundles":[{",".join(written)}]}}'.encode()


class _Broken(Exception):  # noqa: N818 - a verdict on what a client sent
    def __init__(self, value: object, rule: str) -> None:
        super().__init__(rule)
        self.value = value
        self.rule = rule


def _count(found: list[Attestation], predicate_type: str) -> int:
    return sum(one.predicate_type == predicate_type for one in found)


def _cut(field: str) -> list[tuple[str, Any]] | None:
    """The elements of a JSON list as (their very text, their value); None when it is not one.

    Values take up to 30 times their text: no text is longer than one may be, and no more are read than there may be.
    Raises _Broken.
    """
    decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
    found: list[tuple[str, Any]] = []
    at = 0
    try:
        field.encode()  # a lone surrogate stands for bytes that are no UTF-8
        at = _past_space(field, 0)
        if field[at : at + 1] != "[":
            return None
        at = _past_space(field, at + 1)
        while field[at : at + 1] != "]" or found:
            text = field[at : at + ATTESTATION_CHARS_MAX + 1]
            value, length = decoder.raw_decode(text)
            found.append((text[:length], value))
            at = _past_space(field, at + length)
            if len(found) > ATTESTATIONS_MAX:
                return None
            if field[at : at + 1] != ",":
                break
            at = _past_space(field, at + 1)
    except (ValueError, RecursionError):
        if len(field) - at > ATTESTATION_CHARS_MAX:
            rule = f"is longer than {ATTESTATION_CHARS_MAX} characters, or is not JSON"
            raise _Broken(field[at:], rule) from None
        return None
    is_whole = field[at : at + 1] == "]" and _past_space(field, at + 1) == len(field)
    return found if is_whole else None


def _past_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; a key that comes twice is read in two ways by two parsers."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _examined(text: str, value: Any, filename: str, sha256: str) -> Attestation:
    """An attestation of this file. Raises _Broken."""
    if len(text) > ATTESTATION_CHARS_MAX:
        raise _Broken(f"{len(text)} characters", f"is longer than {ATTESTATION_CHARS_MAX} characters")
    _demand_keys("the attestation", value, {"version", "verification_material", "envelope"})
    if value["version"] != 1 or not _is_plain_int(value["version"]):
        raise _Broken(value["version"], "is not an attestation version this index knows (1)")
    _examine_material(value["verification_material"])
    envelope = value["envelope"]
    _demand_keys("envelope", envelope, {"statement", "signature"})
    signature = _bytes_of("envelope.signature", envelope["signature"])
    if len(signature) > SIGNATURE_BYTES_MAX:
        raise _Broken(f"{len(signature)} bytes", f"is a signature longer than {SIGNATURE_BYTES_MAX} bytes")
    statement = _bytes_of("envelope.statement", envelope["statement"])
    return Attestation(text, _examine_statement(statement, filename, sha256), statement)


def _examine_material(material: Any) -> None:
    _demand_keys("verification_material", material, {"certificate", "transparency_entries"})
    if _bytes_of("verification_material.certificate", material["certificate"])[:1] != b"\x30":  # a DER sequence
        raise _Broken(material["certificate"], "is not a certificate (DER in base64)")
    entries = material["transparency_entries"]
    if not isinstance(entries, list) or not 0 < len(entries) <= LOG_ENTRIES_MAX:
        raise _Broken("transparency_entries", f"is not a list of 1 to {LOG_ENTRIES_MAX} log entries")
    if not all(isinstance(entry, dict) and entry for entry in entries):
        raise _Broken("transparency_entries", "has an entry that is no object")


def _examine_statement(raw: bytes, filename: str, sha256: str) -> str:
    try:
        statement = json.loads(raw.decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise _Broken(raw, "is a statement that is not JSON") from None
    if not isinstance(statement, dict) or statement.get("_type") != STATEMENT_TYPE:
        raise _Broken(raw, f"is not a statement of type {STATEMENT_TYPE}")
    subjects = statement.get("subject")
    if not isinstance(subjects, list) or len(subjects) != 1 or not isinstance(subjects[0], dict):
        raise _Broken(subjects, "is not exactly one subject")
    name, digest = subjects[0].get("name"), subjects[0].get("digest")
    if not isinstance(name, str) or not _is_same_filename(name, filename):
        raise _Broken(name, "is not the name of this file")
    named = digest.get("sha256") if isinstance(digest, dict) else None
    if named != sha256:
        raise _Broken(named, f"is not the sha256 of the bytes that arrived ({sha256})")
    kind = statement.get("predicateType")
    if not isinstance(kind, str) or not _is_known_predicate(kind):
        raise _Broken(kind, "is not a predicate type this index takes (publish attestation v1, SLSA provenance v1)")
    if not isinstance(statement.get("predicate"), dict | None):
        raise _Broken(statement["predicate"], "is not a predicate: an object or null")
    return kind


def _is_known_predicate(kind: str) -> bool:
    if kind == PROVENANCE_PREDICATE:
        return True
    try:
        url = urlsplit(kind)
        host = url.hostname
    except ValueError:
        return False
    return bool(host) and kind == f"https://{host}{PUBLISH_PREDICATE_PATH}"


def _is_same_filename(one: str, other: str) -> bool:
    """PEP 740: equal names are those that mean the same distribution; signing tools write them normalised."""
    return one == other or (len(one) <= 300 and _parsed(one) == _parsed(other) is not None)


def _parsed(filename: str) -> object:
    try:
        if filename.endswith(".whl"):
            return parse_wheel_filename(filename)
        return (*parse_sdist_filename(filename), filename.rpartition(".")[2])
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None


def _demand_keys(what: str, value: Any, keys: set[str]) -> None:
    """An object with these keys and no others: what nobody knows nobody has judged. Raises _Broken."""
    if not isinstance(value, dict):
        raise _Broken(what, "is not an object")
    missing, unknown = sorted(keys - set(value)), sorted(set(value) - keys)
    if missing:
        raise _Broken(what, f"lacks {' and '.join(missing)}")
    if unknown:
        raise _Broken(f"{what}: {', '.join(unknown)}", "has keys that PEP 740 does not name")


def _is_plain_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _bytes_of(what: str, value: Any) -> bytes:
    """Standard base64, line breaks allowed (PEP 740's own examples have some). Raises _Broken."""
    if not isinstance(value, str):
        raise _Broken(what, "is not base64 text")
    try:
        found = base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        raise _Broken(what, "is not base64 text") from None
    if not found:
        raise _Broken(what, "is empty")
    return found
