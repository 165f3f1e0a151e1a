"""Whole, partial and unsatisfiable answers for bytes that are at hand."""

from pathlib import Path

from holdfast.read.answers import problem
from holdfast.read.conditions import Unsatisfiable, requested_span
from holdfast.wire.messages import FileBody, Headers, Request, Response


def bytes_answer(request: Request, headers: Headers, etag: str, body: bytes) -> Response:
    """200, 206 or 416 for a body in memory."""
    return _answer(request, headers, etag, len(body), body, None)


def file_answer(request: Request, headers: Headers, etag: str, path: Path, size: int) -> Response:
    """200, 206 or 416 for a local file."""
    return _answer(request, headers, etag, size, b"", path)


def _answer(request: Request, headers: Headers, etag: str, size: int, body: bytes, path: Path | None) -> Response:
    get = request.headers.get
    try:
        span = requested_span(get("range"), get("if-range"), etag, size)
    except Unsatisfiable:
        return problem(416, "the range lies outside the file", ("content-range", f"bytes */{size}"))
    if not span.whole:
        headers = [*headers, ("content-range", f"bytes {span.start}-{span.start + span.length - 1}/{size}")]
    status = 200 if span.whole else 206
    headers = [*headers, ("content-length", str(span.length))]
    if path is None:
        return Response(status, headers, body if span.whole else body[span.start : span.start + span.length])
    return Response(status, headers, FileBody(path, span.start, span.length, span.whole))
