"""Form, filename and the file's own metadata must tell of one project and one version. The file is the truth."""

from collections.abc import Iterator

from packaging.version import Version

from holdfast.control.uploads.multipart import Form
from holdfast.control.uploads.rules import Profile
from holdfast.control.uploads.steps_filename import DistributionName
from holdfast.core.archive import ArchiveFacts
from holdfast.core.core_metadata import CoreMetadata
from holdfast.core.metadata_rules import is_version
from holdfast.core.names import is_project_name, normalize
from holdfast.core.upload_problems import Problem, problem

_STEP = "Build the file again, and upload it under the name it was built with."


def check_form_name(form: Form, parsed: DistributionName) -> Iterator[Problem]:
    """The form's project is the filename's."""
    raw = form.one("name")
    if not raw:
        return
    if not is_project_name(raw):
        yield problem("name", raw, "is not a legal project name", "Use ASCII letters, digits, '-', '_' and '.'.")
    elif normalize(raw) != parsed.name:
        yield problem("name", raw, f"is not the project of the filename ({parsed.name})", _STEP)


def check_form_version(form: Form, parsed: DistributionName) -> Iterator[Problem]:
    """The form's version is the filename's, as PEP 440 compares."""
    raw = form.one("version")
    if not raw:
        return
    if not is_version(raw):
        yield problem("version", raw, "is not a PEP 440 version", "Use a form like 1.0, 1.0rc1 or 1.0.post1.")
    elif Version(raw) != parsed.version:
        yield problem("version", raw, f"is not the version of the filename ({parsed.version})", _STEP)


def check_metadata_name(metadata: CoreMetadata, parsed: DistributionName) -> Iterator[Problem]:
    """The metadata inside the file names the filename's project. An illegal name was told by its own rule."""
    if is_project_name(metadata.name) and normalize(metadata.name) != parsed.name:
        rule = f"inside the file is not the project of the filename ({parsed.name})"
        yield problem("name", metadata.name, rule, _STEP)


def check_metadata_version(metadata: CoreMetadata, parsed: DistributionName) -> Iterator[Problem]:
    """And its version."""
    if is_version(metadata.version) and Version(metadata.version) != parsed.version:
        rule = f"inside the file is not the version of the filename ({parsed.version})"
        yield problem("version", metadata.version, rule, _STEP)


def check_sdist_name(metadata: CoreMetadata, parsed: DistributionName, profile: Profile) -> Iterator[Problem]:
    """Where the profile asks for it an sdist has one filename only; 1.0 and 1.0.0 would be two (PEP 625)."""
    if not profile.exact_sdist_names or parsed.packagetype != "sdist" or not is_version(metadata.version):
        return
    expected = f"{parsed.name.replace('-', '_')}-{Version(metadata.version)}"
    if Version(metadata.version) == parsed.version and parsed.filename != f"{expected}.tar.gz":
        yield problem("filename", parsed.filename, f"is not {expected}.tar.gz, as its PKG-INFO has it", _STEP)


def check_licence_files(metadata: CoreMetadata, facts: ArchiveFacts) -> Iterator[Problem]:
    """Each License-File is in the archive, where PEP 639 puts it; older metadata had no place for them."""
    if not is_with_licence_files(metadata.metadata_version):
        return
    folder = f"{facts.top}/licenses" if facts.kind == "wheel" else facts.top
    for name in metadata.license_files:
        if f"{folder}/{name}" not in facts.names:
            yield problem("license_file", name, f"is not in the archive below {folder}", "Build the file again.")


def is_with_licence_files(metadata_version: str) -> bool:
    """True from metadata 2.4 on."""
    return metadata_version in ("2.4", "2.5")
