"""Steps over the form alone, each by itself."""

import hashlib

import pytest
import wheels
from control.judging import WHEEL, content, form, run, told

from holdfast.control.uploads import steps_form
from holdfast.control.uploads.multipart import Form


def rules(problems) -> list[tuple[str, str, str]]:
    found = list(problems)
    assert all(one.step.endswith(".") for one in found), "each says what to do next"
    return [(one.field, one.value, one.rule) for one in found]


@pytest.mark.parametrize(
    ("action", "query", "expected"),
    [
        ("file_upload", {}, []),
        ("", {":action": "file_upload"}, []),
        ("file_upload", {":action": "file_upload"}, []),
        ("", {}, [(":action", "", "is not file_upload")]),
        ("submit", {}, [(":action", "submit", "is not file_upload")]),
        ("file_upload", {":action": "submit"}, [(":action", "file_upload", "is not file_upload")]),
    ],
)
def test_the_action_is_file_upload_in_form_or_query(action, query, expected):
    assert expected == rules(steps_form.check_action(form(action=action), query))


@pytest.mark.parametrize(
    ("version", "query", "count"), [("1", {}, 0), ("", {}, 0), ("2", {}, 1), ("", {"protocol_version": "2"}, 1)]
)
def test_the_protocol_version_is_1(version, query, count):
    assert count == len(rules(steps_form.check_protocol_version(form(protocol_version=version), query)))


@pytest.mark.parametrize("field", steps_form.SINGLE_FIELDS)
def test_a_field_that_decides_something_is_sent_once(field):
    twice = Form({field: ("a", "b")}, None)

    assert [(field, "b", "was sent 2 times")] == rules(steps_form.check_repeated_fields(twice))


def test_fields_of_many_values_may_be_sent_as_often_as_they_have_values():
    assert [] == rules(steps_form.check_repeated_fields(Form({"classifiers": ("a", "b")}, None)))


@pytest.mark.parametrize(
    ("filetype", "filename", "expected"),
    [
        ("bdist_wheel", "demo-1.0-py3-none-any.whl", []),
        ("sdist", "demo-1.0.tar.gz", []),
        ("sdist", "demo-1.0.zip", []),
        ("", "demo-1.0.zip", []),
        ("bdist_egg", "demo-1.0.zip", ["is not accepted"]),
        ("sdist", "demo-1.0-py3-none-any.whl", ["does not fit the filename"]),
        ("bdist_wheel", "demo-1.0.tar.gz", ["does not fit the filename"]),
    ],
)
def test_the_kind_is_one_of_two_and_the_filenames(filetype, filename, expected):
    found = rules(steps_form.check_filetype(form(filetype=filetype), content(filename)))

    assert expected == [rule for _, _, rule in found]


@pytest.mark.parametrize(
    ("size", "expected"), [(1, []), (10, []), (11, ["is larger than 10 bytes"]), (0, ["is empty"])]
)
def test_a_file_has_bytes_and_no_more_than_the_index_takes(size, expected):
    found = rules(steps_form.check_size(content(data=b"x" * size), 10))

    assert expected == [rule for _, _, rule in found]


DIGESTS = {
    "sha256_digest": hashlib.sha256(b"x").hexdigest(),
    "blake2_256_digest": hashlib.blake2b(b"x", digest_size=32).hexdigest(),
    "md5_digest": hashlib.md5(b"x", usedforsecurity=False).hexdigest(),
}
SENT = content(sha256=DIGESTS["sha256_digest"], blake2b_256=DIGESTS["blake2_256_digest"], md5=DIGESTS["md5_digest"])


@pytest.mark.parametrize("field", DIGESTS)
def test_every_digest_that_is_given_is_compared_with_the_bytes(field):
    right = DIGESTS[field]

    assert [] == rules(steps_form.check_digests(form(**{field: right}), SENT))
    assert [] == rules(steps_form.check_digests(form(**{field: right.upper()}), SENT))
    for given, rule in [("0" * len(right), "is not the digest of the bytes"), (right[:-1], "is not a digest in hex")]:
        [(name, _, said)] = rules(steps_form.check_digests(form(**{field: given}), SENT))
        assert (name, True) == (field, said.startswith(rule))


@pytest.mark.parametrize("field", ["name", "version", "pyversion", "filetype", "md5_digest", "comment", "author"])
def test_unknown_is_what_distutils_sent_for_nothing(tmp_path, field):
    assert [] == told(run(tmp_path, wheels.twine_body(*WHEEL, **{field: "UNKNOWN"})))


def test_a_comment_is_taken_and_ignored(tmp_path):
    judged = run(tmp_path, wheels.twine_body(*WHEEL, comment="<b>the best wheel</b>"))

    assert [] == told(judged)
