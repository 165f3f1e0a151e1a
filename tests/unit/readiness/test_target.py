"""Which of a release's files an installation on some Python and platform wants."""

import sys

import pytest
from packaging.tags import sys_tags

from holdfast.readiness.target import Target, chosen, parse_python

FILES = [
    "demo-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "demo-1.0-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "demo-1.0-cp312-cp312-manylinux_2_34_x86_64.whl",
    "demo-1.0-cp312-cp312-macosx_11_0_arm64.whl",
    "demo-1.0-cp39-abi3-manylinux1_x86_64.whl",
    "demo-1.0.tar.gz",
]
SDIST = "demo-1.0.tar.gz"


@pytest.mark.parametrize(
    ("python", "platforms", "wheels"),
    [
        ("3.12", ("manylinux_2_28_x86_64",), [FILES[1], FILES[4]]),
        ("3.12", ("manylinux_2_35_x86_64",), [FILES[1], FILES[2], FILES[4]]),
        ("3.12", ("manylinux2010_x86_64",), [FILES[4]]),
        ("3.12", ("macosx_11_0_arm64", "manylinux_2_17_x86_64"), [FILES[1], FILES[3], FILES[4]]),
        ("3.11", ("manylinux2014_x86_64",), [FILES[0], FILES[4]]),
        ("3.12", ("win_amd64",), []),
        ("3.8", ("manylinux_2_28_x86_64",), []),
    ],
)
def test_wheels_are_chosen_by_the_tags_an_installer_there_accepts(python, platforms, wheels):
    assert (wheels, [SDIST]) == chosen(FILES, Target(python, platforms).tags())


def test_the_running_interpreter_is_the_default():
    assert frozenset(sys_tags()) == Target().tags()


def test_a_pure_wheel_fits_everywhere_and_nonsense_nowhere():
    names = ["demo-1.0-py3-none-any.whl", "demo-1.0-py2-none-any.whl", "demo.whl", "demo-1.0.exe"]

    assert (["demo-1.0-py3-none-any.whl"], []) == chosen(names, Target("3.12", ("win_amd64",)).tags())


def test_platforms_are_expanded_to_what_they_also_run():
    expanded = Target("", ("manylinux_2_13_aarch64", "win_arm64")).all_platforms

    assert (
        "manylinux_2_13_aarch64",
        "manylinux_2_12_aarch64",
        "manylinux2010_aarch64",
        "manylinux_2_11_aarch64",
    ) == expanded[:4]
    assert ("linux_aarch64", "win_arm64") == expanded[-2:]


@pytest.mark.parametrize(
    ("marker", "fits"),
    [
        ("", True),
        ("python_version < '3.10'", True),
        ("python_version >= '3.10'", False),
        ("python_full_version >= '3.10.1'", False),
        ("extra == 'x'", False),
        ("not a marker", True),
    ],
)
def test_markers_are_judged_for_the_version_asked(marker, fits):
    assert fits is Target("3.9").fits(marker)
    assert Target("3.9", everything=True).fits(marker)


@pytest.mark.parametrize("text", ["3", "2.7", "3.12.1", "cp312", ""])
def test_a_version_has_two_numbers(text):
    with pytest.raises(ValueError, match="a version like"):
        parse_python(text)


def test_targets_say_what_they_are():
    assert "CPython 3.12 on win_amd64" == str(Target("3.12", ("win_amd64",)))
    assert str(Target()).startswith(f"CPython {sys.version_info[0]}.{sys.version_info[1]} on ")
    assert "every platform and Python" == str(Target(everything=True))
