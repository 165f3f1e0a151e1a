"""The helper process: builds large pages, searches large books and reads wheels, one job after another.

Frames on standard input and output: eight bytes of length, then MessagePack. End of input ends the process, so a
helper never outlives its parent, however that died.
"""

import gc
import os
import sys
from typing import BinaryIO

import msgspec

from holdfast.core.errors import Corrupt, Unavailable
from holdfast.core.model import Card, File
from holdfast.pull.build import BuiltPage, LearnJob, PageJob, build_page, learn
from holdfast.pull.wheel_metadata import WheelJob, WheelRead, read_wheel
from holdfast.tree.card import book_lacks, decode_book, decode_card, encode_card
from holdfast.tree.record import decode_record

NICENESS = 10
LENGTH_BYTES = 8


class BookJob(msgspec.Struct, frozen=True, tag="book"):
    """Find one file in a stored card book: by digest, or, with an empty `sha256`, as the stored `page` lists it."""

    book: bytes
    sha256: str
    filename: str
    page: bytes | None = None


class FoundCard(msgspec.Struct, frozen=True, tag="card"):
    """The stored form of the card, empty when the book has no such file, and the page's other digests of it."""

    card: bytes = b""
    hashes: tuple[tuple[str, str], ...] = ()


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The job's own outcome was no result."""

    reason: str
    corrupt: bool = False


Job = PageJob | LearnJob | BookJob | WheelJob
Result = BuiltPage | FoundCard | WheelRead | Failed

encode = msgspec.msgpack.Encoder().encode
_jobs: msgspec.msgpack.Decoder[Job] = msgspec.msgpack.Decoder(Job)
_results: msgspec.msgpack.Decoder[Result] = msgspec.msgpack.Decoder(Result)


def decode_result(frame: bytes) -> Result:
    """Read a helper's answer."""
    return _results.decode(frame)


def perform(job: Job) -> Result:
    """Do one job; the same function runs inline for small ones."""
    try:
        if isinstance(job, PageJob):
            return build_page(job)
        if isinstance(job, WheelJob):
            return read_wheel(job)
        return learn(job) if isinstance(job, LearnJob) else find_card(job)
    except Unavailable as error:
        return Failed(error.reason)
    except Corrupt as error:
        return Failed(error.reason, corrupt=True)


def find_card(job: BookJob) -> FoundCard:
    """Search a book. Raises Corrupt."""
    if job.sha256 and book_lacks(job.book, job.sha256):
        return FoundCard()
    cards = [card for card in decode_book(job.book) if card.filename == job.filename]
    if job.sha256:
        return _found(next((card for card in cards if card.sha256 == job.sha256), None))
    listed = _listed(job.page, job.filename)
    if listed is not None:
        return _found(next((card for card in cards if card.sha256 == listed.sha256), None), listed.hashes)
    # No page, or not on it any more: the digest its first fetch gave it counts.
    return _found(max(cards, key=lambda card: card.sha256 != "", default=None))


def _listed(page: bytes | None, filename: str) -> File | None:
    if page is None:
        return None
    try:
        record = decode_record(page, None)
    except Corrupt:
        return None  # a page is disposable
    return next((file for file in record.files if file.filename == filename), None)


def _found(card: Card | None, hashes: tuple[tuple[str, str], ...] = ()) -> FoundCard:
    return FoundCard(encode_card(card) if card else b"", hashes)


def card_of(found: FoundCard) -> Card | None:
    return decode_card(found.card) if found.card else None


def main() -> None:
    """Serve jobs until the input ends."""
    os.nice(NICENESS)
    gc.disable()  # a large page is tens of thousands of objects without a cycle among them
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while (frame := _read_frame(source)) is not None:
        answer = encode(perform(_jobs.decode(frame)))
        sink.write(len(answer).to_bytes(LENGTH_BYTES, "big"))
        sink.write(answer)
        sink.flush()
        gc.collect()


def _read_frame(source: BinaryIO) -> bytes | None:
    head = source.read(LENGTH_BYTES)
    if len(head) < LENGTH_BYTES:
        return None
    length = int.from_bytes(head, "big")
    frame = source.read(length)
    return frame if len(frame) == length else None


if __name__ == "__main__":
    main()
