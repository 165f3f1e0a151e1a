"""The form: read as every tool sends it, refused when it could be read in two ways, in flat memory."""

import hashlib
import io
import random

import pytest
import wheels
from hypothesis import given
from hypothesis import strategies as st

from holdfast.control.uploads.multipart import Form, FormLimits, read_form
from holdfast.core.multipart import MalformedForm

FILENAME, CONTENT = wheels.wheel("demo", "1.0", size=3000)
PART = b'Content-Disposition: form-data; name="%s"\r\n\r\n%s'
FILE = b'Content-Disposition: form-data; name="%s"; filename="%s"\r\n\r\n%s'


def read(folder, content_type: str, body: bytes, limits: FormLimits = FormLimits()) -> Form:  # noqa: B008 - frozen
    return read_form(io.BytesIO(body), content_type, folder, limits)


@pytest.mark.parametrize("tool", sorted(wheels.BODIES))
def test_each_tools_form_is_read(tmp_path, tool):
    form = read(tmp_path, *wheels.BODIES[tool](FILENAME, CONTENT))

    assert form.one(":action") == "file_upload"
    assert form.one("sha256_digest") == hashlib.sha256(CONTENT).hexdigest()
    assert form.content is not None
    assert form.content.filename == FILENAME
    assert form.content.path.read_bytes() == CONTENT
    assert form.content.size == len(CONTENT)
    assert form.content.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert form.content.blake2b_256 == hashlib.blake2b(CONTENT, digest_size=32).hexdigest()
    assert form.content.md5 == hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


def test_a_long_file_has_the_same_digests_as_a_short_one(tmp_path):
    """Beyond some megabytes md5 is computed in a thread of its own."""
    content = random.Random(1).randbytes(6_000_001)

    form = read(tmp_path, *wheels.encode([], FILENAME, content))

    assert form.content is not None
    assert form.content.size == len(content)
    assert form.content.sha256 == hashlib.sha256(content).hexdigest()
    assert form.content.blake2b_256 == hashlib.blake2b(content, digest_size=32).hexdigest()
    assert form.content.md5 == hashlib.md5(content, usedforsecurity=False).hexdigest()


def test_the_file_may_come_before_the_fields_and_fields_may_repeat(tmp_path):
    fields = [("name", "demo"), ("classifiers", "A"), ("classifiers", "B"), ("summary", "")]
    form = read(tmp_path, *wheels.encode(fields, FILENAME, CONTENT, content_first=True))

    assert dict(form.fields) == {"name": ("demo",), "classifiers": ("A", "B"), "summary": ("",)}
    assert form.content is not None
    assert form.content.path.read_bytes() == CONTENT


def test_bytes_that_look_almost_like_the_boundary_stay_content(tmp_path):
    almost = (b"\r\n--" + wheels.BOUNDARY.encode()[:-1] + b"x") * 50 + b"\r\n--"

    form = read(tmp_path, *wheels.encode([], "a.whl", almost))

    assert form.content is not None
    assert form.content.path.read_bytes() == almost


def test_text_that_is_not_utf_8_is_read_as_latin_1(tmp_path):
    form = read(tmp_path, *wheels.join_parts([PART % (b"author", b"Jos\xe9"), PART % (b"summary", "é".encode())]))

    assert form.one("author") == "José"
    assert form.one("summary") == "é"


def test_an_old_signature_part_is_ignored(tmp_path):
    form = read(tmp_path, *wheels.join_parts([FILE % (b"gpg_signature", b"a.asc", b"x"), PART % (b"name", b"demo")]))

    assert dict(form.fields) == {"name": ("demo",)}
    assert form.content is None


