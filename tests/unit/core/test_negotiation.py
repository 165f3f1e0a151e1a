"""Which representation each client gets: the headers are those the clients really send."""

import pytest

from holdfast.core.negotiation import HEADER_CHARS_MAX, Media, choose, choose_encoding

JSON, HTML, TEXT = Media.JSON, Media.HTML_V1, Media.TEXT_HTML
V1_JSON = "application/vnd.pypi.simple.v1+json"
V1_HTML = "application/vnd.pypi.simple.v1+html"

CLIENTS = [
    ("pip, pdm, renovate", f"{V1_JSON}, {V1_HTML}; q=0.1, text/html; q=0.01", JSON),
    ("uv, pixi, dependabot", f"{V1_JSON}, {V1_HTML};q=0.2, text/html;q=0.01", JSON),
    ("poetry", f"{V1_JSON}, */*;q=0.1", JSON),
    ("dependabot without JSON", "text/html", TEXT),
    ("bandersnatch", V1_JSON, JSON),
    ("pypi-simple", f"{V1_JSON}, {V1_HTML}, text/html;q=0.01", JSON),
    ("pip before 22.2", "text/html", TEXT),
    ("curl, requests, old setuptools", "*/*", TEXT),
    ("easy_install", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", TEXT),
    ("Firefox", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", TEXT),
    ("Java's URLConnection", "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", TEXT),
    ("uv publish", "application/json;q=0.9, text/plain;q=0.8, text/html;q=0.7", TEXT),
    ("a script", "application/json", TEXT),
]


@pytest.mark.parametrize(("accept", "expected"), [c[1:] for c in CLIENTS], ids=[c[0] for c in CLIENTS])
def test_each_client_gets_what_it_reads_best(accept, expected):
    assert choose(accept) is expected


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, TEXT),
        ("", TEXT),
        (" , ,;;, ", TEXT),
        # nothing acceptable: a labelled default, no 406
        ("image/png", TEXT),
        ("application/vnd.pypi.simple.v2+json", TEXT),
        ("text/html;q=0", TEXT),
        (f"{V1_JSON};q=0", TEXT),
        # the aliases
        ("application/vnd.pypi.simple.latest+json", JSON),
        ("application/vnd.pypi.simple.latest+html", HTML),
        (f"application/vnd.pypi.simple.latest+json;q=0.1, {V1_HTML};q=0.2", HTML),
        (f"application/vnd.pypi.simple.latest+json;q=0.9, {V1_JSON};q=0.1, text/html;q=0.5", JSON),
        # weights
        (f"{V1_JSON};q=0.1, {V1_HTML};q=0.2, text/html;q=0.3", TEXT),
        (f"{V1_JSON};q=0.1, {V1_HTML};q=0.3, text/html;q=0.2", HTML),
        (f"{V1_JSON};q=0.001, text/html;q=0.002", TEXT),
        (f"{V1_JSON};q=1.000, text/html;q=0.999", JSON),
        (f"{V1_JSON} ; Q = 0.1 , text/html;q=0.2", TEXT),
        # equal weights: the client's own order
        (f"text/html, {V1_HTML}, {V1_JSON}", TEXT),
        (f"{V1_JSON}, {V1_HTML}, text/html", JSON),
        (f"{V1_HTML}, text/html", HTML),
        # wildcards, the more specific part first
        ("application/*", JSON),
        ("text/*", TEXT),
        ("*/*;q=0.5, text/*;q=0", JSON),
        (f"*/*, {V1_JSON};q=0.5", TEXT),
        (f"*/*, {V1_JSON}", JSON),
        (f"*/*, text/html;q=0, {V1_JSON};q=0", HTML),
        ("application/*;q=0.4, text/html;q=0.3", JSON),
        ("*/*;q=0", TEXT),
        # spelling
        (V1_JSON.upper(), JSON),
        (f"{V1_JSON}; charset=utf-8", JSON),
        (f"{V1_JSON};charset=utf-8;q=0.1,text/html;q=0.2", TEXT),
        # weights that do not parse: the part was not sent
        (f"{V1_JSON};q=2, text/html;q=0.1", TEXT),
        (f"{V1_JSON};q=, text/html;q=0.1", TEXT),
        (f"{V1_JSON};q=nan, text/html;q=0.1", TEXT),
        (f"{V1_JSON};q=-1, text/html;q=0.1", TEXT),
        (f"{V1_JSON};q=0.1234, text/html;q=0.1", TEXT),
        (f"{V1_JSON};q=1e9", TEXT),
        (f"{V1_JSON};q=\u0660.\u0665, text/html;q=0.1", TEXT),
    ],
)
def test_accept_headers_are_read_as_the_standards_say(accept, expected):
    assert choose(accept) is expected


@pytest.mark.parametrize(
    ("query_format", "expected"),
    [
        (V1_JSON, JSON),
        (V1_HTML, HTML),
        ("text/html", TEXT),
        ("application/vnd.pypi.simple.latest+json", JSON),
        ("application/vnd.pypi.simple.latest+html", HTML),
        # a form decoder reads `+` as a space
        (V1_JSON.replace("+", " "), JSON),
        (f" {V1_JSON.upper()} ", JSON),
    ],
)
def test_a_format_in_the_query_wins_over_any_header(query_format, expected):
    for accept in (None, "text/html", V1_HTML, V1_JSON, "image/png"):
        assert choose(accept, query_format) is expected


@pytest.mark.parametrize("query_format", ["", "json", "application/json", "*/*", "x" * 100_000])
def test_an_unknown_format_in_the_query_is_as_if_it_were_not_there(query_format):
    assert choose(V1_JSON, query_format) is JSON
    assert choose(None, query_format) is TEXT


def test_each_representation_is_labelled_with_its_real_type():
    assert [m.value for m in Media] == [V1_JSON, V1_HTML, "text/html; charset=utf-8"]
    assert [m.is_json for m in Media] == [True, False, False]


@pytest.mark.parametrize(
    ("accept_encoding", "expected"),
    [
        (None, ""),
        ("", ""),
        ("gzip, deflate", "gzip"),  # pip, pinned since 26.3
        ("gzip, deflate, zstd", "zstd"),  # uv
        ("gzip, deflate, br, zstd", "zstd"),  # browsers
        ("gzip, deflate, br", "gzip"),  # httpx
        ("identity", ""),  # pip and uv for files
        ("gzip", "gzip"),
        ("x-gzip", "gzip"),
        ("zstd", "zstd"),
        ("br, deflate", ""),
        ("*", "gzip"),
        ("*;q=0", ""),
        ("gzip;q=0", ""),
        ("gzip;q=0, *", ""),
        ("zstd;q=0, gzip", "gzip"),
        ("zstd;q=0.5, gzip", "gzip"),
        ("zstd;q=0.5, gzip;q=0.5", "zstd"),
        ("gzip;q=1.0, identity; q=0.5, *;q=0", "gzip"),
        ("identity, gzip;q=0.5", ""),
        ("identity;q=0.5, gzip;q=0.5", "gzip"),
        ("identity;q=0", ""),
        ("GZIP", "gzip"),
        ("gzip;q=x", ""),
    ],
)
def test_encodings_follow_the_clients_weights_then_zstd_before_gzip(accept_encoding, expected):
    assert choose_encoding(accept_encoding) == expected


def test_a_header_of_unreasonable_length_counts_as_not_sent():
    padding = ", a/b" * HEADER_CHARS_MAX

    assert choose(V1_JSON + padding) is TEXT
    assert choose_encoding("gzip" + padding) == ""
    assert choose((V1_JSON + padding)[:HEADER_CHARS_MAX]) is JSON
