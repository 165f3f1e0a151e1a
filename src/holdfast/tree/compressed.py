"""Zstandard for stored documents, with a bound on what a hostile or broken object may unfold into."""

import zstandard

from holdfast.core.errors import Corrupt

LEVEL = 3  # level 10 is five times slower and no smaller on index pages (measured)


def compress(data: bytes, level: int = LEVEL) -> bytes:
    """One frame that states its content size. Equal bytes give equal frames for one zstd release."""
    return zstandard.ZstdCompressor(level=level, write_content_size=True, write_checksum=True).compress(data)


def decompress(data: bytes, what: str, bytes_max: int) -> bytes:
    """Unfold exactly one frame of at most `bytes_max` bytes; `what` names it in the error. Raises Corrupt."""
    try:
        # The size is believed only as a refusal: the decoder stops by itself when a frame holds more than it states.
        size = zstandard.frame_content_size(data)
        if not 0 <= size <= bytes_max:
            raise Corrupt(f"{what} unfolds to {size} bytes, the limit is {bytes_max}")
        return zstandard.ZstdDecompressor().decompress(data, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise Corrupt(f"{what} is not a whole zstd frame: {error}") from error
