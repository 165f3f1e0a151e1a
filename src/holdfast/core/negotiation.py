"""Which representation a client gets: PEP 691's Accept rules and content encodings, as total functions.

Nothing acceptable is answered with `text/html`, labelled as such, never with 406: PEP 691 allows it, the public
index does it, and clients that name odd types (scripts with `application/json`, proxies) go on working. Among types
a client names itself with equal weight the first one wins; for `*/*` HTML wins, since old clients and browsers send
that; a named type beats a wildcard of the same weight.
Headers beyond a length, and parts that do not parse, count as not sent.
"""

import re
from enum import Enum
from functools import lru_cache
from typing import Literal

Encoding = Literal["", "gzip", "zstd"]

HEADER_CHARS_MAX = 1024  # browsers send below 300, pip 110


class Media(Enum):
    """The three representations of a Simple API page; the value is what `Content-Type` says."""

    JSON = "application/vnd.pypi.simple.v1+json"
    HTML_V1 = "application/vnd.pypi.simple.v1+html"
    TEXT_HTML = "text/html; charset=utf-8"

    @property
    def is_json(self) -> bool:
        return self is Media.JSON


_TYPES = {
    "application/vnd.pypi.simple.v1+json": Media.JSON,
    "application/vnd.pypi.simple.latest+json": Media.JSON,
    "application/vnd.pypi.simple.v1+html": Media.HTML_V1,
    "application/vnd.pypi.simple.latest+html": Media.HTML_V1,
    "text/html": Media.TEXT_HTML,
}
_RANGES = {
    "*/*": (Media.TEXT_HTML, Media.JSON, Media.HTML_V1),
    "application/*": (Media.JSON, Media.HTML_V1),
    "text/*": (Media.TEXT_HTML,),
}
_WEIGHT = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")  # RFC 9110 section 12.4.2


def choose(accept: str | None, query_format: str | None = None) -> Media:
    """The representation for an `Accept` header (None = not sent) and a decoded `?format=` value, which wins."""
    if query_format is not None:
        # A form decoder turns the `+` of the media type into a space.
        named = _TYPES.get(query_format[:100].strip().replace(" ", "+").lower())
        if named is not None:
            return named
    if accept is None or len(accept) > HEADER_CHARS_MAX:
        return Media.TEXT_HTML
    return _choose(accept)


def choose_encoding(accept_encoding: str | None) -> Encoding:
    """The content encoding for an `Accept-Encoding` header; "" = as it is. zstd before gzip at equal weight.

    A client that sends no header may be anything, so it gets plain bytes.
    """
    if accept_encoding is None or len(accept_encoding) > HEADER_CHARS_MAX:
        return ""
    return _choose_encoding(accept_encoding)


@lru_cache(maxsize=512)  # a handful of clients make nearly all requests; a hostile mix costs at most 512 KB
def _choose(accept: str) -> Media:
    weights = _weights(accept)
    best = max(Media, key=lambda media: _rank(media, weights))
    return best if _rank(best, weights)[0] > 0 else Media.TEXT_HTML


def _rank(media: Media, weights: dict[str, int]) -> tuple[int, int, int]:
    """Weight, named or not, and preference: the most specific part that covers the type counts (RFC 9110 12.5.1)."""
    named = [(weight, 1, -place) for place, (name, weight) in enumerate(weights.items()) if _TYPES.get(name) is media]
    if named:
        return max(named)
    for pattern in (media.value.split("/")[0] + "/*", "*/*"):
        if pattern in weights:
            return weights[pattern], 0, -_RANGES[pattern].index(media)
    return 0, 0, 0


@lru_cache(maxsize=512)
def _choose_encoding(accept_encoding: str) -> Encoding:
    weights = _weights(accept_encoding)
    if "x-gzip" in weights:
        weights.setdefault("gzip", weights["x-gzip"])  # RFC 9110 section 8.4.1.3
    anything = weights.get("*", 0)
    best: Encoding = ""
    best_weight = weights.get("identity", 0)
    if (gzip := weights.get("gzip", anything)) > 0 and gzip >= best_weight:
        best, best_weight = "gzip", gzip
    # `*` alone never gives zstd: whoever writes it rarely means the newest encoding.
    if (zstd := weights.get("zstd", 0)) > 0 and zstd >= best_weight:
        best = "zstd"
    return best


def _weights(header: str) -> dict[str, int]:
    """Each value of the header in lower case with its weight in thousandths; of repeated values the best counts."""
    weights: dict[str, int] = {}
    for part in header.split(","):
        value, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = _weight(parameters)
        if value and weight is not None:
            weights[value] = max(weight, weights.get(value, 0))
    return weights


def _weight(parameters: list[str]) -> int | None:
    """The `q` parameter in thousandths, 1000 when there is none, None when it does not parse."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            return round(float(value) * 1000) if _WEIGHT.fullmatch(value := value.strip()) else None
    return 1000
