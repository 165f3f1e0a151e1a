"""A problem shows its field, the value shortened and made plain, the rule and what to do next."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.upload_problems import SHOWN_CHARS_MAX, problem, shown


def test_a_problem_reads_as_a_sentence():
    told = problem("version", "1..0", "is not a PEP 440 version", "Use a form like 1.0.")

    assert "version '1..0': is not a PEP 440 version. Use a form like 1.0." == told.sentence()


def test_without_a_value_none_is_quoted():
    assert "content: is missing. Send it." == problem("content", "", "is missing", "Send it.").sentence()


def test_a_long_value_shows_how_it_begins_and_ends():
    assert "a" * 30 + " ... " + "z" * 30 == shown("a" * 300 + "z" * 300)


@pytest.mark.parametrize("raw", ["<script>", "a'b", 'a"b', "a&b", "a\\b", "a\nb", "\x00", "\u202e", b"\xff", 7, None])
def test_what_could_do_harm_is_spelt_out(raw):
    assert not set(shown(raw)) & set("<>&\"'\\\n\x00")
    assert shown(raw).isascii()


@given(st.text() | st.binary())
def test_whatever_was_sent_is_short_and_plain(raw):
    assert len(shown(raw)) <= 3 * SHOWN_CHARS_MAX
    assert shown(raw).isascii()
    assert not shown(raw) or shown(raw).isprintable()
