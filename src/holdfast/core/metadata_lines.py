"""The header lines of a METADATA document, before anybody parses them: each must be a header to every reader.

Python's e-mail parser ends the headers at the first line that is none, and takes a lone carriage return for the end
of a line; readers in other languages do neither. Where they differ, one file has two lists of dependencies.
"""

import re

_HEADER = re.compile(rb"[!-9;-~]+:[^\0-\x08\x0a-\x1f\x7f]*")
_FOLDED = re.compile(rb"[ \t][^\0-\x08\x0a-\x1f\x7f]*")


LINES_MAX = 100_000  # of headers, a long description among them; readers make some objects of each
FIELDS_MAX = 10_000  # classifiers and dependencies; the most of any real project are below 2,000
KINDS_MAX = 200  # the standard has 35; readers look through all fields once for each kind


def parted(data: bytes) -> tuple[bytes, bytes]:
    """The bytes before the first empty line, and those behind it."""
    end = re.search(rb"^\r?\n", data, re.MULTILINE)
    return (data[: end.start()], data[end.end() :]) if end else (data, b"")


def header_lines(data: bytes) -> list[bytes]:
    """The lines up to the first empty one, without their ends."""
    return parted(data)[0].replace(b"\r\n", b"\n").removesuffix(b"\n").split(b"\n")


def excess(data: bytes) -> str:
    """The rule that its headers break by their number, "" when they break none: nobody should parse them then."""
    head, _ = parted(data)
    if head.count(b"\n") + head.count(b"\r") > 2 * LINES_MAX:  # two each where lines end as in e-mails
        return f"has more than {LINES_MAX} lines of headers"
    fields = [line.partition(b":")[0] for line in header_lines(data) if line[:1] not in (b" ", b"\t")]
    if len(fields) > FIELDS_MAX:
        return f"has more than {FIELDS_MAX} fields"
    return f"has more than {KINDS_MAX} kinds of fields" if len(set(fields)) > KINDS_MAX else ""


def broken_line(data: bytes) -> bytes | None:
    """The first line that is no `Key: value`, and no continuation of one; None when there is none."""
    lines = header_lines(data)
    if lines == [b""]:
        return None  # no header at all, of which the rules on single fields tell
    if _HEADER.fullmatch(lines[0]) is None:
        return lines[0]
    return next((line for line in lines if not (_HEADER.fullmatch(line) or _FOLDED.fullmatch(line))), None)
