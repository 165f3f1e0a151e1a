"""For which Python and platforms files are wanted, and which of a release's files those are."""

import platform
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from packaging import tags
from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName, default_environment
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

_PYTHON = re.compile(r"3\.(\d{1,2})")
_MANYLINUX = re.compile(r"manylinux_2_(\d{1,2})_(\w+)")
_LEGACY = {"manylinux2014": 17, "manylinux2010": 12, "manylinux1": 5}  # PEP 600: the glibc 2.N each stands for
_LEGACY_TAG = re.compile(r"(manylinux2014|manylinux2010|manylinux1)_(\w+)")
_GLIBC_MIN = 5  # older than the oldest manylinux


@dataclass(frozen=True, slots=True)
class Target:
    """A Python version ("" = the running interpreter's) and platform tags (() = this machine's)."""

    python: str = ""
    platforms: tuple[str, ...] = ()
    everything: bool = False  # every file, whatever it is for

    @property
    def is_this_machine(self) -> bool:
        return not self.python and not self.platforms

    @property
    def all_platforms(self) -> tuple[str, ...]:
        """The platforms with the older ones that each of them also runs, as an installer on it would expand them."""
        return tuple(dict.fromkeys(one for platform_tag in self.platforms for one in _expanded(platform_tag)))

    def tags(self) -> frozenset[tags.Tag]:
        """Every wheel tag an installer there accepts."""
        if self.is_this_machine:
            return frozenset(tags.sys_tags())
        version = (3, int(self.python.partition(".")[2])) if self.python else sys.version_info[:2]
        platforms = list(self.all_platforms) or None
        interpreter = f"cp{version[0]}{version[1]}"
        return frozenset(
            [
                *tags.cpython_tags(version, platforms=platforms),
                *tags.compatible_tags(version, interpreter=interpreter, platforms=platforms),
            ]
        )

    def fits(self, marker: str) -> bool:
        """True unless the marker says the requirement is for another environment. An unreadable one fits."""
        if self.everything or not marker:
            return True
        environment: dict[str, str] = {**_texts(default_environment()), "extra": ""}
        if self.python:
            environment |= {"python_version": self.python, "python_full_version": f"{self.python}.0"}
        try:
            return Marker(marker).evaluate(environment)
        except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName):
            return True

    def __str__(self) -> str:
        if self.everything:
            return "every platform and Python"
        python = self.python or f"{sys.version_info[0]}.{sys.version_info[1]}"
        return f"CPython {python} on {', '.join(self.platforms) or f'{platform.system()} {platform.machine()}'}"


def parse_python(text: str) -> str:
    """`3.12` as it is. Raises ValueError."""
    if _PYTHON.fullmatch(text) is None:
        raise ValueError("a version like 3.12")
    return text


def chosen(filenames: Iterable[str], accepted: frozenset[tags.Tag]) -> tuple[list[str], list[str]]:
    """Of one release's files: the wheels that fit, and the sdists (wanted only when no wheel fits)."""
    wheels: list[str] = []
    sdists: list[str] = []
    for filename in filenames:
        if filename.endswith(".whl"):
            if wheel_tags(filename) & accepted:
                wheels.append(filename)
        elif filename.endswith((".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tar.xz")):
            sdists.append(filename)
    return wheels, sdists


def wheel_tags(filename: str) -> frozenset[tags.Tag]:
    """The tags of a wheel's filename; none for a name no installer reads."""
    try:
        return parse_wheel_filename(filename)[3]
    except InvalidWheelFilename:
        return frozenset()


def _texts(environment: Mapping[str, object]) -> dict[str, str]:
    return {key: str(value) for key, value in environment.items()}


def _expanded(platform_tag: str) -> Iterable[str]:
    legacy = _LEGACY_TAG.fullmatch(platform_tag)
    match = _MANYLINUX.fullmatch(platform_tag)
    if legacy is None and match is None:
        yield platform_tag
        return
    newest, machine = (_LEGACY[legacy[1]], legacy[2]) if legacy else (int(match[1]), match[2]) if match else (0, "")
    for minor in range(newest, _GLIBC_MIN - 1, -1):
        yield f"manylinux_2_{minor}_{machine}"
        yield from (f"{name}_{machine}" for name, glibc in _LEGACY.items() if glibc == minor)
    yield f"linux_{machine}"
