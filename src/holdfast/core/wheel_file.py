"""The WHEEL file against the wheel's filename: format version, tags and build (binary distribution format).

Installers choose by the filename and some then believe the WHEEL file: where the two differ, the wheel is two wheels.
"""

import re
from collections.abc import Iterator
from math import prod

from packaging.tags import parse_tag

from holdfast.core.upload_problems import Problem, problem

TAGS_MAX = 200  # of one set; the largest real ones (py2.py3, many platforms) are below 20
_LINES_MAX = 1000
_TAG = re.compile(r"[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*(?:-[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*){2}")
_LINE = re.compile(r"(?P<key>[A-Za-z][A-Za-z0-9-]*):[ \t]*(?P<value>[^\x00-\x08\x0a-\x1f\x7f]*)")
_STEP = "Build the wheel again, or change its tags with `python -m wheel tags`, never by renaming it."


def check_wheel_file(data: bytes, filename: str) -> Iterator[Problem]:
    """Judge the WHEEL file of the wheel whose (legal) name is `filename`."""
    headers = read_headers(data)
    if headers is None:
        yield problem("WHEEL", data[:200], "is not a short list of 'Key: value' lines in UTF-8", _STEP)
        return
    yield from _check_single(headers)
    stem = filename.removesuffix(".whl").split("-")
    yield from _check_tags(headers.get("tag", []), "-".join(stem[-3:]))
    build = stem[2] if len(stem) == 6 else ""
    for value in headers.get("build", []):
        if value != build:
            yield problem("WHEEL Build", value, f"is not the build number of the filename ({build or 'none'})", _STEP)


def read_headers(data: bytes) -> dict[str, list[str]] | None:
    """Values by lower-case key in order, or None where two parsers could read the bytes differently."""
    try:
        lines = data.decode("utf-8").replace("\r\n", "\n").rstrip("\n").split("\n")
    except UnicodeDecodeError:
        return None
    if len(lines) > _LINES_MAX:
        return None
    headers: dict[str, list[str]] = {}
    for line in lines:
        found = _LINE.fullmatch(line)
        if found is None:
            return None
        headers.setdefault(found["key"].lower(), []).append(found["value"].strip())
    return headers


def _check_single(headers: dict[str, list[str]]) -> Iterator[Problem]:
    version, pure = headers.get("wheel-version", []), headers.get("root-is-purelib", [])
    if len(version) != 1 or re.fullmatch(r"1\.[0-9]{1,3}", version[0]) is None:
        yield problem("WHEEL Wheel-Version", ", ".join(version), "is not one version 1.x of the wheel format", _STEP)
    if len(pure) != 1 or pure[0].lower() not in ("true", "false"):
        yield problem("WHEEL Root-Is-Purelib", ", ".join(pure), "is not one true or false", _STEP)


def _check_tags(values: list[str], wanted: str) -> Iterator[Problem]:
    for value in values:
        if not is_tag_set(value):
            yield problem("WHEEL Tag", value, "is not a tag of the form python-abi-platform", _STEP)
            return
    if not is_tag_set(wanted):
        return  # the filename's own check has told
    found = {str(tag) for value in values for tag in parse_tag(value)}
    expected = {str(tag) for tag in parse_tag(wanted)}
    if found != expected:
        differing = sorted(found ^ expected)[0]
        yield problem("WHEEL Tag", differing, f"is not in both the WHEEL file and the filename ({wanted})", _STEP)


def is_tag_set(text: str) -> bool:
    """True for `py2.py3-none-any` and its like in ASCII, standing for at most 200 tags."""
    parts = text.split("-")
    return _TAG.fullmatch(text) is not None and prod(part.count(".") + 1 for part in parts) <= TAGS_MAX
