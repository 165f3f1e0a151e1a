"""The WHEEL file must say of tags, build and format what the filename says."""

import pytest

from holdfast.core.wheel_file import check_wheel_file, is_tag_set

HEAD = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"


@pytest.mark.parametrize(
    ("text", "filename"),
    [
        (HEAD + "Tag: py3-none-any\n", "demo-1.0-py3-none-any.whl"),
        (HEAD + "Tag: py2-none-any\nTag: py3-none-any\n", "demo-1.0-py2.py3-none-any.whl"),
        (HEAD + "Tag: py2.py3-none-any\n", "demo-1.0-py2.py3-none-any.whl"),
        (HEAD + "Generator: any (1.0)\nTag: cp39-abi3-win32\nBuild: 1a\n", "demo-1.0-1a-cp39-abi3-win32.whl"),
        ((HEAD + "Tag: py3-none-any\n").replace("\n", "\r\n"), "demo-1.0-3-py3-none-any.whl"),
    ],
)
def test_what_build_tools_write_is_fine(text, filename):
    assert list(check_wheel_file(text.encode(), filename)) == []


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (HEAD, "WHEEL Tag"),
        (HEAD + "Tag: py2-none-any\n", "WHEEL Tag"),
        (HEAD + "Tag: py3-none-any\nTag: py3-none-win32\n", "WHEEL Tag"),
        (HEAD + "Tag: py3\n", "WHEEL Tag"),
        (HEAD + "Tag: " + ".".join(["a"] * 300) + "-none-any\n", "WHEEL Tag"),
        (HEAD + "Tag: py3-none-any\nBuild: 2\n", "WHEEL Build"),
        ("Root-Is-Purelib: true\nTag: py3-none-any\n", "WHEEL Wheel-Version"),
        (HEAD + "Wheel-Version: 1.0\nTag: py3-none-any\n", "WHEEL Wheel-Version"),
        ("Wheel-Version: 2.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n", "WHEEL Wheel-Version"),
        ("Wheel-Version: \u0661.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n", "WHEEL Wheel-Version"),
        ("Wheel-Version: 1.0\nRoot-Is-Purelib: maybe\nTag: py3-none-any\n", "WHEEL Root-Is-Purelib"),
        (HEAD + "Tag: py3-none-any\n\nTag: py3-none-win32\n", "WHEEL"),
        (HEAD + "Tag: py3-none-any\n folded\n", "WHEEL"),
        ("", "WHEEL"),
        ("x" * 100_000, "WHEEL"),
    ],
)
def test_each_difference_is_told(text, field):
    assert [p.field for p in check_wheel_file(text.encode(), "demo-1.0-py3-none-any.whl")] == [field]


def test_a_tag_set_stands_for_a_bounded_number_of_tags():
    assert is_tag_set("py2.py3-none-any")
    assert not is_tag_set(".".join("abcdefghijklmno") + "-" + ".".join("abcdefghijklmno") + "-any")
    assert not is_tag_set("py\u0663-none-any")
    assert not is_tag_set("py3-none-any\n")
