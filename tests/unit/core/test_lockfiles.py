"""Lock files and requirements files as the tools write them, and how bad ones are told."""

import pytest

from holdfast.core.lockfiles import BadLock, LockedFile, LockedRequirement, lock_kind, parse_lock

A, B, C = "a" * 64, "b" * 64, "c" * 64
WHEEL, SDIST = "demo_pkg-1.0-py3-none-any.whl", "demo_pkg-1.0.tar.gz"
FILES = "https://files.example"

UV = f"""
version = 1
requires-python = ">=3.11"

[[package]]
name = "mine"
version = "0.1"
source = {{ virtual = "." }}
dependencies = [{{ name = "demo-pkg" }}]

[[package]]
name = "demo-pkg"
version = "1.0"
source = {{ registry = "https://index.example/simple/" }}
sdist = {{ url = "{FILES}/a/{SDIST}", hash = "sha256:{A}", size = 7, upload-time = "2026-01-01T00:00:00Z" }}
wheels = [
    {{ url = "{FILES}/b/{WHEEL}", hash = "sha256:{B}", size = 8 }},
    {{ url = "{FILES}/c/demo_pkg-1.0%2Bcpu-py3-none-any.whl", hash = "sha256:{C}" }},
]

[[package]]
name = "from-git"
version = "2"
source = {{ git = "https://code.example/from-git?rev=1#abc" }}
"""

POETRY = f"""
[[package]]
name = "Demo.Pkg"
version = "1.0"
files = [{{ file = "{WHEEL}", hash = "sha256:{B}" }}, {{ file = "{SDIST}", hash = "md5:0" }}]

[[package]]
name = "other"
version = "2"
files = [{{ file = "other-2.tar.gz", hash = "sha256:{A}" }}]
[package.source]
type = "legacy"
url = "https://index.example/simple"
reference = "holdfast"

[[package]]
name = "from-git"
version = "3"
files = []
[package.source]
type = "git"
url = "https://code.example/from-git"

[metadata]
lock-version = "2.1"
"""

PDM = f"""
[metadata]
lock_version = "4.5.0"

[[package]]
name = "demo-pkg"
version = "1.0"
files = [
    {{ file = "{WHEEL}", hash = "sha256:{B}" }},
    {{ url = "{FILES}/a/{SDIST}#fragment", hash = "sha256:{A}" }},
]

[[package]]
name = "local"
version = "0"
path = "./local"
"""

PYLOCK = f"""
lock-version = "1.0"
created-by = "a tool"

[[packages]]
name = "demo-pkg"
version = "1.0"
index = "https://index.example/simple/"
sdist = {{ name = "{SDIST}", url = "{FILES}/a/{SDIST}", size = 7, hashes = {{ sha256 = "{A}" }} }}
[[packages.wheels]]
name = "{WHEEL}"
url = "{FILES}/b/{WHEEL}"
hashes = {{ md5 = "0", sha256 = "{B}" }}

[[packages]]
name = "archive"
archive = {{ url = "{FILES}/archive.zip", hashes = {{ sha256 = "{C}" }} }}
"""

PIPFILE = f"""{{
  "_meta": {{"hash": {{}}, "sources": [{{"name": "one", "url": "https://index.example/simple", "verify_ssl": true}}]}},
  "default": {{
    "demo-pkg": {{
      "hashes": ["sha256:{A}", "sha256:{B}"], "index": "one", "version": "==1.0", "markers": "python_version >= '3.8'"
    }},
    "from-git": {{"git": "https://code.example/from-git", "ref": "abc"}}
  }},
  "develop": {{"extra": {{"extras": ["x"], "hashes": ["sha256:{C}"], "version": "==2"}}}}
}}"""

REQUIREMENTS = f"""\
# made by a tool
--index-url https://index.example/simple/
--extra-index-url=https://more.example/simple
-r other.txt
--requirement "with space.txt"
-c limits.txt
-e ./local
Demo_Pkg[x]==1.0 ; python_version >= "3.8" \\
    --hash=sha256:{A} \\
    --hash sha256:{B}  # via something
plain>=2,<3   # a comment
any
pinned === 1.0 --config-settings a=b --hash=sha512:{A}
wild==1.*
direct @ https://files.example/direct-1.0.zip
https://files.example/raw-1.0.tar.gz
git+https://code.example/x.git#egg=x
./folder
../x-1.0-py3-none-any.whl
--no-binary :all:
"""


def test_uv_names_files_with_their_addresses():
    lock = parse_lock("uv.lock", UV)

    index = "https://index.example/simple/"
    assert (
        LockedFile("demo-pkg", "1.0", SDIST, A, f"{FILES}/a/{SDIST}", 7, index),
        LockedFile("demo-pkg", "1.0", WHEEL, B, f"{FILES}/b/{WHEEL}", 8, index),
        LockedFile(
            "demo-pkg",
            "1.0",
            "demo_pkg-1.0+cpu-py3-none-any.whl",
            C,
            f"{FILES}/c/demo_pkg-1.0%2Bcpu-py3-none-any.whl",
            None,
            index,
        ),
    ) == lock.files
    assert (("from-git @ https://code.example/from-git?rev=1#abc",), ()) == (lock.direct, lock.requirements)


def test_poetry_names_files_and_their_source():
    lock = parse_lock("some/folder/poetry.lock", POETRY)

    assert (
        LockedFile("demo-pkg", "1.0", WHEEL, B, ""),
        LockedFile("demo-pkg", "1.0", SDIST, "", ""),
        LockedFile("other", "2", "other-2.tar.gz", A, "", None, "https://index.example/simple"),
    ) == lock.files
    assert ("from-git @ https://code.example/from-git",) == lock.direct


