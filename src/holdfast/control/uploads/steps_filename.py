"""The filename, strictly: what it says of project, version and kind (PEP 427, PEP 625).

core.filenames forgives, for pages other people wrote; what is published here must be readable in one way only.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from holdfast.control.uploads.multipart import Form
from holdfast.control.uploads.rules import Profile
from holdfast.core.metadata_rules import is_version
from holdfast.core.model import PackageType
from holdfast.core.names import is_filename, is_project_name, normalize
from holdfast.core.platform_tags import is_public_platform
from holdfast.core.upload_problems import Problem, problem
from holdfast.core.wheel_file import is_tag_set

_BUILD = re.compile(r"[0-9][A-Za-z0-9_.]*")  # core.filenames reads it so, too
_NAME_STEP = "Build the file again with a current build tool, and do not rename it."


@dataclass(frozen=True, slots=True)
class DistributionName:
    """What a legal filename says."""

    filename: str
    name: str  # normalised
    version: Version
    packagetype: PackageType
    python_version: str  # "source", or the wheel's python tags as they stand in the filename


@dataclass(frozen=True, slots=True)
class NamedFile:
    """The filename read, None when it cannot be; and what is wrong with it."""

    parsed: DistributionName | None
    problems: tuple[Problem, ...]


def read_filename(filename: str, profile: Profile) -> NamedFile:
    """Read and judge a distribution's filename."""
    if not is_filename(filename) or " " in filename:  # `packaging` would strip blanks around a version
        rule = "is not a legal filename"
        return NamedFile(None, (problem("filename", filename, rule, "Use plain ASCII, no folders, below 240."),))
    if filename.endswith(".whl"):
        return _read_wheel_name(filename, profile)
    if filename.endswith(".tar.gz") or (filename.endswith(".zip") and profile.zip_sdists):
        return _read_sdist_name(filename, profile)
    rule = "is not a kind of file this index takes"
    return NamedFile(None, (problem("filename", filename, rule, "Upload a wheel (.whl) or an sdist (.tar.gz)."),))


def _read_wheel_name(filename: str, profile: Profile) -> NamedFile:
    parts = filename.removesuffix(".whl").split("-")
    try:
        # Before `packaging`, which would multiply ten thousand tags out.
        if not is_tag_set("-".join(parts[-3:])) or (len(parts) == 6 and _BUILD.fullmatch(parts[2]) is None):
            raise InvalidWheelFilename
        name, version, _build, _tags = parse_wheel_filename(filename)
    except InvalidWheelFilename:
        rule = "is not a wheel's filename"
        return NamedFile(None, (problem("filename", filename, rule, "Use name-version-python-abi-platform.whl."),))
    parsed = DistributionName(filename, str(name), version, "bdist_wheel", parts[-3])
    problems = [*check_spelling(filename, parts[0], profile), *check_version_spelling(filename, parts[1], profile)]
    if profile.public_platforms:
        problems += check_platforms(parts[-1])
    return NamedFile(parsed, tuple(problems))


def _read_sdist_name(filename: str, profile: Profile) -> NamedFile:
    try:
        name, version = parse_sdist_filename(filename)
    except InvalidSdistFilename:
        rule = "is not an sdist's filename"
        return NamedFile(None, (problem("filename", filename, rule, "Use name-version.tar.gz."),))
    raw_name, _, raw_version = filename.removesuffix(".tar.gz").removesuffix(".zip").rpartition("-")
    parsed = DistributionName(filename, str(name), version, "sdist", "source")
    problems = [*check_spelling(filename, raw_name, profile), *check_version_spelling(filename, raw_version, profile)]
    return NamedFile(parsed, tuple(problems))


def check_spelling(filename: str, raw_name: str, profile: Profile) -> Iterator[Problem]:
    """The name part is a legal name and, where the profile asks, in the form the standards write it."""
    if not is_project_name(raw_name):
        yield problem("filename", filename, "does not begin with a legal project name", _NAME_STEP)
    elif profile.normalized_filenames and raw_name != normalize(raw_name).replace("-", "_"):
        expected = normalize(raw_name).replace("-", "_")
        yield problem("filename", filename, f"must begin with the normalised name {expected}", _NAME_STEP)


def check_version_spelling(filename: str, raw_version: str, profile: Profile) -> Iterator[Problem]:
    """The version part is a PEP 440 version of bounded length and, where the profile asks, normalised (PEP 625)."""
    version = raw_version.replace("_", "-")
    if not is_version(version):
        yield problem("filename", filename, "does not hold a PEP 440 version", _NAME_STEP)
    elif profile.normalized_filenames and raw_version != str(Version(version)).replace("-", "_"):
        yield problem("filename", filename, f"must hold the normalised version {Version(version)}", _NAME_STEP)


def check_platforms(platforms: str) -> Iterator[Problem]:
    """Every platform tag is one that the public index takes."""
    for tag in platforms.split("."):
        if not is_public_platform(tag):
            yield problem("filename", tag, "is not a platform tag this index takes", "Repair the wheel (auditwheel).")


def check_python_version(form: Form, parsed: DistributionName) -> Iterator[Problem]:
    """`pyversion` is the wheel's python tags in any order, or `source`; leaving it out is fine (flit does)."""
    given = form.one("pyversion")
    if given and set(given.split(".")) != set(parsed.python_version.split(".")):
        yield problem("pyversion", given, f"does not fit the filename ({parsed.python_version})", _NAME_STEP)
