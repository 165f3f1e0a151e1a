"""What an inflater makes of a stream that comes in pieces: ours, and the zlib of Python as the second opinion."""

import zlib
from dataclasses import dataclass

from holdfast.core.inflating import InflateError, Inflater, deflate_inflater, gzip_inflater

UNPACKED_BYTES_MAX = 4 << 20  # of one stream: a fuzzed one may unpack to a thousand times its size


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that a reader of archives acts on."""

    unpacked: bytes  # before the end, the error or the cut
    calls: int
    is_whole: bool
    behind: bytes  # what was fed behind the end
    fed: int
    error: str = ""


def agree(data: bytes, packed_max: int, unpacked_max: int, is_gzip: bool) -> Outcome:
    """What both make of it, fed and unpacked by at most so many bytes. Raises AssertionError when they differ."""
    ours = _outcome(gzip_inflater() if is_gzip else deflate_inflater(), data, packed_max, unpacked_max)
    reference = zlib.decompressobj(16 + zlib.MAX_WBITS if is_gzip else -zlib.MAX_WBITS)
    assert _outcome(reference, data, packed_max, unpacked_max) == ours
    return ours


def _outcome(inflater: Inflater, data: bytes, packed_max: int, unpacked_max: int) -> Outcome:
    unpacked, calls, fed = bytearray(), 0, 0
    error = ""
    try:
        while not inflater.eof and len(unpacked) < UNPACKED_BYTES_MAX:
            packed = inflater.unconsumed_tail
            if not packed:
                packed = data[fed : fed + packed_max]
                fed += len(packed)
            piece = inflater.decompress(packed, unpacked_max)
            assert len(piece) <= unpacked_max
            unpacked += piece
            calls += 1
            if not packed and not piece:
                unpacked += inflater.flush()
                break
    except (InflateError, zlib.error) as raised:
        error = str(raised)
    return Outcome(bytes(unpacked), calls, inflater.eof, inflater.unused_data, fed, error)
