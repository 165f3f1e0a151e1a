"""What filenames tell, from the tidy to the museum pieces that old indexes still list."""

import time

import pytest
from records import plain_file

from holdfast.core.filenames import (
    CANDIDATES_MAX,
    ParsedFilename,
    normalized_version,
    parse_filename,
    project_candidates,
    sort_key,
    version_key,
)
from holdfast.drill.figures import measured


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("demo_pkg-1.0-py3-none-any.whl", ("demo-pkg", "1.0", "py3", "")),
        ("Demo.Pkg-1.0-py2.py3-none-any.whl", ("demo-pkg", "1.0", "py2.py3", "")),
        ("demo-1.0-1-py3-none-any.whl", ("demo", "1.0", "py3", "1")),
        ("demo-1.0-2abc-cp311-abi3-linux_x86_64.whl", ("demo", "1.0", "cp311", "2abc")),
        ("demo-1.0-cp311-abi3-linux_x86_64-cuda.whl", ("demo", "1.0", "cp311", "")),  # a variant label
        ("demo-1.0-7-cp311-abi3-linux_x86_64-cuda.whl", ("demo", "1.0", "cp311", "7")),
        ("demo-1.0.0RC1-py3-none-any.whl", ("demo", "1.0.0rc1", "py3", "")),
        ("demo-1!2.0+Local_1-py3-none-any.whl", ("demo", "1!2.0+local.1", "py3", "")),
        ("demo-1.0_1-py3-none-any.whl", ("demo", "1.0.post1", "py3", "")),
        ("demo-latest-py3-none-any.whl", ("demo", "", "py3", "")),
        ("demo-1.0-py3-none-any.WHL", ("demo", "1.0", "py3", "")),
        ("demo-1.0-py3-none-any.whlx", ("demo", "1.0", "py3", "")),
        ("demo-1.0.whl", ("demo", "1.0", "", "")),
        ("demo.whl", ("demo", "", "", "")),
        (".whl", ("", "", "", "")),
    ],
)
def test_wheels(filename, expected):
    project, version, python, build = expected

    assert parse_filename(filename) == ParsedFilename(project, version, "bdist_wheel", python, build)


@pytest.mark.parametrize(
    ("filename", "project", "version"),
    [
        ("demo_pkg-1.0.tar.gz", "demo-pkg", "1.0"),
        ("Demo-Pkg-1.0.zip", "demo-pkg", "1.0"),
        ("demo-pkg-2-1.0.tar.gz", "demo-pkg-2", "1.0"),
        ("demo-1.0-1.tar.bz2", "demo", "1.0.post1"),
        ("demo-1.0.dev5.tgz", "demo", "1.0.dev5"),
        ("demo-1.0.tar.xz", "demo", "1.0"),
        ("demo-1.0.tar.Z", "demo", "1.0"),
        ("demo-1.0.tar", "demo", "1.0"),
        ("demo-1.0-final-release.tar.gz", "demo", ""),
        ("demo-latest.tar.gz", "demo-latest", ""),
        ("demo.tar.gz", "demo", ""),
        ("-1.0.tar.gz", "", ""),
    ],
)
def test_source_archives_of_unknown_projects(filename, project, version):
    assert parse_filename(filename) == ParsedFilename(project, version, "sdist", "source")


@pytest.mark.parametrize(
    ("filename", "project", "version"),
    [
        ("demo-pkg-1.0.tar.gz", "demo-pkg", "1.0"),
        ("Demo.Pkg-1.0.tar.gz", "demo-pkg", "1.0"),
        ("demo-2-1.0.tar.gz", "demo-2", "1.0"),
        ("demo-2-1.tar.gz", "demo", "2.post1"),
        ("demo-2-1.tar.gz", "demo-2", "1"),
        ("demo--1.0.tar.gz", "demo", "1.0"),
        ("demo-1.0-final-release.tar.gz", "demo", ""),
        ("demo-pkg-latest.tar.gz", "demo-pkg", ""),
        ("odd name.tar.gz", "demo", ""),
    ],
)
def test_the_pages_project_settles_where_the_name_ends(filename, project, version):
    assert parse_filename(filename, project) == ParsedFilename(project, version, "sdist", "source")


def test_a_file_of_another_project_keeps_its_own_name():
    assert parse_filename("other-1.0.tar.gz", "demo").project == "other"
    assert parse_filename("other-1.0-py3-none-any.whl", "demo").project == "other"


