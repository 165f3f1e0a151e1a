"""Tokens: made, recognised, found in a header, and never shown by accident."""

import base64
import hashlib

import pytest

from holdfast.core.tokens import HEADER_CHARS_MAX, credentials_from, digest, mint, parse, same_digest

TOKEN = mint(lambda count: bytes(range(count)))
ZERO = mint(lambda count: b"\0" * count)
FULL = mint(lambda count: b"\xff" * count)


def basic(text: str) -> str:
    """An `Authorization` header of the Basic scheme."""
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_the_form_of_a_token_is_settled():
    """Secret scanners know it, and old tokens must go on parsing: this text may never need to change."""
    assert TOKEN.text == "holdfast_xkEgOGusQGwp_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf_4ezIX2"
    assert len(TOKEN.text) == 72


@pytest.mark.parametrize("token", [TOKEN, ZERO, FULL])
def test_a_minted_token_is_recognised(token):
    found = parse(token.text)

    assert found is not None
    assert (found.id, found.digest) == (token.id, token.digest)


def test_the_digest_is_the_sha256_of_the_whole_text():
    assert TOKEN.digest == digest(TOKEN.text) == hashlib.sha256(TOKEN.text.encode()).hexdigest()


def test_two_tokens_differ_in_id_and_secret():
    one, other = mint(), mint()

    assert one.id != other.id
    assert one.text.split("_")[2] != other.text.split("_")[2]


def test_a_token_shows_neither_secret_nor_digest_when_printed():
    assert repr(TOKEN).count(TOKEN.text) == 0
    assert TOKEN.text.split("_")[2] not in repr(TOKEN)
    assert repr(parse(TOKEN.text)) == f"ParsedToken(id='{TOKEN.id}')"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "holdfast_",
        TOKEN.text[:-1],
        TOKEN.text + "a",
        TOKEN.text + "\n",
        " " + TOKEN.text,
        TOKEN.text.replace("holdfast_", "Holdfast_"),
        TOKEN.text.removeprefix("holdfast_"),
        TOKEN.text.swapcase(),
        TOKEN.text[:-3] + "\u0661" * 3,
        "é" * 72,
        "holdfast_" + "0" * 1_000_000,
    ],
)
def test_anything_else_is_no_token(text):
    assert parse(text) is None


@pytest.mark.parametrize(
    "header",
    [
        basic(f"__token__:{TOKEN.text}"),
        basic(f"alice:{TOKEN.text}"),
        basic(f":{TOKEN.text}"),
        basic(f"{TOKEN.text}:"),
        basic(TOKEN.text),
        basic(f"__token__: {TOKEN.text}\n"),  # pasted with its line end
        basic(f"naïve:{TOKEN.text}"),
        basic(f"a:{TOKEN.text}").replace("Basic", "bAsIc"),
        f"Bearer {TOKEN.text}",
        f"bearer   {TOKEN.text}  ",
        f"token {TOKEN.text}",
    ],
)
def test_each_way_clients_send_a_token_is_read(header):
    assert credentials_from(header) == TOKEN.text


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (basic("alice:hunter2"), "hunter2"),
        (basic("alice:with:colon"), "with:colon"),
        ("Bearer abc", "abc"),
    ],
)
def test_other_secrets_come_back_as_they_are(header, expected):
    """They are no tokens; the answer to them must be the same 401, not a different one."""
    assert credentials_from(header) == expected


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic !!!",
        "Basic YQ",  # no padding
        "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
        basic("alice:"),
        basic("alice"),
        basic(""),
        basic("a:pä"),
        basic("a:x\x00y"),
        "Bearer",
        "Bearer ",
        "Bearer pä",
        "Digest username=x",
        TOKEN.text,
        "Bearer " + "a" * HEADER_CHARS_MAX,
        basic("u" * HEADER_CHARS_MAX + ":" + TOKEN.text),
    ],
)
def test_a_header_without_a_possible_token_is_none(header):
    assert credentials_from(header) is None


def test_digests_compare_equal_only_when_they_are():
    assert same_digest(TOKEN.digest, digest(TOKEN.text))
    assert not same_digest(TOKEN.digest, ZERO.digest)
    assert not same_digest(TOKEN.digest, "")
    assert not same_digest("é", TOKEN.digest)
