"""Whole, partial and unsatisfiable answers for bytes that are at hand."""

from pathlib import Path

from holdfast.read.answers import problem
from holdfast.read.arriving import Arriving
from holdfast.read.conditions import Span, Unsatisfiable, requested_span
from holdfast.wire.messages import FileBody, Headers, Request, Response, StreamBody


def bytes_answer(request: Request, headers: Headers, etag: str, body: bytes) -> Response:
    """200, 206 or 416 for a body in memory."""
    return _answer(request, headers, etag, len(body), body)


def file_answer(request: Request, headers: Headers, etag: str, path: Path, size: int) -> Response:
    """200, 206 or 416 for a local file."""
    return _answer(request, headers, etag, size, path)


def arriving_answer(request: Request, headers: Headers, etag: str, file: Arriving) -> Response:
    """200, 206 or 416 for a file that is read from a remote store while it is sent."""
    return _answer(request, headers, etag, file.size, file)


def _answer(request: Request, headers: Headers, etag: str, size: int, source: bytes | Path | Arriving) -> Response:
    get = request.headers.get
    try:
        span = requested_span(get("range"), get("if-range"), etag, size)
    except Unsatisfiable:
        return problem(416, "the range lies outside the file", ("content-range", f"bytes */{size}"))
    if not span.whole:
        headers = [*headers, ("content-range", f"bytes {span.start}-{span.start + span.length - 1}/{size}")]
    status = 200 if span.whole else 206
    headers = [*headers, ("content-length", str(span.length))]
    return Response(status, headers, _body(request, source, span))


def _body(request: Request, source: bytes | Path | Arriving, span: Span) -> bytes | FileBody | StreamBody:
    if isinstance(source, Path):
        return FileBody(source, span.start, span.length, span.whole)
    if isinstance(source, bytes):
        return source if span.whole else source[span.start : span.start + span.length]
    if request.method == "HEAD":
        return b""
    return StreamBody(source.chunks() if span.whole else source.part(span.start, span.length))
