"""The filename, strictly: what it says of project, version and kind (PEP 427, PEP 625).

core.filenames forgives, for pages other people wrote; what is published here must be readable in one way only.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from holdfast.control.uploads.multipart import Form
from holdfast.control.uploads.rules import Profile
from holdfast.core.model import PackageType
from holdfast.core.names import is_filename, is_project_name, normalize
from holdfast.core.upload_problems import Problem, problem

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
    if not is_filename(filename):
        rule = "is not a legal filename"
        return NamedFile(None, (problem("filename", filename, rule, "Use plain ASCII, no folders, below 240."),))
    if filename.endswith(".whl"):
        return _read_wheel_name(filename, profile)
    if filename.endswith(".tar.gz") or (filename.endswith(".zip") and profile.zip_sdists):
        return _read_sdist_name(filename, profile)
    rule = "is not a kind of file this index takes"
    return NamedFile(None, (problem("filename", filename, rule, "Upload a wheel (.whl) or an sdist (.tar.gz)."),))


def _read_wheel_name(filename: str, profile: Profile) -> NamedFile:
    try:
        name, version, _build, _tags = parse_wheel_filename(filename)
    except InvalidWheelFilename:
        rule = "is not a wheel's filename"
        return NamedFile(None, (problem("filename", filename, rule, "Use name-version-python-abi-platform.whl."),))
    raw_name = filename.split("-", 1)[0]
    python_version = filename.removesuffix(".whl").split("-")[-3]
    parsed = DistributionName(filename, str(name), version, "bdist_wheel", python_version)
    return NamedFile(parsed, tuple(check_spelling(filename, raw_name, profile)))


def _read_sdist_name(filename: str, profile: Profile) -> NamedFile:
    try:
        name, version = parse_sdist_filename(filename)
    except InvalidSdistFilename:
        rule = "is not an sdist's filename"
        return NamedFile(None, (problem("filename", filename, rule, "Use name-version.tar.gz."),))
    raw_name = filename.removesuffix(".tar.gz").removesuffix(".zip").rpartition("-")[0]
    parsed = DistributionName(filename, str(name), version, "sdist", "source")
    return NamedFile(parsed, tuple(check_spelling(filename, raw_name, profile)))


def check_spelling(filename: str, raw_name: str, profile: Profile) -> Iterator[Problem]:
    """The name part is a legal name and, where the profile asks, in the form the standards write it."""
    if not is_project_name(raw_name):
        yield problem("filename", filename, "does not begin with a legal project name", _NAME_STEP)
    elif profile.normalized_filenames and raw_name != normalize(raw_name).replace("-", "_"):
        expected = normalize(raw_name).replace("-", "_")
        yield problem("filename", filename, f"must begin with the normalised name {expected}", _NAME_STEP)


def check_python_version(form: Form, parsed: DistributionName) -> Iterator[Problem]:
    """`pyversion` is the wheel's python tags in any order, or `source`; leaving it out is fine (flit does)."""
    given = form.one("pyversion")
    if given and set(given.split(".")) != set(parsed.python_version.split(".")):
        yield problem("pyversion", given, f"does not fit the filename ({parsed.python_version})", _NAME_STEP)
