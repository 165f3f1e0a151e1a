"""The platform tags that the public index takes, as data: those it can say something about to every installer."""

import re

_ARCHITECTURES = "x86_64|i686|aarch64|armv7l|ppc64le|s390x|riscv64"
_TAGS = re.compile(
    r"any|win32|win_amd64|win_arm64|win_ia64"
    r"|manylinux(?:1|2010)_(?:x86_64|i686)"
    r"|manylinux2014_(?:x86_64|i686|aarch64|armv7l|ppc64|ppc64le|s390x)"
    rf"|manylinux_[0-9]{{1,3}}_[0-9]{{1,3}}_(?:{_ARCHITECTURES}|ppc64)"
    rf"|musllinux_[0-9]{{1,3}}_[0-9]{{1,3}}_(?:{_ARCHITECTURES})"
    r"|linux_armv[67]l"
    r"|macosx_(?:10_[0-9]{1,2}|(?:1[1-5]|26)_0)_(?:arm64|fat|fat32|fat64|i386|intel|ppc|ppc64|universal|universal2|x86_64)"
    r"|ios_[0-9]{1,3}_[0-9]{1,3}_(?:arm64|x86_64)_iphone(?:os|simulator)"
    r"|android_[0-9]{1,3}_(?:armeabi_v7a|arm64_v8a|x86|x86_64)"
    r"|pyodide_[0-9]{4}_[0-9]{1,3}_wasm32",
    re.ASCII,
)


def is_public_platform(tag: str) -> bool:
    """True for one platform tag (no dots) of the public index's list."""
    return _TAGS.fullmatch(tag) is not None