GOOD_TYPE, GOOD_BODY = wheels.twine_body(FILENAME, CONTENT)
LINE = b"--" + wheels.BOUNDARY.encode()
MALFORMED = [
    ("multipart/form-data", GOOD_BODY, "must be multipart/form-data"),
    ("application/json", GOOD_BODY, "must be multipart/form-data"),
    (GOOD_TYPE + "; boundary=x", GOOD_BODY, "must be multipart/form-data"),
    ("multipart/form-data; boundary=" + "x" * 71, GOOD_BODY, "must be multipart/form-data"),
    ("multipart/form-data; boundary=other", GOOD_BODY, "does not begin with its boundary"),
    (GOOD_TYPE, b"", "does not begin with its boundary"),
    (GOOD_TYPE, b"preamble\r\n" + GOOD_BODY, "does not begin with its boundary"),
    (GOOD_TYPE, GOOD_BODY + b"epilogue", "Bytes follow the end"),
    (GOOD_TYPE, GOOD_BODY[:-10], "ends before its last boundary"),
    (GOOD_TYPE, GOOD_BODY[: len(GOOD_BODY) // 2], "ends before its last boundary"),
    (GOOD_TYPE, LINE + b"xx", "not followed by a line end"),
    (GOOD_TYPE, LINE + b"\r\nContent-Disposition: form-data", "no proper headers"),
    (GOOD_TYPE, LINE + b"\r\nX: " + b"y" * 9000 + b"\r\n\r\n", "no proper headers"),
    (GOOD_TYPE, wheels.join_parts([b"\r\n\r\nbody"])[1], "malformed or repeated header"),
    (GOOD_TYPE, wheels.join_parts([b"X: y\r\n\r\nbody"])[1], "no plain Content-Disposition"),
    (
        GOOD_TYPE,
        wheels.join_parts([b"Content-Disposition: form-data; name=bare\r\n\r\n"])[1],
        "no plain Content-Disposition",
    ),
    (
        GOOD_TYPE,
        wheels.join_parts([b"Content-Disposition: form-data; name=\"content\"; filename*=utf-8''a.whl\r\n\r\n"])[1],
        "no plain Content-Disposition",
    ),
    (
        GOOD_TYPE,
        wheels.join_parts([b"Content-Transfer-Encoding: base64\r\n" + PART % (b"name", b"eA==")])[1],
        "may not be encoded",
    ),
    (GOOD_TYPE, wheels.join_parts([PART % (b"content", b"x")])[1], "exactly one 'content' part"),
    (
        GOOD_TYPE,
        wheels.join_parts([FILE % (b"content", b"a.whl", b"x"), FILE % (b"content", b"b.whl", b"y")])[1],
        "exactly one 'content' part",
    ),
    (GOOD_TYPE, wheels.join_parts([FILE % (b"name", b"a", b"demo")])[1], "sent as a file"),
    (GOOD_TYPE, wheels.join_parts([PART % ("n\u0430me".encode(), b"demo")])[1], "no plain Content-Disposition"),
    (GOOD_TYPE, wheels.join_parts([PART % (b"n\xe0me", b"demo")])[1], "not UTF-8"),
    (GOOD_TYPE, wheels.join_parts([PART % (b"name\x7f", b"demo")])[1], "no plain Content-Disposition"),
    (
        GOOD_TYPE,
        wheels.join_parts([FILE % (b"content", b"a.whl", b"x"), FILE % (b"name", b"a", b"demo")])[1],
        "sent as a file",
    ),
    (GOOD_TYPE, wheels.join_parts([PART % (b"a", b"x" * 101)])[1], "field is larger than 100 bytes"),
    (GOOD_TYPE, wheels.join_parts([PART % (b"a", b"x" * 99)] * 4)[1], "larger than 300 bytes together"),
    (GOOD_TYPE, wheels.join_parts([PART % (b"a", b"x")] * 31)[1], "more than 30 parts"),
]


@pytest.mark.parametrize(("content_type", "body", "words"), MALFORMED)
def test_a_form_that_is_broken_or_ambiguous_is_refused_and_leaves_no_file(tmp_path, content_type, body, words):
    limits = FormLimits(parts_max=30, field_bytes_max=100, text_bytes_max=300, header_bytes_max=1000)
    with pytest.raises(MalformedForm, match=words):
        read(tmp_path, content_type, body, limits)

    assert list(tmp_path.iterdir()) == []


@given(
    st.lists(st.tuples(st.from_regex(r"[a-z_]{1,20}", fullmatch=True), st.text(max_size=50)), max_size=8), st.binary()
)
def test_what_was_encoded_is_what_is_read(tmp_path_factory, fields, content):
    fields = [(key, value) for key, value in fields if key != "content"]
    folder = tmp_path_factory.mktemp("form")

    form = read(folder, *wheels.encode(fields, "demo.whl", content))

    expected: dict[str, tuple[str, ...]] = {}
    for key, value in fields:
        expected[key] = (*expected.get(key, ()), value)
    assert dict(form.fields) == expected
    assert form.content is not None
    assert form.content.path.read_bytes() == content


@given(st.binary(max_size=300))
def test_any_bytes_after_the_first_boundary_are_read_or_refused(tmp_path_factory, tail):
    folder = tmp_path_factory.mktemp("form")
    try:
        read(folder, GOOD_TYPE, LINE + b"\r\n" + tail)
    except MalformedForm:
        assert list(folder.iterdir()) == []
