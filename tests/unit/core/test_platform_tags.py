"""The platform tags of the public list."""

import pytest

from holdfast.core.platform_tags import is_public_platform


@pytest.mark.parametrize(
    "tag",
    [
        *("any", "win32", "win_amd64", "win_arm64", "linux_armv7l", "manylinux1_x86_64", "manylinux2014_aarch64"),
        *("manylinux_2_28_x86_64", "musllinux_1_2_riscv64", "macosx_10_9_universal2", "macosx_11_0_arm64"),
        *("macosx_26_0_arm64", "ios_13_0_arm64_iphoneos", "android_21_arm64_v8a", "pyodide_2024_0_wasm32"),
    ],
)
def test_tags_that_installers_understand_are_taken(tag: str):
    assert is_public_platform(tag)


@pytest.mark.parametrize(
    "tag",
    [
        *(
            "",
            "linux_x86_64",
            "win_amd64 ",
            "WIN32",
            "manylinux_2_28_sparc",
            "manylinux2010_aarch64",
            "macosx_12_3_arm64",
        ),
        *(
            "macosx_16_0_arm64",
            "manylinux_\u0662_28_x86_64",
            "any.win32",
            "manylinux_2_28_x86_64\n",
            "freebsd_14_amd64",
        ),
    ],
)
def test_other_tags_are_not(tag: str):
    assert not is_public_platform(tag)
