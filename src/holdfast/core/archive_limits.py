"""Bounds on archives, and the values both readers (zip, tar) speak in."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """Bounds held before any work is done. Precedents are the largest real wheels, times ten or so."""

    entries_max: int = 100_000
    unpacked_bytes_max: int = 64 * 1024 * MIB
    ratio_max: int = 50  # unpacked / packed, looked at only above ratio_floor_bytes; real wheels stay below 20
    ratio_floor_bytes: int = 64 * MIB
    name_bytes_max: int = 1000
    # Of a zip's central directory, or of all names of a tar. As text one odd character takes four times that.
    directory_bytes_max: int = 16 * MIB
    metadata_bytes_max: int = 8 * MIB  # METADATA or PKG-INFO, a long README included
    wheel_bytes_max: int = 256 * 1024
    record_bytes_max: int = 16 * MIB  # RECORD: about 130 bytes for each entry
    header_bytes_max: int = 256 * 1024  # of one tar member: pax records, long names, sparse maps
    global_records_max: int = 100  # pax records for all members; `git archive` writes one
    global_chars_max: int = 16 * 1024  # of them together


LIMITS = ArchiveLimits()


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of an archive."""

    name: str
    size: int  # unpacked bytes, as declared
    folder: bool


class Hostile(Exception):  # noqa: N818 - a verdict about bytes, not a defect of ours
    """The archive cannot be read further with safety. `rule` names what does not hold; `step` may be empty."""

    def __init__(self, rule: str, step: str = "") -> None:
        super().__init__(rule)
        self.rule = rule
        self.step = step


def check_name_length(name_bytes: int, limits: ArchiveLimits) -> None:
    """A name no file system could hold. Told at once: what is done with names takes their length squared."""
    if name_bytes > limits.name_bytes_max:
        raise Hostile(f"a name inside the archive is longer than {limits.name_bytes_max} bytes")


def check_ratio(packed: int, unpacked: int, limits: ArchiveLimits) -> None:
    """A decompression bomb, by total size or by ratio. Raises Hostile."""
    if unpacked > limits.unpacked_bytes_max:
        raise Hostile(f"unpacked it is larger than {limits.unpacked_bytes_max // MIB} MiB")
    if unpacked > limits.ratio_floor_bytes and unpacked > packed * limits.ratio_max:
        raise Hostile(f"it unpacks to more than {limits.ratio_max} times its size")


def is_safe_name(name: str) -> bool:
    """True for a relative path of plain segments; a trailing `/` (a folder) is fine."""
    segments = name.removesuffix("/").split("/")
    return (
        name.isprintable()
        and "\\" not in name
        and ":" not in segments[0]  # a Windows drive
        and all(s not in ("", ".", "..") for s in segments)
    )