def test_older_poetry_locks_name_their_files_apart():
    text = f"""
[[package]]
name = "Demo"
version = "1.0"

[metadata]
lock-version = "1.1"
[metadata.files]
Demo = [{{ file = "Demo-1.0.zip", hash = "sha256:{A}" }}]
"""

    assert (LockedFile("demo", "1.0", "Demo-1.0.zip", A, ""),) == parse_lock("poetry.lock", text).files


def test_pdm_names_files_with_or_without_addresses():
    lock = parse_lock("pdm.lock", PDM)

    assert (
        LockedFile("demo-pkg", "1.0", WHEEL, B, ""),
        LockedFile("demo-pkg", "1.0", SDIST, A, f"{FILES}/a/{SDIST}"),
    ) == lock.files
    assert ("local @ ./local",) == lock.direct


@pytest.mark.parametrize("name", ["pylock.toml", "pylock.dev.toml"])
def test_the_standard_lock_file_is_read(name):
    lock = parse_lock(name, PYLOCK)

    index = "https://index.example/simple/"
    assert (
        LockedFile("demo-pkg", "1.0", SDIST, A, f"{FILES}/a/{SDIST}", 7, index),
        LockedFile("demo-pkg", "1.0", WHEEL, B, f"{FILES}/b/{WHEEL}", None, index),
    ) == lock.files
    assert (f"archive @ {FILES}/archive.zip",) == lock.direct


def test_pipfile_locks_give_exact_requirements():
    lock = parse_lock("Pipfile.lock", PIPFILE)

    index = "https://index.example/simple"
    assert (
        LockedRequirement(
            'demo-pkg==1.0; python_version >= "3.8"', "demo-pkg", "1.0", (A, B), "python_version >= '3.8'", index
        ),
        LockedRequirement("extra[x]==2", "extra", "2", (C,), "", index),
    ) == lock.requirements
    assert (("from-git @ https://code.example/from-git",), (index,)) == (lock.direct, lock.indexes)
    assert lock.is_exact


def test_requirements_files_are_read_as_pip_reads_them():
    lock = parse_lock("requirements-dev.txt", REQUIREMENTS)

    assert (
        LockedRequirement(
            'Demo_Pkg[x]==1.0; python_version >= "3.8"', "demo-pkg", "1.0", (A, B), 'python_version >= "3.8"'
        ),
        LockedRequirement("plain<3,>=2", "plain"),
        LockedRequirement("any", "any"),
        LockedRequirement("pinned===1.0", "pinned", "1.0"),
        LockedRequirement("wild==1.*", "wild"),
    ) == lock.requirements
    assert (
        "-e ./local",
        "direct @ https://files.example/direct-1.0.zip",
        "https://files.example/raw-1.0.tar.gz",
        "git+https://code.example/x.git#egg=x",
        "./folder",
        "../x-1.0-py3-none-any.whl",
    ) == lock.direct
    assert (("other.txt", "with space.txt"), ("limits.txt",)) == (lock.includes, lock.constraints)
    assert ("https://index.example/simple/", "https://more.example/simple") == lock.indexes
    assert not lock.is_exact


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("requirements.txt", "good\n\nnot a requirement\n", "line 3: 'not a requirement'"),
        ("requirements.txt", f"x==1 \\\n  --hash=sha256:{A[1:]}\n", "line 1: 'sha256:aaa"),
        ("requirements.txt", "x==1 --hash=aaa\n", "no ALGORITHM:DIGEST"),
        ("requirements.txt", "-r\n", "line 1: -r names no file"),
        ("uv.lock", "a = 1\nb = = 2\n", "it is no TOML: .*line 2"),
        ("uv.lock", "package = 1", r"\[\[package\]\] is no list"),
        ("uv.lock", '[[package]]\nname = "-"\n', "'-' is no project name"),
        ("uv.lock", '[[package]]\nversion = "1"\n', "a package: 'name' is missing"),
        (
            "uv.lock",
            '[[package]]\nname = "x"\nversion = "1"\nsource.registry = "y"\nwheels = [{url = "https://h.example/"}]\n',
            "package x 1: '' is no filename",
        ),
        ("poetry.lock", '[[package]]\nname = "x"\nfiles = [{file = "../x", hash = ""}]\n', "'../x' is no filename"),
        ("pdm.lock", '[[package]]\nname = "x"\nfiles = [{file = "x.whl", size = -1}]\n', "no number of bytes"),
        ("pylock.toml", 'lock-version = "2.0"\n', "lock-version '2.0' is not known"),
        ("Pipfile.lock", "{", "it is no JSON"),
        ("Pipfile.lock", '{"default": {"x": {"version": "=1"}}}', "default.x: 'x=1' is no requirement"),
        ("Cargo.lock", "", "Cargo.lock is no kind of lock file known here"),
    ],
)
def test_what_does_not_make_sense_is_named(name, text, said):
    with pytest.raises(BadLock, match=said):
        parse_lock(name, text)


def test_a_byte_order_mark_and_a_cut_off_last_line_are_no_trouble():
    lock = parse_lock("x.txt", "\ufeffdemo==1.0 \\\n --hash=sha256:" + A + " \\\n")

    assert [("demo", "1.0", (A,))] == [(r.project, r.version, r.sha256s) for r in lock.requirements]


def test_a_kind_is_told_by_the_name_alone():
    assert "requirements" == lock_kind("deps/base.in")
    assert "" == lock_kind("pylock.a.b.toml") == lock_kind("pyproject.toml")
