"""Headers of pages for people and of their assets: freshness, surrogate keys and the security policy, stated once."""

from holdfast.core.negotiation import Encoding
from holdfast.pages.headers import PAGE_HEADERS, policy
from holdfast.wire.messages import Headers

HTML = "text/html; charset=utf-8"
ASSET_SECONDS = 31_536_000
_PICTURES = policy(img_src="'self' https:")  # where the operator lets descriptions load their pictures


def page(encoding: Encoding, tag: str, surrogate: str, *, private: bool, cache: str, pictures: bool) -> Headers:
    """Of a page. `no-cache`: it is kept by whoever likes, and asked for again each time, which a 304 answers."""
    suffix = f"-{encoding}" if encoding else ""
    headers: Headers = [
        ("content-type", HTML),
        ("etag", f'"{tag}{suffix}"'),
        ("cache-control", "private, no-cache" if private else "no-cache"),
        ("vary", "Accept-Encoding"),
        ("surrogate-key", surrogate),
        ("cache-status", f"holdfast; {cache}"),
        *_secure(pictures=pictures),
    ]
    if private:
        headers.append(("cdn-cache-control", "no-store"))
    if encoding:
        headers.append(("content-encoding", encoding))
    return headers


def document(media_type: str, encoding: Encoding, tag: str, surrogate: str, *, private: bool, cache: str) -> Headers:
    """Of a feed: like a page in how long it may be kept, and nothing that a browser would run."""
    told = page(encoding, tag, surrogate, private=private, cache=cache, pictures=False)
    return [(name, media_type if name == "content-type" else value) for name, value in told]


def error(encoding: Encoding) -> Headers:
    """Of an error told as a page, beside what its status asks for."""
    headers: Headers = [("content-type", HTML), ("cache-control", "no-store"), ("vary", "Accept-Encoding")]
    headers += _secure(pictures=False)
    if encoding:
        headers.append(("content-encoding", encoding))
    return headers


def asset(media_type: str, tag: str, encoding: Encoding) -> Headers:
    """Of an asset: its name says what its bytes are, so it is kept for a year and never asked for again."""
    suffix = f"-{encoding}" if encoding else ""
    headers: Headers = [
        ("content-type", media_type),
        ("etag", f'"{tag}{suffix}"'),
        ("cache-control", f"public, max-age={ASSET_SECONDS}, immutable"),
        ("vary", "Accept-Encoding"),
        ("surrogate-key", "assets"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
    ]
    if encoding:
        headers.append(("content-encoding", encoding))
    return headers


def _secure(*, pictures: bool) -> Headers:
    if not pictures:
        return list(PAGE_HEADERS)
    return [(name, _PICTURES if name == "content-security-policy" else value) for name, value in PAGE_HEADERS]
