"""Normalisation is done once, at the door: doing it again must change nothing."""

from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.names import is_filename, is_normalized, is_project_name, normalize

NAMES = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,20}[A-Za-z0-9])?", fullmatch=True)


@given(NAMES)
def test_normalising_twice_is_normalising_once(raw):
    name = normalize(raw)

    assert is_project_name(raw)
    assert normalize(name) == name
    assert is_normalized(name)


@given(NAMES, st.sampled_from(["-", "_", ".", "--", "_.-"]))
def test_every_spelling_of_the_separators_is_one_name(raw, separator):
    respelt = separator.join(normalize(raw).split("-")).upper()

    assert normalize(respelt) == normalize(raw)


@given(st.text())
def test_whatever_is_no_name_is_said_to_be_none(raw):
    if is_project_name(raw):
        assert raw.isascii()
        assert raw == raw.strip()
        assert is_normalized(normalize(raw))


@given(st.text())
def test_a_filename_is_one_plain_segment(raw):
    if is_filename(raw):
        assert raw.isascii()
        assert "/" not in raw
        assert raw not in (".", "..")
