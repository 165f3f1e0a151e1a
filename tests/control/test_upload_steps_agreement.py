"""Form, filename and the file's own metadata tell of one project and one version."""

import pytest
import wheels
from control.judging import SDIST, form, run, told

from holdfast.control.uploads import steps_agreement as agreement
from holdfast.control.uploads.rules import PRIVATE, PUBLIC
from holdfast.control.uploads.steps_filename import DistributionName, read_filename

PARSED = read_filename("demo_pkg-1.0.tar.gz", PRIVATE).parsed
assert isinstance(PARSED, DistributionName)


@pytest.mark.parametrize("name", ["", "demo-pkg", "Demo.Pkg", "demo__pkg"])
def test_any_spelling_of_the_name_agrees(name):
    assert [] == list(agreement.check_form_name(form(name=name), PARSED))


@pytest.mark.parametrize(
    ("name", "rule"),
    [("other", "is not the project of the filename (demo-pkg)"), ("d\u00e9mo", "is not a legal project name")],
)
def test_another_name_in_the_form_is_told(name, rule):
    assert [rule] == [problem.rule for problem in agreement.check_form_name(form(name=name), PARSED)]


@pytest.mark.parametrize("version", ["", "1.0", "1", "1.0.0", "v1.0"])
def test_any_spelling_of_the_version_agrees(version):
    assert [] == list(agreement.check_form_version(form(version=version), PARSED))


@pytest.mark.parametrize(
    ("version", "rule"),
    [("1.0.post1", "is not the version of the filename (1.0)"), ("one", "is not a PEP 440 version")],
)
def test_another_version_in_the_form_is_told(version, rule):
    assert [rule] == [problem.rule for problem in agreement.check_form_version(form(version=version), PARSED)]


def test_metadata_of_another_project_or_version_is_refused(tmp_path):
    _, data = wheels.wheel("demo", "1.0", change={"{info}/METADATA": wheels.metadata_text("evil", "2.0")})

    judged = run(tmp_path, wheels.encode([(":action", "file_upload")], "demo-1.0-py3-none-any.whl", data))

    assert told(judged) == [
        ("name", "inside the file is not the project of the filename (demo)"),
        ("version", "inside the file is not the version of the filename (1.0)"),
    ]


@pytest.mark.parametrize(
    ("filename", "version", "expected"),
    [
        ("demo-1.0.tar.gz", "1.0", None),
        ("demo-1.0.tar.gz", "1.0.0", "demo-1.0.0.tar.gz"),
        ("demo-1.0.0.tar.gz", "1.0", "demo-1.0.tar.gz"),
        ("demo-1.0rc1.tar.gz", "1.0-rc.1", None),
    ],
)
def test_an_sdist_has_one_filename_under_public_rules(tmp_path, filename, version, expected):
    """Else 1.0 and 1.0.0, which are one version, are two files of the same bytes (PEP 625)."""
    top = filename.removesuffix(".tar.gz")
    data = wheels.tar_bytes({f"{top}/PKG-INFO": wheels.metadata_text("demo", version)})
    body = wheels.twine_body(filename, data)

    assert [] == told(run(tmp_path, body, PRIVATE))
    wanted = [("filename", f"is not {expected}, as its PKG-INFO has it")] if expected else []
    assert wanted == told(run(tmp_path, body, PUBLIC))


@pytest.mark.parametrize("version", ["2.4", "2.5"])
@pytest.mark.parametrize("make", [wheels.wheel, wheels.sdist])
def test_licence_files_are_where_the_specification_puts_them(tmp_path, make, version):
    missing = make("demo", "1.0", metadata={"License-File": "COPYING"}, metadata_version=version)
    folder = "demo-1.0.dist-info/licenses" if make is wheels.wheel else "demo-1.0"

    judged = run(tmp_path, wheels.twine_body(*missing))

    assert [("license_file", f"is not in the archive below {folder}")] == told(judged)


def test_an_sdist_with_its_licence_file_and_one_of_older_metadata_pass(tmp_path):
    there = wheels.sdist("demo", "1.0", metadata={"License-File": "COPYING"}, files={"COPYING": b"x"})
    older = wheels.sdist("demo", "1.1", metadata={"License-File": "COPYING"}, metadata_version="2.1")

    for archive in (there, older, SDIST):
        assert [] == told(run(tmp_path, wheels.twine_body(*archive)))
