"""The filename, strictly: what is refused, what profiles ask besides, and the Python tag that must fit it."""

import pytest
import wheels
from control.judging import WHEEL, form, run, told

from holdfast.control.uploads.rules import PRIVATE, PUBLIC
from holdfast.control.uploads.steps_filename import check_python_version, read_filename

FILENAMES = [
    ("demo_pkg-1.0.exe", "is not a kind of file this index takes"),
    ("demo_pkg-1.0.tar.bz2", "is not a kind of file this index takes"),
    ("../demo_pkg-1.0.tar.gz", "is not a legal filename"),
    ("demo pkg-1.0\x7f.tar.gz", "is not a legal filename"),
    ("démo-1.0.tar.gz", "is not a legal filename"),
    ("demo_pkg.tar.gz", "is not an sdist's filename"),
    ("demo_pkg-one.tar.gz", "is not an sdist's filename"),
    ("demo_pkg-1.0-py3.whl", "is not a wheel's filename"),
    ("demo__pkg-1.0-py3-none-any.whl", "is not a wheel's filename"),
    ("_demo-1.0-py3-none-any.whl", "does not begin with a legal project name"),
]


@pytest.mark.parametrize(("filename", "rule"), FILENAMES)
def test_filenames_outside_the_standard_are_refused(tmp_path, filename, rule):
    judged = run(tmp_path, wheels.encode([(":action", "file_upload")], filename, WHEEL[1]))

    assert ("filename", rule) in told(judged)


def test_a_filename_is_read_into_its_parts():
    parsed = read_filename("demo_pkg-1.0-2-py2.py3-none-any.whl", PUBLIC).parsed

    assert parsed is not None
    assert ("demo-pkg", "1.0", "bdist_wheel", "py2.py3") == (
        parsed.name,
        str(parsed.version),
        parsed.packagetype,
        parsed.python_version,
    )


@pytest.mark.parametrize(
    ("filename", "rule"),
    [
        ("Demo-1.0-py3-none-any.whl", "must begin with the normalised name demo"),
        ("demo.pkg-1.0-py3-none-any.whl", "must begin with the normalised name demo_pkg"),
        ("Demo-1.0.tar.gz", "must begin with the normalised name demo"),
        ("demo-pkg-1.0.tar.gz", "must begin with the normalised name demo_pkg"),
        ("demo-v1.0.tar.gz", "must hold the normalised version 1.0"),
        ("demo-1.0.RC1-py3-none-any.whl", "must hold the normalised version 1.0rc1"),
        ("demo-1.0.zip", "is not a kind of file this index takes"),
        ("demo-1.0-cp311-cp311-linux_x86_64.whl", "is not a platform tag this index takes"),
    ],
)
def test_public_rules_ask_for_the_one_spelling_and_their_platforms(filename, rule):
    assert () == read_filename(filename, PRIVATE).problems
    assert [rule] == [problem.rule for problem in read_filename(filename, PUBLIC).problems]


@pytest.mark.parametrize(
    ("filename", "pyversion", "is_fine"),
    [
        ("demo-1.0-py3-none-any.whl", "py3", True),
        ("demo-1.0-py3-none-any.whl", "", True),
        ("demo-1.0-py2.py3-none-any.whl", "py3.py2", True),
        ("demo-1.0-py3-none-any.whl", "cp311", False),
        ("demo-1.0-py3-none-any.whl", "source", False),
        ("demo-1.0.tar.gz", "source", True),
        ("demo-1.0.tar.gz", "", True),
        ("demo-1.0.tar.gz", "py3", False),
    ],
)
def test_the_python_tag_is_the_wheels_and_source_for_an_sdist(filename, pyversion, is_fine):
    parsed = read_filename(filename, PRIVATE).parsed
    assert parsed is not None

    assert is_fine == (not list(check_python_version(form(pyversion=pyversion), parsed)))
