"""A token survives every way it is sent, and no slip of the pen makes another one."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.tokens import credentials_from, mint, parse

BYTES = st.binary(min_size=48, max_size=48)
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"


def minted(data: bytes):
    """A token made of these random bytes: 16 for the id, 32 for the secret."""
    parts = {16: data[:16], 32: data[16:]}
    return mint(parts.__getitem__)


@given(BYTES)
def test_a_minted_token_parses_to_its_id_and_digest(data):
    token = minted(data)
    found = parse(token.text)

    assert found is not None
    assert (found.id, found.digest) == (token.id, token.digest)


@given(BYTES, st.integers(0, 71), st.one_of(st.sampled_from(LETTERS), st.characters()))
def test_any_one_changed_character_is_caught(data, place, character):
    text = minted(data).text
    changed = text[:place] + character + text[place + 1 :]

    assert (parse(changed) is None) == (changed != text)


@given(BYTES, st.integers(0, 70))
def test_two_swapped_neighbours_are_caught(data, place):
    text = minted(data).text
    swapped = text[:place] + text[place + 1] + text[place] + text[place + 2 :]

    assert (parse(swapped) is None) == (swapped != text)


@given(BYTES, st.text(st.characters(blacklist_characters=":", codec="utf-8"), max_size=30))
def test_a_token_is_read_back_whatever_the_user_name(data, user):
    text = minted(data).text
    header = "Basic " + base64.b64encode(f"{user}:{text}".encode()).decode()

    assert credentials_from(header) == text


@given(st.one_of(st.text(), st.binary().map(lambda b: "Basic " + base64.b64encode(b).decode())))
def test_no_header_raises_and_what_comes_back_is_plain_text(header):
    found = credentials_from(header)

    assert found is None or (found.isascii() and found.isprintable() and parse(found) is None)
