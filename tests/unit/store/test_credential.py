"""Credentials of buckets: told apart without being told, proven with a fresh object."""

from pathlib import Path

import pytest

from holdfast.core.errors import Unavailable
from holdfast.store.credential import FINGERPRINT_CHARS, fingerprint, prove
from holdfast.store.memory import MemoryStore

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "hidden-secret"}


def test_each_part_of_a_credential_changes_its_fingerprint_and_none_shows_in_it() -> None:
    variants = [KEYS, KEYS | {"AWS_ACCESS_KEY_ID": "other"}, KEYS | {"AWS_SECRET_ACCESS_KEY": "other"}]
    variants.append(KEYS | {"AWS_SESSION_TOKEN": "token"})

    marks = [fingerprint("s3://bucket/prefix", environ) for environ in variants]

    assert 4 == len(set(marks))
    assert {FINGERPRINT_CHARS} == {len(mark) for mark in marks}
    assert marks[0] == fingerprint("s3://other", KEYS | {"PATH": "/bin"}), "only the credential counts"
    assert not any("hidden" in mark for mark in marks)


def test_without_a_credential_of_its_own_there_is_no_fingerprint() -> None:
    assert "" == fingerprint("s3://bucket", {"PATH": "/bin"})


def test_a_credential_in_a_file_is_its_content(tmp_path: Path) -> None:
    file = tmp_path / "account.json"
    environ = {"GOOGLE_APPLICATION_CREDENTIALS": str(file)}
    file.write_text("one")
    before = fingerprint("gs://bucket", environ)

    file.write_text("other")

    assert before != fingerprint("gs://bucket", environ)


def test_a_proof_puts_reads_and_leaves_nothing() -> None:
    store = MemoryStore()

    prove(store, "probe/1")

    assert [] == list(store.list(""))


def test_a_store_that_gives_back_other_bytes_is_not_proven() -> None:
    class Stale(MemoryStore):
        def get(self, key: str) -> bytes:
            return b"of another time"

    with pytest.raises(Unavailable, match="other bytes"):
        prove(Stale(), "probe/1")
