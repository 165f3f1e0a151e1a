"""The header lines of a METADATA document, before anybody parses them: each must be a header to every reader.

Python's e-mail parser ends the headers at the first line that is none, and takes a lone carriage return for the end
of a line; readers in other languages do neither. Where they differ, one file has two lists of dependencies.
"""

import re

_HEADER = re.compile(rb"[!-9;-~]+:[^\0-\x08\x0a-\x1f\x7f]*")
_FOLDED = re.compile(rb"[ \t][^\0-\x08\x0a-\x1f\x7f]*")


def header_lines(data: bytes) -> list[bytes]:
    """The lines up to the first empty one, without their ends."""
    end = re.search(rb"^\r?\n", data, re.MULTILINE)
    return data[: end.start() if end else len(data)].replace(b"\r\n", b"\n").removesuffix(b"\n").split(b"\n")


def broken_line(data: bytes) -> bytes | None:
    """The first line that is no `Key: value`, and no continuation of one; None when there is none."""
    lines = header_lines(data)
    if lines == [b""]:
        return None  # no header at all, of which the rules on single fields tell
    if _HEADER.fullmatch(lines[0]) is None:
        return lines[0]
    return next((line for line in lines if not (_HEADER.fullmatch(line) or _FOLDED.fullmatch(line))), None)
