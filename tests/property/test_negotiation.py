"""Negotiation has an answer for every header, and never one the client excluded while another was acceptable."""

from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.negotiation import Media, choose, choose_encoding

PARTS = st.sampled_from(
    [
        "application/vnd.pypi.simple.v1+json",
        "application/vnd.pypi.simple.latest+json",
        "application/vnd.pypi.simple.v1+html",
        "text/html",
        "text/*",
        "application/*",
        "*/*",
        "image/png",
        "gzip",
        "zstd",
        "identity",
        "*",
        "",
    ]
)
WEIGHTS = st.sampled_from(["", ";q=0", ";q=0.5", "; q=1", ";q=1.000", ";q=x", ";a=b;q=0.1"])
LIKELY = st.lists(st.tuples(PARTS, WEIGHTS).map("".join), max_size=6).map(",".join)
HEADERS = st.one_of(st.none(), st.text(), LIKELY)


@given(HEADERS, st.one_of(st.none(), st.text(), PARTS))
def test_every_header_has_an_answer(accept, query_format):
    assert choose(accept, query_format) in Media
    assert choose_encoding(accept) in ("", "gzip", "zstd")


@given(HEADERS)
def test_the_answer_is_the_same_each_time(accept):
    assert choose(accept) is choose(accept)
    assert choose_encoding(accept) == choose_encoding(accept)


@given(LIKELY)
def test_a_type_that_was_excluded_is_not_chosen_while_json_is_welcome(accept):
    header = f"application/vnd.pypi.simple.v1+json, text/html;q=0, {accept.replace('text/html', 'image/png')}"

    assert choose(header) is not Media.TEXT_HTML


@given(LIKELY)
def test_an_encoding_is_only_used_when_the_client_named_it_or_a_star(accept):
    chosen = choose_encoding(accept)

    assert chosen in accept or "*" in accept
