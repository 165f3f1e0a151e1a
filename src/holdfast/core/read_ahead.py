"""An archive read while it arrives, whatever its kind: facts for whoever judges it when it is whole.

This judges nothing. A zip gives facts of single members (core/zip_ahead.py); of a gzipped tar, which is one stream,
there is nothing but the whole reading, by the same code that reads one at once. What is odd in any way ends the walk,
and is read when the archive is whole, as if nobody had walked: a verdict against an archive never comes from here.
"""

from dataclasses import dataclass
from typing import BinaryIO

from holdfast.core.archive_limits import LIMITS, MIB, ArchiveLimits, Hostile
from holdfast.core.tar_reading import TarFound, TarReading
from holdfast.core.zip_ahead import KnownMembers, ZipWalk

KEPT_BYTES_MAX = 4 * MIB  # of one tar's members and metadata: 50,000 of them, more than any real sdist has
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class KnownTar:
    """A reading of a whole stream: so many bytes, nothing behind them, under these limits."""

    found: TarFound
    size: int  # bytes of the archive
    limits: ArchiveLimits


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an archive's bytes before it is judged."""

    members: KnownMembers  # of a zip
    tar: KnownTar | None = None

    def tar_of(self, size: int, limits: ArchiveLimits) -> TarFound | None:
        """What reading an archive of just that size within just these limits finds, None when that is not known."""
        if self.tar is None or (self.tar.size, self.tar.limits) != (size, limits):
            return None
        return self.tar.found


NOTHING_KNOWN = Known(KnownMembers())  # never added to


class ArchiveWalk:
    """The way through one arriving archive, by what its first bytes say it is."""

    def __init__(self, limits: ArchiveLimits = LIMITS, kept_bytes_max: int = KEPT_BYTES_MAX) -> None:
        self._limits, self._kept_bytes_max = limits, kept_bytes_max
        self._walk: ZipWalk | TarWalk | None = None
        self._is_given_up = False

    @property
    def position(self) -> int:
        """Bytes of the archive that were read."""
        return self._walk.position if self._walk is not None else 0

    @property
    def is_over(self) -> bool:
        """True when nothing more will be learnt."""
        return self._is_given_up or (self._walk is not None and self._walk.is_over)

    @property
    def known(self) -> Known:
        """What was found so far."""
        if isinstance(self._walk, ZipWalk):
            return Known(self._walk.known)
        return Known(KnownMembers(), self._walk.known) if self._walk is not None else NOTHING_KNOWN

    def give_up(self) -> None:
        """Forget everything: the bytes were others'."""
        self._walk, self._is_given_up = None, True

    def advance(self, file: BinaryIO, available: int, work_max: int) -> bool:
        """Read on, not past byte `available`, until about `work_max` bytes were unpacked; True when there is more."""
        if self.is_over:
            return False
        if self._walk is None:
            file.seek(0)
            magic = file.read(len(_GZIP))
            if min(len(magic), available) < len(_GZIP):
                return False
            self._walk = self._begin(magic)
        return self._walk.advance(file, available, work_max)

    def _begin(self, magic: bytes) -> "ZipWalk | TarWalk":
        if magic == _GZIP:
            return TarWalk(self._limits, self._kept_bytes_max)
        return ZipWalk(self._limits)


class TarWalk:
    """The way through an arriving gzipped tar."""

    def __init__(self, limits: ArchiveLimits, kept_bytes_max: int) -> None:
        self.known: KnownTar | None = None
        self.position = 0  # bytes of the archive that were read
        self._limits, self._kept_bytes_max = limits, kept_bytes_max
        self._reading: TarReading | None = TarReading(limits)

    @property
    def is_over(self) -> bool:
        """True when nothing more will be learnt."""
        return self._reading is None

    def advance(self, file: BinaryIO, available: int, work_max: int) -> bool:
        """As ArchiveWalk.advance."""
        reading = self._reading
        if reading is None:
            return False
        try:
            is_more = reading.read_on(file, available, work_max)
        except Hostile:
            self._reading = None
            return False
        self.position = reading.reader.packed
        if reading.found.kept_bytes > self._kept_bytes_max:
            self._reading = None
        elif reading.is_whole:
            self.known = KnownTar(reading.found, self.position, self._limits)
            self._reading = None
        return is_more and not self.is_over
