"""What is fuzzed: each target takes bytes and raises only when Holdfast is wrong.

Wrong is: anything raised that is not the documented outcome, an answer that is not printable ASCII, taking what a
second reader understands otherwise, or more time and memory than a request may cost.
"""

import contextlib
import hashlib
import io
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import wheels
from inflaters import agree
from walking import known_of

from holdfast.control.uploads.multipart import FormLimits, read_form
from holdfast.control.uploads.pipeline import judge
from holdfast.control.uploads.rules import PRIVATE, PUBLIC
from holdfast.control.uploads.steps_filename import read_filename
from holdfast.core.archive import examine
from holdfast.core.archive_limits import ArchiveLimits
from holdfast.core.attestations import read_attestations
from holdfast.core.core_metadata import parse
from holdfast.core.filenames import parse_filename, project_candidates
from holdfast.core.multipart import MalformedForm
from holdfast.core.upload_problems import Problem
from tests.fuzz import readers

FILENAMES = ("demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz", "demo-1.0.zip")
INPUT_BYTES_MAX = 64 * 1024
SECONDS_MAX = 5.0  # of a processor for one input; ten times what the slowest legal one of that size takes
LIMITS = ArchiveLimits(entries_max=200, ratio_floor_bytes=1 << 20, unpacked_bytes_max=32 << 20)
FORM_LIMITS = FormLimits(parts_max=200)
CONTENT_TYPE = f"multipart/form-data; boundary={wheels.BOUNDARY}"
PIECES = ((1 << 17, 1 << 20), (100, 1 << 20), (1, 1 << 20), (1 << 17, 700))  # packed and unpacked bytes at most
DATA = b"a wheel"
SHA256 = hashlib.sha256(DATA).hexdigest()

_FOLDER = tempfile.TemporaryDirectory(prefix="fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
_PATH = Path(_FOLDER.name) / "content"


class TooSlow(AssertionError):  # noqa: N818 - a verdict, like every other assertion here
    """One input took longer than SECONDS_MAX."""


def check_sentences(problems: Iterable[Problem]) -> None:
    """Every answer is short and plain, whatever the client wrote."""
    for problem in problems:
        text = problem.sentence()
        assert text.isascii()
        assert text.isprintable()
        assert len(text) < 1000


def archive(data: bytes) -> bool:
    """True when taken. The first byte chooses the filename."""
    filename = FILENAMES[data[0] % 3] if data else FILENAMES[0]
    _PATH.write_bytes(data[1:])
    found = examine(_PATH, filename, LIMITS)
    known = known_of(data[1:], range(1, len(data), len(data) // 3 + 1), LIMITS)
    assert found == examine(_PATH, filename, LIMITS, lambda _path: known)  # the same as if read on its way
    check_sentences(found.problems)
    assert found.facts is not None or found.problems
    if found.facts is None or found.problems:
        return False
    if filename.endswith(".tar.gz"):
        readers.agree_on_tar(_PATH, found.facts)
    else:
        readers.agree_on_zip(_PATH, found.facts)
    return True


def metadata(data: bytes) -> bool:
    """METADATA under both profiles' rules."""
    for profile in (PUBLIC, PRIVATE):
        found = parse(data, profile.metadata)
        check_sentences(found.problems)
        assert found.metadata is not None or found.problems
    if found.problems:
        return False
    assert found.metadata is not None
    readers.agree_on_metadata(data, found.metadata)
    return True


def filename(data: bytes) -> bool:
    """A filename, as uploaded and as listed on other people's pages."""
    text = data.decode("utf-8", "replace")
    parse_filename(text)
    project_candidates(text)
    for profile in (PUBLIC, PRIVATE):
        named = read_filename(text, profile)
        check_sentences(named.problems)
    if named.parsed is None or named.problems:
        return False
    readers.agree_on_filename(named.parsed)
    return True


def form(data: bytes) -> bool:
    """A whole upload: the form, then every step over it."""
    folder = Path(_FOLDER.name)
    read = None
    with contextlib.suppress(MalformedForm):
        read = read_form(io.BytesIO(data), CONTENT_TYPE, folder, FORM_LIMITS)
    readers.agree_when_cut(CONTENT_TYPE, data, read, folder, FORM_LIMITS)
    if read is None:
        assert not [name for name in os.listdir(folder) if name.startswith("content-")]
        return False
    try:
        readers.agree_on_form(CONTENT_TYPE, data, read)
        for profile in (PUBLIC, PRIVATE):
            found = judge(read, {}, profile)
            check_sentences(found.problems)
            assert (found.upload is None) == bool(found.problems)
        return found.upload is not None
    finally:
        if read.content is not None:
            read.content.path.unlink()


def attestations(data: bytes) -> bool:
    """The field of that name."""
    text = data.decode("utf-8", "surrogateescape")
    found = read_attestations(text, FILENAMES[0], SHA256)
    check_sentences(found.problems)
    if not found.attestations:
        return False
    readers.agree_on_attestations(text, found.attestations)
    return True


def stream(data: bytes) -> bool:
    """A deflate stream, whole or not, to our inflater and Python's. The first byte chooses its frame and the pieces."""
    kind, body = data[0] if data else 0, data[1:]
    packed_max, unpacked_max = PIECES[kind // 2 % len(PIECES)]
    # Small pieces are for small streams: the time is the pieces', and nothing of a long stream is learnt from them.
    return agree(body, max(packed_max, len(body) // 500), unpacked_max, is_gzip=kind % 2 == 1).is_whole


TARGETS: dict[str, Callable[[bytes], bool]] = {
    "archive": archive,
    "metadata": metadata,
    "filename": filename,
    "form": form,
    "attestations": attestations,
    "stream": stream,
}


@dataclass
class Tally:
    """What a run has seen."""

    executions: int = 0
    taken: int = 0
    slowest_seconds: float = 0.0

    def sentence(self) -> str:
        """It in a line."""
        return f"{self.executions} inputs, {self.taken} taken, the slowest in {self.slowest_seconds:.3f} s"


def execute(name: str, data: bytes, tally: Tally) -> None:
    """One input through one target, its processor's seconds counted. Raises what the target raises, and TooSlow."""
    started = time.process_time()
    taken = TARGETS[name](data)
    seconds = time.process_time() - started
    tally.executions += 1
    tally.taken += taken
    tally.slowest_seconds = max(tally.slowest_seconds, seconds)
    if seconds > SECONDS_MAX:
        raise TooSlow(f"{name}: {seconds:.1f} s for {len(data)} bytes")
