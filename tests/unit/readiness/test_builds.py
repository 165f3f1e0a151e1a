"""Build requirements are read from an sdist that nobody unpacks or runs."""

import pytest
from wheels import sdist, tar_bytes, zip_bytes

from holdfast.readiness.builds import DEFAULT, UnreadableSdist, build_requirements


def kept(tmp_path, data):
    path = tmp_path / "sdist"
    path.write_bytes(data)
    return path


def archive(suffix, text):
    members = {"demo-1.0/src/pyproject.toml": b"[build-system]\nrequires = ['wrong']\n", "demo-1.0/PKG-INFO": b""}
    if text is not None:
        members["demo-1.0/pyproject.toml"] = text
    return zip_bytes(members) if suffix == ".zip" else tar_bytes(members)


@pytest.mark.parametrize("suffix", [".tar.gz", ".zip"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"[build-system]\nrequires = ['hatchling>=1.27', 'other; python_version > \"3\"']\n", None),
        (b"[build-system]\nrequires = []\n", ()),
        (b"[build-system]\nbuild-backend = 'x'\n", DEFAULT),
        (b"[project]\nname = 'demo'\n", DEFAULT),
        (None, DEFAULT),
    ],
)
def test_what_an_sdist_says_or_what_installers_take_instead(tmp_path, suffix, text, expected):
    found = build_requirements(kept(tmp_path, archive(suffix, text)), f"demo-1.0{suffix}")

    assert (("hatchling>=1.27", 'other; python_version > "3"') if expected is None else expected) == found


def test_a_large_sdist_is_read_as_far_as_its_pyproject(tmp_path):
    filename, data = sdist("demo", "1.0", size=3_000_000)

    assert () == build_requirements(kept(tmp_path, data), filename)


@pytest.mark.parametrize(
    ("filename", "data", "said"),
    [
        ("demo-1.0.tar.gz", b"no archive", "no well-formed"),
        ("demo-1.0.zip", b"no archive", "zip"),
        ("demo-1.0.tar.gz", archive(".tar.gz", b"[build-system]\nrequires = 'x'\n"), "no list of texts"),
        ("demo-1.0.tar.gz", archive(".tar.gz", b"[build-system]\nrequires = ['x y']\n"), "'x y' .* is no requirement"),
        ("demo-1.0.tar.gz", archive(".tar.gz", b"\xff"), "does not parse"),
        ("demo-1.0.tar.gz", archive(".tar.gz", b"#" * 2_000_000), "larger than"),
        ("demo-1.0.tar.gz", archive(".tar.gz", None)[:-300], "cut off|no well-formed"),
        ("demo-1.0.tar.bz2", b"", "not looked into"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path, filename, data, said):
    with pytest.raises(UnreadableSdist, match=said):
        build_requirements(kept(tmp_path, data), filename)


@pytest.mark.parametrize(
    "wanted",
    [
        "builder @ https://builds.example/b.whl\\n--extra-index-url=https://other.example/",
        "builder @ https://builds.example/${SECRET}/b.whl",
        "builder; python_version > '${SECRET}'",
    ],
)
def test_what_pip_would_take_for_an_option_or_a_variable_is_no_requirement(tmp_path, wanted):
    """It ends up in a file of requirements, where pip puts the environment's values in place of `${NAME}`."""
    text = f'[build-system]\nrequires = ["{wanted}"]\n'.encode()

    with pytest.raises(UnreadableSdist, match=r"in its build-system.requires is no requirement"):
        build_requirements(kept(tmp_path, archive(".zip", text)), "demo-1.0.zip")
