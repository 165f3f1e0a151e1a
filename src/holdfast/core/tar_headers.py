"""Tar headers as they stand in the archive: what `tarfile` reads over, and other unpackers read otherwise.

A member's name and size can be told by its own block, by GNU headers and by pax records before it. Unpackers weigh
these differently, some end at a broken block where others look for the next, and then one sdist is two (POSIX pax).
"""

import re
import tarfile
from collections.abc import Mapping

from holdfast.core.archive_limits import Hostile
from holdfast.core.upload_problems import Problem, problem

BLOCK_BYTES = 512
_RECORD = re.compile(rb"([1-9][0-9]{0,9}) ([^=\n\0]+)=")
_EXTENSIONS = b"xgLKX"  # headers whose data tells of the member after them
_KNOWN = b"0\x00123456S" + b"xgLK"  # of what no unpacker guesses; those that may not be uploaded are told by their kind
_OCTAL = re.compile(rb" *[0-7]+[ \0]*")
_OCTAL_SIZE_MAX = 0o77777777777  # what fits in the field; above it a pax record is the only honest place
_STEP = "Build the sdist again with a current build tool."


class HeaderWatch:
    """Sees the bytes that `tarfile` reads, and keeps the header blocks of the member they lead to."""

    def __init__(self) -> None:
        self.blocks: list[bytes] = []
        self._data_left = 0  # of an extension header, which is read before the next block
        self._records_bytes = 0  # of it, when they are pax records
        self._name_bytes: int | None = None  # of it, when it is GNU's long name

    def note(self, data: bytes, count: int) -> None:
        """`tarfile` asked for `count` bytes and got `data`."""
        if self._data_left:
            self._data_left = max(self._data_left - count, 0)
            check_records(data[: self._records_bytes])
            if self._name_bytes is not None:
                check_long_name(data, self._name_bytes)
        elif count == BLOCK_BYTES:
            self.blocks.append(data)
            if len(data) == BLOCK_BYTES and kind_of(data) in _EXTENSIONS:
                size = size_of(data)
                self._data_left = -(-size // BLOCK_BYTES) * BLOCK_BYTES
                self._records_bytes = size if kind_of(data) in b"xg" else 0
                self._name_bytes = size if kind_of(data) in b"LK" else None

    def start_member(self) -> None:
        """What comes next belongs to another member, or to the same one, whose headers are read again."""
        self.blocks = []
        self._data_left = 0

    def check_end(self) -> None:
        """The walk ended at a block of zeros or where the bytes end. Raises Hostile."""
        if any(any(block) for block in self.blocks):
            raise Hostile("a tar header is broken: unpackers differ in what they do then")


def kind_of(block: bytes) -> int:
    """The type flag of a header block."""
    return block[156]


def size_of(block: bytes) -> int:
    """The size field. Raises Hostile for what is no octal and no base-256 number, which readers guess at."""
    field = block[124:136]
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    if _OCTAL.fullmatch(field) is None and field.strip(b" \0"):
        raise Hostile("a size in a tar header is not a number")
    return int(field.strip(b" \0") or b"0", 8)


def check_records(data: bytes) -> None:
    """Pax records, `length key=value\\n` without gaps, no key twice. `tarfile` stops at a bad one. Raises Hostile."""
    keys: set[bytes] = set()
    at = 0
    while at < len(data):
        found = _RECORD.match(data, at)
        end = at + int(found[1]) if found else 0
        if found is None or end <= found.end() or data[end - 1 : end] != b"\n" or found[2] in keys:
            raise Hostile("a pax record of the tar is broken or comes twice")
        keys.add(found[2])
        at = end


def check_long_name(data: bytes, size: int) -> None:
    """GNU's long name fills its size but for one NUL; `tarfile` does not look at the size. Raises Hostile."""
    name = data.partition(b"\0")[0]
    if len(name) not in (size - 1, size) or any(data[len(name) :]):
        raise Hostile("a long name of the tar ends elsewhere than its header says")


def check_headers(info: tarfile.TarInfo, blocks: list[bytes], shared: Mapping[str, str]) -> list[Problem]:
    """One member, its header blocks in order, and the global pax records in force."""
    if not blocks or any(len(block) != BLOCK_BYTES for block in blocks):
        raise Hostile("its tar headers do not make sense")
    kinds = [kind_of(block) for block in blocks]
    rule = (
        _kind_rule(kinds)
        or _prefix_rule(blocks)
        or _record_rule(info.pax_headers, shared)
        or _folder_rule(info, kinds)
        or _size_rule(info, blocks[-1])
    )
    return [problem("content", info.name, rule, _STEP)] if rule else []


def _kind_rule(kinds: list[int]) -> str:
    if any(kind not in _KNOWN for kind in kinds):
        return "a tar header is of a kind that only some unpackers know"
    extensions = [kind for kind in kinds[:-1] if kind in b"xLK"]
    if len(extensions) != len(set(extensions)) or (b"x"[0] in extensions and len(extensions) > 1):
        return "a member is described by more than one extended header"
    return ""


def _prefix_rule(blocks: list[bytes]) -> str:
    """Only POSIX headers have a prefix of the name there; GNU's have times, and `tarfile` takes both for a name."""
    odd = any(block[257:263] != b"ustar\0" and any(block[345:500]) for block in blocks)
    return "a tar header has a prefix and is not of the POSIX format" if odd else ""


def _record_rule(records: Mapping[str, str], shared: Mapping[str, str]) -> str:
    if any(key.startswith("GNU.sparse.") or key == "hdrcharset" for key in records):
        return "a pax record gives a member another meaning for some unpackers"
    if shared.keys() & {"path", "linkpath", "size"}:
        return "a global pax header gives every member the same name or size"
    return ""


def _folder_rule(info: tarfile.TarInfo, kinds: list[int]) -> str:
    """Before POSIX a slash at the end of the name made a folder, and unpackers look for one in different places.

    A slash in the name field alone is fine for a file of a known kind: a longer name was cut off there.
    """
    if info.isreg() and (info.name.endswith("/") or info.pax_headers.get("path", "").endswith("/")):
        return "a file has the name of a folder"
    if info.isdir() and kinds[-1] == 0 and any(kind in b"xL" for kind in kinds[:-1]):
        return "a member is a folder in one of its headers only"
    return ""


def _size_rule(info: tarfile.TarInfo, block: bytes) -> str:
    if info.size and not info.isreg():
        raise Hostile("a folder or a link has bytes of its own")  # `tarfile` would take them for headers
    if info.size != size_of(block) and info.size <= _OCTAL_SIZE_MAX:
        return "a pax record and the header give a member different sizes"
    return ""
