"""Names of new projects: modules of Python, misread commands and look-alikes are not given away."""

import pytest

from holdfast.core.name_rules import check_new_name, imitated, look_alike_key
from holdfast.core.platform_tags import is_public_platform


def rules(name: str, *alike: str) -> list[str]:
    return [p.rule for p in check_new_name(name, alike)]


@pytest.mark.parametrize("name", ["json", "tomllib", "urllib2", "stringio", "distutils", "audioop", "test"])
def test_modules_of_any_python_are_not_given_away(name):
    assert rules(name) == ["is a module of Python's standard library"]


@pytest.mark.parametrize("name", ["requirements-txt", "setup-py", "package-name", "con"])
def test_what_people_install_by_mistake_is_not_given_away(name):
    assert rules(name) == ["is what people install by mistake, and is not given away"]


def test_a_look_alike_is_told_with_the_name_it_looks_like():
    assert rules("dem0", "demo") == ["can be confused with the project demo of this index"]


def test_names_that_look_alike_have_one_key():
    assert {look_alike_key(n) for n in ("foo-lib", "f00lib", "fo-o-1ib", "foo-iib")} == {"f0011b"}
    assert look_alike_key("demo") != look_alike_key("demos")


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("reequests", "requests"),
        ("requsts", "requests"),
        ("reqeusts", "requests"),
        ("requesta", "requests"),
        ("dateutil-python", "python-dateutil"),
        ("requests", ""),
        ("acme-tools", ""),
        ("six", ""),
    ],
)
def test_one_slip_away_from_a_popular_name(name, known):
    assert imitated(name) == known
    assert rules(name) == [], "it is held, and not refused"


def test_the_public_platform_tags():
    fine = "any win_amd64 manylinux1_x86_64 manylinux_2_28_riscv64 musllinux_1_2_aarch64 macosx_11_0_arm64".split()
    assert [tag for tag in fine if not is_public_platform(tag)] == []
    bad = ["linux_x86_64", "macosx_11_3_arm64", "manylinux_2_\u0661_x86_64", "any\n", "solaris", "manylinux1_aarch64"]
    assert [tag for tag in bad if is_public_platform(tag)] == []
