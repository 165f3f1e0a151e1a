"""Filenames are other people's text: reading them never raises, and what they tell is well formed."""

from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from holdfast.core.filenames import CANDIDATES_MAX, normalized_version, parse_filename, project_candidates, version_key
from holdfast.core.names import is_normalized

ENDINGS = st.sampled_from(
    [".whl", ".tar.gz", ".zip", ".egg", ".exe", ".tar.bz2", ".msi", ".rpm", ".tar.Z", ".json", ""]
)
PIECES = st.sampled_from(
    [
        "-",
        "--",
        "1.0",
        "py3",
        "none",
        "any",
        "demo",
        "Demo.Pkg",
        "_",
        "py2.7",
        "win32",
        "linux-x86_64",
        "1!2",
        "+l",
        "é",
    ]
)
FILENAMES = st.one_of(
    st.text(),
    st.tuples(st.lists(PIECES, max_size=9).map("".join), ENDINGS).map("".join),
    st.text(max_size=9).map("{}.whl".format),
)
NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True).filter(is_normalized)


@given(FILENAMES, st.one_of(st.just(""), NAMES))
def test_reading_a_filename_never_raises_and_tells_well_formed_things(filename, project):
    found = parse_filename(filename, project)

    assert found.project == "" or is_normalized(found.project)
    assert found.version == "" or str(Version(found.version)) == found.version
    assert found.project or not project


@given(FILENAMES)
def test_candidates_are_few_and_normalised(filename):
    candidates = project_candidates(filename)

    assert len(candidates) <= CANDIDATES_MAX
    assert all(is_normalized(name) for name in candidates)
    assert len(set(candidates)) == len(candidates)


@given(NAMES, st.sampled_from(["1.0", "1!2.0rc1", "1.0+local.1"]), st.sampled_from([".tar.gz", ".zip", ".egg", ".exe"]))
def test_the_true_project_is_always_among_the_candidates(project, version, ending):
    filename = f"{project}-{version}{ending}"

    assert project in project_candidates(filename)
    assert (parse_filename(filename, project).project, parse_filename(filename, project).version) == (project, version)


@given(NAMES, st.sampled_from(["1.0", "1!2.0rc1", "1.0+local.1"]))
def test_a_wheel_names_its_project_and_version_exactly(project, version):
    filename = f"{project.replace('-', '_')}-{version}-py3-none-any.whl"

    assert project_candidates(filename) == [project]
    assert (parse_filename(filename).project, parse_filename(filename).version) == (project, version)


@given(st.text())
def test_normalising_a_version_twice_is_normalising_once(raw):
    version = normalized_version(raw)

    assert normalized_version(version) == version


@given(st.lists(st.one_of(st.text(max_size=8), st.sampled_from(["1.0", "1.0rc1", "2", "1!0", "1.0+a", "1.0+1"]))))
def test_any_mix_of_versions_sorts(texts):
    ordered = sorted(texts, key=version_key)

    assert sorted(ordered, key=version_key) == ordered
