"""The inflater of archives and the zlib of Python: every stream is the same to both, its end and its faults, too."""

import struct
import zlib
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inflaters import agree

TEXT = b"".join(b"def step_%d(value: int) -> int:\n    return value + %d\n" % (n, n * 7) for n in range(900))
CONTENTS = st.one_of(
    st.binary(max_size=600),
    st.integers(0, 40_000).map(lambda size: TEXT[:size]),
    st.integers(0, 70_000).map(bytes),  # matches that reach over the whole window
    st.tuples(st.binary(min_size=1, max_size=300), st.integers(1, 200)).map(lambda made: made[0] * made[1]),
)
FLUSHES = st.sampled_from([None, zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH])
PACKED = st.sampled_from([1, 7, 300, 1 << 17])
UNPACKED = st.sampled_from([13, 500, 1 << 20])
GZIP_HEAD = struct.Struct("<2sBBLBB")
FHCRC, FEXTRA, FNAME, FCOMMENT, FIRST_RESERVED = 2, 4, 8, 16, 32


@st.composite
def streams(draw: st.DrawFn, is_gzip: bool) -> tuple[bytes, bytes]:
    """Some content, and a stream of it in any kind of blocks."""
    content = draw(CONTENTS)
    wbits = zlib.MAX_WBITS * (1 if is_gzip else -1) + 16 * is_gzip
    strategy = draw(st.sampled_from([zlib.Z_DEFAULT_STRATEGY, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED]))
    packer = zlib.compressobj(draw(st.sampled_from([0, 1, 6, 9])), zlib.DEFLATED, wbits, 9, strategy)
    middle, flush = draw(st.integers(0, len(content))), draw(FLUSHES)
    packed = packer.compress(content[:middle])
    if flush is not None:
        packed += packer.flush(flush)
    return content, packed + packer.compress(content[middle:]) + packer.flush()


def pieces(data: bytes, packed_max: int, unpacked_max: int) -> tuple[int, int]:
    """Piece sizes that keep one example in bounds: small pieces are for small streams."""
    return max(packed_max, len(data) // 400), max(unpacked_max, 200)


@pytest.mark.parametrize("is_gzip", [True, False])
@given(st.data(), PACKED, UNPACKED, st.binary(max_size=30))
def test_a_whole_stream_unpacks_to_its_content_and_ends_where_it_ends(is_gzip, data, packed_max, unpacked_max, behind):
    content, stream = data.draw(streams(is_gzip))

    found = agree(stream + behind, *pieces(stream, packed_max, unpacked_max), is_gzip)

    assert (content, True, "") == (found.unpacked, found.is_whole, found.error)
    assert found.fed - len(found.behind) == len(stream)


@pytest.mark.parametrize("is_gzip", [True, False])
@given(st.data(), PACKED, UNPACKED)
def test_a_stream_that_is_cut_off_is_cut_off_for_both(is_gzip, data, packed_max, unpacked_max):
    content, stream = data.draw(streams(is_gzip))
    cut = data.draw(st.integers(0, len(stream) - 1))

    found = agree(stream[:cut], *pieces(stream, packed_max, unpacked_max), is_gzip)

    assert (False, "") == (found.is_whole, found.error)
    assert content.startswith(found.unpacked)


@pytest.mark.parametrize("is_gzip", [True, False])
@given(st.data(), PACKED, UNPACKED)
def test_a_stream_with_bytes_changed_gets_the_same_answer_from_both(is_gzip, data, packed_max, unpacked_max):
    _content, stream = data.draw(streams(is_gzip))
    spoiled = bytearray(stream)
    for _ in range(data.draw(st.integers(1, 4))):
        spoiled[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))

    agree(bytes(spoiled), *pieces(stream, packed_max, unpacked_max), is_gzip)


@given(st.binary(max_size=400), st.sampled_from([b"", b"\x1f\x8b\x08"]), st.booleans(), PACKED, UNPACKED)
def test_rubbish_gets_the_same_answer_from_both(rubbish, head, is_gzip, packed_max, unpacked_max):
    agree(head + rubbish, *pieces(rubbish, packed_max, unpacked_max), is_gzip)


def test_every_kind_of_gzip_header_gets_the_same_answer():
    """Reserved flags are refused (RFC 1952, 2.3.1.2), and so is a wrong checksum of the header, where there is one."""
    body = zlib.compress(TEXT, 6, -15) + struct.pack("<LL", zlib.crc32(TEXT), len(TEXT))
    for flags, spoil, packed_max in product(range(256), (0, 1), (5, 1 << 17)):
        head = GZIP_HEAD.pack(b"\x1f\x8b", zlib.DEFLATED, flags, 0, 0, 255)
        head += b"\x05\x00extra" if flags & FEXTRA else b""
        head += b"name\0" if flags & FNAME else b""
        head += b"a comment\0" if flags & FCOMMENT else b""
        checksum = struct.pack("<H", zlib.crc32(head) & 0xFFFF ^ spoil) if flags & FHCRC else b""

        found = agree(head + checksum + body, packed_max, 1 << 20, True)

        is_taken = flags < FIRST_RESERVED and not (flags & FHCRC and spoil)
        assert (flags, spoil, is_taken, not is_taken) == (flags, spoil, found.is_whole, bool(found.error))


@pytest.mark.parametrize("at", range(-8, 0))
def test_a_wrong_checksum_or_size_is_an_error_for_both(at: int):
    stream = bytearray(zlib.compress(TEXT, 6, 31))
    stream[at] ^= 1

    found = agree(bytes(stream), 1000, 1 << 20, True)

    assert (False, True) == (found.is_whole, bool(found.error))


def test_every_first_byte_of_a_block_gets_the_same_answer():
    """All kinds of blocks and the beginnings of code lengths, over bytes that are no stream."""
    for first, second in product(range(256), range(0, 256, 15)):
        agree(bytes([first, second]) + bytes(range(1, 200)), 1 << 17, 1 << 20, False)


def test_a_match_from_before_the_beginning_is_an_error_for_both():
    """Its distance reaches further back than there are bytes; who forgave that would read memory of other streams."""
    whole = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = whole.compress(TEXT[:20_000]) + whole.flush(zlib.Z_SYNC_FLUSH)
    tail = whole.compress(TEXT[:20_000]) + whole.flush()

    found = agree(tail, 1 << 17, 1 << 20, False)

    assert agree(head + tail, 1 << 17, 1 << 20, False).is_whole
    assert (False, "Error -3 while decompressing data: invalid distance too far back") == (found.is_whole, found.error)
