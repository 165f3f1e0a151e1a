"""Conditional and range requests (RFC 9110 §13, §14): pure decisions over header texts."""

import re
from typing import NamedTuple

_RANGE = re.compile(r"bytes=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.ASCII)


def matches(if_none_match: str | None, etag: str) -> bool:
    """True when the client's If-None-Match names `etag` (weak comparison, RFC 9110 §13.1.2)."""
    if not if_none_match:
        return False
    if if_none_match == etag or if_none_match.strip() == "*":
        return True
    return any(part.strip().removeprefix("W/") == etag for part in if_none_match.split(","))


class Span(NamedTuple):
    """`length` bytes from `start`. `whole` when no part was asked for."""

    start: int
    length: int
    whole: bool


class Unsatisfiable(Exception):  # noqa: N818 - an answer (416), not a defect
    """The range lies outside the file."""


def requested_span(range_header: str | None, if_range: str | None, etag: str, size: int) -> Span:
    """The part of a file of `size` bytes a client asked for. Raises Unsatisfiable.

    What is not one single byte range is answered whole, as RFC 9110 §14.2 allows: other units, several ranges,
    nonsense, or an If-Range that names other bytes (§13.1.5, strong comparison only).
    """
    if not range_header or (if_range is not None and if_range.strip() != etag):
        return Span(0, size, whole=True)
    found = _RANGE.fullmatch(range_header.strip())
    if found is None:
        return Span(0, size, whole=True)
    first, last = found.groups()
    if not first and not last:
        return Span(0, size, whole=True)
    if not first:
        suffix = min(int(last), size)
        if suffix == 0:
            raise Unsatisfiable
        return Span(size - suffix, suffix, whole=False)
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    if last and int(last) < start:
        return Span(0, size, whole=True)
    if start >= size:
        raise Unsatisfiable
    return Span(start, end - start + 1, whole=False)