def test_a_wheel_with_dashes_in_its_name_is_read_with_the_pages_help():
    assert parse_filename("demo-pkg-1.0-py3-none-any.whl", "demo-pkg") == ParsedFilename(
        "demo-pkg", "1.0", "bdist_wheel", "py3"
    )


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("demo-1.0-py2.7.egg", ("demo", "1.0", "2.7")),
        ("demo_pkg-1.0-py2.7-linux-x86_64.egg", ("demo-pkg", "1.0", "2.7")),
        ("demo-py3-1.0-py2.7.egg", ("demo-py3", "1.0", "2.7")),
        ("demo-1.0.egg", ("demo", "1.0", "")),
        ("demo-1.0.win32.exe", ("demo", "1.0", "any")),
        ("demo-1.0.win32-py2.7.exe", ("demo", "1.0", "2.7")),
        ("demo-1.0.win-amd64-py3.4.msi", ("demo", "1.0", "3.4")),
        ("demo-1.0.linux-x86_64.tar.gz", ("demo", "1.0", "any")),
        ("demo-1.0.macosx-10.9-x86_64.tar.gz", ("demo", "1.0", "any")),
        ("demo-1.0-1.noarch.rpm", ("demo", "", "")),
        ("demo-1.0.deb", ("demo", "1.0", "")),
        ("demo-1.0.dmg", ("demo", "1.0", "")),
        ("demo-1.0-variants.json", ("demo", "", "")),
        ("README", ("", "", "")),
        ("", ("", "", "")),
        ("x-" * 400 + "1.0.tar.gz", ("", "", "")),
    ],
)
def test_everything_else(filename, expected):
    assert parse_filename(filename) == ParsedFilename(expected[0], expected[1], "other", expected[2])


def test_a_file_that_tells_no_name_takes_the_pages():
    assert parse_filename("README", "demo").project == "demo"
    assert parse_filename("x" * 600, "demo").project == "demo"


@pytest.mark.parametrize(
    ("filename", "candidates"),
    [
        ("demo_pkg-1.0-py3-none-any.whl", ["demo-pkg"]),
        ("Demo.Pkg-1.0-1-py3-none-any.whl", ["demo-pkg"]),
        ("demo-1.0.whl", ["demo"]),
        ("-1.0-py3-none-any.whl", []),
        ("demo-pkg-1.0.tar.gz", ["demo-pkg", "demo"]),
        ("Demo_Pkg-2-1.0.zip", ["demo-pkg-2", "demo-pkg"]),
        ("demo-1.0-py2.7-linux-x86_64.egg", ["demo-1-0-py2-7-linux", "demo-1-0-py2-7", "demo-1-0", "demo"]),
        ("demo--1.0.tar.gz", ["demo"]),
        ("demo.tar.gz", []),
        ("", []),
        ("é-1.0.tar.gz", []),
    ],
)
def test_candidates_are_every_prefix_the_longest_first_and_a_wheels_is_exact(filename, candidates):
    assert candidates == project_candidates(filename)


def test_a_hostile_filename_has_few_candidates():
    assert len(project_candidates("a-" * 5000 + "1.0.zip")) == CANDIDATES_MAX


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("1.0", "1.0"),
        ("v1.0", "1.0"),
        (" 1.0\n", "1.0"),
        ("1.0-RC.1", "1.0rc1"),
        ("01.002", "1.2"),
        ("1.0+Ubuntu-1", "1.0+ubuntu.1"),
        ("1.0.x", ""),
        ("", ""),
        ("latest", ""),
        ("1" * 129, ""),
        ("1" * 1_000_000, ""),
        ("\u0661.0", ""),
    ],
)
def test_versions_are_normalised_or_unknown(raw, expected):
    assert normalized_version(raw) == expected


def test_versions_sort_by_their_meaning_and_unknown_ones_come_first():
    ordered = [
        "",
        "2004d",
        "x-y",
        "1.0.dev1",
        "1.0a1",
        "1.0rc1",
        "1.0",
        "1.0+local",
        "1.0.post1",
        "1.9",
        "1.10",
        "1!0.1",
    ]

    shuffled = ordered[6:] + ordered[:6]
    assert ordered == sorted(shuffled, key=version_key)


def test_files_of_one_version_sort_by_name():
    files = [plain_file(v, filename=n) for v, n in (("1.10", "a"), ("1.9", "z"), ("1.9", "b"), ("", "q"), ("bad", "c"))]

    assert [f.filename for f in sorted(files, key=sort_key)] == ["q", "c", "b", "z", "a"]


@pytest.mark.usefixtures("figures")
def test_ten_thousand_files_sort_in_a_moment():
    files = [plain_file(f"{i % 97}.{i % 89}.{i}", filename=f"f{i}") for i in range(10_000)]

    def sort(_turn):
        started = time.process_time()
        assert 10_000 == len(sorted(files, key=sort_key))
        return time.process_time() - started

    # Measured: 0.1 to 0.2; the bound only catches another order of growth.
    assert measured(sort, lambda seconds: seconds >= 1.0) < 1.0
