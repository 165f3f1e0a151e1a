"""Attestations sent with a file: kept byte for byte as its provenance, or the reason why the upload is refused."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace

import attested
import pytest
import wheels
from doors import Door
from instances import Instance, operator, soon
from sessions import opened, stage

from holdfast.control.projects import actions
from holdfast.control.projects.models import File, Intent, Project
from holdfast.control.uploads.attested import NotVerified, TrustRoot, attesters
from holdfast.control.uploads.receive import PROVENANCE_STAYS
from holdfast.control.uploads.taking import NOT_VERIFIED
from holdfast.core.attestations import Attestation
from holdfast.core.errors import Absent
from holdfast.tree import addresses

WHEEL = wheels.wheel("demo-pkg", "1.0")
SIGNED = attested.attestation(*WHEEL)
FIELD = attested.field(SIGNED)
PROVENANCE = attested.provenance(SIGNED)


def stored_provenance(door: Door) -> bytes:
    return door.parts.store.get(addresses.blob(File.objects.get().provenance_sha256))


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("tool", sorted(wheels.BODIES))
def test_attestations_become_the_files_provenance(sqlite_instance: Instance, tool):
    door = Door(sqlite_instance)

    answer = door.upload(wheels.BODIES[tool](*WHEEL, attestations=FIELD), door.token())

    assert (answer.status, answer.text) == (200, f"{WHEEL[0]} is published.\n{NOT_VERIFIED}\n")
    assert stored_provenance(door) == PROVENANCE
    assert not Intent.objects.exists()


def test_readers_of_the_tree_find_the_provenance(instance: Instance):
    door = Door(instance)

    door.upload(wheels.twine_body(*WHEEL, attestations=FIELD), door.token())

    reader = instance.reader()
    entry = reader.find("main", "demo-pkg")
    assert entry is not None
    (file,) = reader.record(entry).files
    assert file.provenance_sha256 == sha256(PROVENANCE)
    assert reader.card("main", file.sha256, file.filename).provenance_sha256 == file.provenance_sha256


def test_attestations_of_another_file_refuse_the_upload_with_all_its_other_problems(sqlite_instance: Instance):
    door = Door(sqlite_instance)
    wrong = attested.field(attested.attestation(WHEEL[0], b"other bytes"))
    body = wheels.twine_body(*WHEEL, attestations=wrong, md5_digest="0" * 32)

    answer = door.upload(body, door.token(), accept="application/json")

    assert answer.status == 400
    assert sorted(one["field"] for one in answer.json()["errors"]) == ["attestations", "md5_digest"]
    assert not Project.objects.exists()


def test_a_file_that_is_there_keeps_its_provenance_and_the_uploader_is_told(sqlite_instance: Instance):
    door = Door(sqlite_instance)
    token = door.token()
    door.upload(wheels.twine_body(*WHEEL, attestations=FIELD), token)
    other = attested.field(attested.attestation(*WHEEL, predicateType=attested.SLSA))

    again = door.upload(wheels.twine_body(*WHEEL, attestations=other), token)
    without = door.upload(wheels.twine_body(*WHEEL), token)

    there = f"{WHEEL[0]} was already there with the same bytes.\n"
    assert (again.status, again.text) == (200, f"{there}{PROVENANCE_STAYS}\n")
    assert (without.status, without.text) == (200, there)
    assert stored_provenance(door) == PROVENANCE


def test_provenance_that_was_taken_down_does_not_come_back(instance: Instance):
    door = Door(instance)
    actions.remove_bytes(instance.publisher, (sha256(PROVENANCE),), "leaked", False, operator(), deadline=soon())

    answer = door.upload(wheels.twine_body(*WHEEL, attestations=FIELD), door.token())

    assert (answer.status, answer.text) == (403, "these bytes were taken down: leaked\n")
    with pytest.raises(Absent):
        door.parts.store.get(addresses.blob(sha256(PROVENANCE)))


def with_root(door: Door, verify) -> Door:
    door.parts = replace(door.parts, attestations=TrustRoot(lambda: verify))
    return door


def test_a_verified_attestation_names_who_signed_it(sqlite_instance: Instance):
    def verify(attestation: Attestation) -> Mapping[str, str]:
        assert json.loads(attestation.statement)["subject"][0]["name"] == WHEEL[0]
        return {"issuer": "https://login.example", "build_config": "https://forge.example/demo/release.yml"}

    door = with_root(Door(sqlite_instance), verify)

    answer = door.upload(wheels.twine_body(*WHEEL, attestations=FIELD), door.token())

    assert (answer.status, answer.text) == (200, f"{WHEEL[0]} is published.\n")
    claims = '{"build_config":"https://forge.example/demo/release.yml","issuer":"https://login.example"}'
    publisher = f'{{"claims":{claims},"kind":"certificate"}}'
    assert stored_provenance(door) == attested.provenance(SIGNED, publisher=publisher)


def test_one_that_does_not_verify_refuses_the_upload(sqlite_instance: Instance):
    def verify(attestation: Attestation) -> Mapping[str, str]:
        raise NotVerified('no log entry <b>"x"</b>\nhere')

    door = with_root(Door(sqlite_instance), verify)

    answer = door.upload(wheels.twine_body(*WHEEL, attestations=FIELD), door.token())

    assert answer.status == 400
    assert "does not verify: no log entry ?b??x??/b? here. Sign this very file again" in answer.text
    assert not Project.objects.exists()


def test_a_trust_root_that_cannot_be_used_makes_signed_uploads_wait_and_no_others(sqlite_instance: Instance, tmp_path):
    """Whether the verifier is not installed or the file is no trust root: never taken unverified."""
    (tmp_path / "root.json").write_text("{}")
    door = Door(sqlite_instance)
    config = replace(door.parts.config, attestations_trust_root=str(tmp_path / "root.json"))
    door.parts = replace(door.parts, config=config, attestations=attesters(config))
    token = door.token()

    signed = door.upload(wheels.twine_body(*WHEEL, attestations=FIELD), token)
    assert (signed.status, signed.headers["retry-after"]) == (503, "60")
    assert "attestations cannot be verified" in signed.text
    assert str(tmp_path) not in signed.text
    assert not Project.objects.exists()

    assert door.upload(wheels.twine_body(*WHEEL), token).status == 200


def test_whoever_stages_a_file_is_told_what_an_uploader_is(sqlite_instance: Instance):
    door = Door(sqlite_instance)
    alice = door.token("alice")
    session = opened(door, alice)

    answer = stage(door, alice, session, WHEEL, attestations=FIELD)

    assert (200, {"filename": WHEEL[0], "existing": False, "notes": [NOT_VERIFIED]}) == (answer.status, answer.json())
