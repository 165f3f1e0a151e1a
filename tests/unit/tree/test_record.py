"""The stored form of a record."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import pytest
from hypothesis import given
from unit.tree.trees import records

from holdfast.core.errors import Corrupt
from holdfast.core.model import File, Record, Role
from holdfast.tree.compressed import compress, decompress
from holdfast.tree.record import decode_record, encode_record

FULL = Record(
    index="main",
    name="demo-lib",
    display="Demo.Lib",
    serial=7,
    files=(
        File(
            "demo_lib-1.0-py3-none-any.whl",
            "ab" * 32,
            1234,
            "1.0",
            "bdist_wheel",
            "py3",
            upload_time=datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
            requires_python=">=3.8",
            yanked=True,
            yanked_reason="broken",
            metadata_sha256="cd" * 32,
            has_metadata=True,
            provenance_url="https://attest.example/1",
            md5="ef" * 16,
        ),
        File("demo_lib-1.0.tar.gz", "", None, "1.0", "sdist", "source", hashes=(("md5", "12"),), has_metadata=True),
    ),
    status="archived",
    status_reason="moved",
    roles=(Role("alice", "owner"),),
    organisation="acme",
)


@given(records)
def test_a_record_is_read_back_as_it_was(record: Record) -> None:
    encoded = encode_record(record)

    assert record == decode_record(encoded.stored_bytes, encoded.digest)
    assert encoded == encode_record(record)


def test_the_document_is_a_simple_api_detail_page_with_private_keys() -> None:
    assert {
        "meta": {"api-version": "1.4", "_last-serial": 7},
        "name": "demo-lib",
        "versions": ["1.0"],
        "files": [
            {
                "filename": "demo_lib-1.0-py3-none-any.whl",
                "url": f"../../packages/ab/ab/{'ab' * 30}/demo_lib-1.0-py3-none-any.whl",
                "hashes": {"sha256": "ab" * 32},
                "requires-python": ">=3.8",
                "size": 1234,
                "upload-time": "2026-01-02T03:04:05.000678Z",
                "yanked": "broken",
                "core-metadata": {"sha256": "cd" * 32},
                "provenance": "https://attest.example/1",
                "_holdfast": {
                    "version": "1.0",
                    "packagetype": "bdist_wheel",
                    "python_version": "py3",
                    "md5": "ef" * 16,
                },
            },
            {
                "filename": "demo_lib-1.0.tar.gz",
                "url": "../../packages/-/demo-lib/demo_lib-1.0.tar.gz",
                "hashes": {"md5": "12"},
                "core-metadata": True,
                "_holdfast": {
                    "version": "1.0",
                    "packagetype": "sdist",
                    "python_version": "source",
                    "hashes": [["md5", "12"]],
                },
            },
        ],
        "_holdfast": {"index": "main", "display": "Demo.Lib", "roles": [["alice", "owner"]], "organisation": "acme"},
        "project-status": {"status": "archived", "reason": "moved"},
    } == json.loads(encode_record(FULL).json_bytes)


def test_text_that_is_not_unicode_is_refused_before_anything_is_stored() -> None:
    with pytest.raises(Corrupt, match="the record of demo-lib has text that cannot be written"):
        encode_record(replace(FULL, status_reason="\ud800"))


def test_the_digest_is_that_of_the_uncompressed_document() -> None:
    encoded = encode_record(FULL)

    assert encoded.digest == sha256(encoded.json_bytes).hexdigest()
    assert encoded.json_bytes == decompress(encoded.stored_bytes, "it", 10_000)


def test_one_instant_has_one_digest_in_whatever_zone_it_is_written() -> None:
    moment = datetime(2026, 1, 1, 12, tzinfo=UTC)
    elsewhere = moment.astimezone(timezone(timedelta(hours=5)))

    here, there = (encode_record(replace(FULL, fetched_at=at)).digest for at in (moment, elsewhere))

    assert here == there


def test_a_flipped_bit_never_gives_another_record() -> None:
    """A zstd frame has a few bits that mean nothing; all that matters is caught."""
    encoded = encode_record(FULL)
    caught = 0
    for at in range(len(encoded.stored_bytes)):
        bad = bytearray(encoded.stored_bytes)
        bad[at] ^= 0x10
        try:
            assert decode_record(bytes(bad), encoded.digest) == FULL
        except Corrupt:
            caught += 1

    assert caught > len(encoded.stored_bytes) - 5


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"no zstd",
        compress(b""),
        compress(b"[]"),
        compress(b'{"name": "a"}'),
        encode_record(FULL).stored_bytes[:-1],
        encode_record(FULL).stored_bytes + b"x",
        encode_record(FULL).stored_bytes * 2,
        compress(encode_record(FULL).json_bytes.replace(b'"index":"main"', b'"index":"main","v":2')),
    ],
)
def test_what_is_not_exactly_one_record_is_corrupt(stored: bytes) -> None:
    with pytest.raises(Corrupt):
        decode_record(stored, None)


def test_another_records_bytes_are_corrupt_under_this_digest() -> None:
    other = encode_record(replace(FULL, serial=8))

    with pytest.raises(Corrupt, match="does not have the bytes of its digest"):
        decode_record(other.stored_bytes, encode_record(FULL).digest)


def test_a_small_object_cannot_unfold_beyond_the_limit() -> None:
    bomb = compress(bytes(50_000_000))

    with pytest.raises(Corrupt, match="the limit is 1000"):
        decode_record(bomb, None, bytes_max=1000)


def test_a_frame_that_hides_its_size_is_refused() -> None:
    import zstandard

    hidden = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(1000))

    with pytest.raises(Corrupt):
        decode_record(hidden, None)
