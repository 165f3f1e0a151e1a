"""Headers of every document the read plane gives out: freshness, surrogate keys and entity tags, stated once each."""

from holdfast.core.negotiation import Encoding, Media
from holdfast.read.answers import NOSNIFF
from holdfast.wire.messages import Headers

SANDBOX: Headers = [
    ("content-security-policy", "sandbox allow-top-navigation; default-src 'none'; frame-ancestors 'none'"),
    ("x-frame-options", "DENY"),
]
_CORS: Headers = [("access-control-allow-origin", "*"), ("access-control-expose-headers", "X-PyPI-Last-Serial")]
_SHAPES = {Media.JSON: "json", Media.HTML_V1: "html", Media.TEXT_HTML: "text"}
FILE_SECONDS = 31_536_000

HIT, MISS, STALE = "hit", "fwd=miss", "hit; detail=stale"


def page_headers(
    media: Media, encoding: Encoding, stem: str, serial: int, surrogate: str, *, private: bool, cache: str
) -> Headers:
    """Headers of a Simple API page. `stem` identifies its content; the tag adds the representation to it.

    `no-cache` for clients: pip 26.2 and uv obey max-age and would hide an upload from its own author.
    """
    suffix = f"-{encoding}" if encoding else ""
    headers = [
        ("content-type", media.value),
        ("etag", f'"{stem}-{_SHAPES[media]}{suffix}"'),
        *_freshness(private=private),
        ("vary", "Accept, Accept-Encoding"),
        ("x-pypi-last-serial", str(serial)),
        ("surrogate-key", surrogate),
        ("cache-status", f"holdfast; {cache}"),
        NOSNIFF,
        *_CORS,
    ]
    if encoding:
        headers.append(("content-encoding", encoding))
    if not media.is_json:
        headers += SANDBOX
    return headers


def json_headers(encoding: Encoding, stem: str, serial: int, surrogate: str, *, private: bool, cache: str) -> Headers:
    """Headers of a legacy JSON document."""
    suffix = f"-{encoding}" if encoding else ""
    headers = [
        ("content-type", "application/json"),
        ("etag", f'"{stem}{suffix}"'),
        *_freshness(private=private),
        ("vary", "Accept-Encoding"),
        ("x-pypi-last-serial", str(serial)),
        ("surrogate-key", surrogate),
        ("cache-status", f"holdfast; {cache}"),
        NOSNIFF,
        *_CORS,
    ]
    if encoding:
        headers.append(("content-encoding", encoding))
    return headers


def provenance_headers(media_type: str, etag: str, surrogate: str, *, private: bool, cache: str) -> Headers:
    """Headers of a file's provenance. Its address says nothing of its bytes, so it is asked for again like a page."""
    return [
        ("content-type", media_type),
        ("etag", f'"{etag}"'),
        *_freshness(private=private),
        ("surrogate-key", surrogate),
        ("cache-status", f"holdfast; {cache}"),
        NOSNIFF,
        *_CORS,
    ]


def file_headers(etag: str, surrogate: str, *, metadata: bool, private: bool, cache: str) -> Headers:
    """Headers of a file or of its core metadata: content-addressed, so for ever. Never a Content-Encoding."""
    scope = "private" if private else "public"
    headers = [
        ("content-type", "text/plain; charset=utf-8" if metadata else "application/octet-stream"),
        ("etag", f'"{etag}"'),
        ("cache-control", f"{scope}, max-age={FILE_SECONDS}, immutable"),
        ("accept-ranges", "bytes"),
        ("surrogate-key", surrogate),
        ("cache-status", f"holdfast; {cache}"),
        NOSNIFF,
    ]
    if private:
        headers.append(("cdn-cache-control", "no-store"))
    return headers


def with_cache_status(headers: Headers, cache: str) -> Headers:
    """The same headers with another Cache-Status."""
    return [(name, f"holdfast; {cache}") if name == "cache-status" else (name, value) for name, value in headers]


def _freshness(*, private: bool) -> Headers:
    if private:
        return [("cache-control", "private, no-cache"), ("cdn-cache-control", "no-store")]
    return [("cache-control", "no-cache")]


def project_key(index: str, name: str) -> str:
    """The surrogate key that purges everything about a project."""
    return f"project/{index}/{name}"


def list_key(index: str) -> str:
    """The surrogate key of an index's project list."""
    return f"list/{index}"
