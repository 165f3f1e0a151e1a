"""The suite's own accounting: what is skipped is told, and fails where nothing may be skipped, whoever ran it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
# Files for another pytest, in a folder of their own: nothing of this suite skips or fails by them. The expected failure
# is there because pytest reports it as a skip, too, and it must be counted as none.
SKIPPING = """
import pytest

@pytest.mark.skip(reason="no nginx here")
def test_marked(): pass

def test_asked(): pytest.skip("no nginx here")

@pytest.mark.xfail(strict=True, reason="fails on purpose, to be told apart from a skip")
def test_known(): assert False
"""
SKIPPED_WHOLE = """
import pytest
pytest.skip("no varnish here", allow_module_level=True)
"""
PASSING = """
import pytest

@pytest.mark.parametrize("number", range(3))
def test_passes(number): pass
"""

ALONE = """
import time
from pathlib import Path
import pytest

LOG = Path(__file__).with_name("log")

@pytest.mark.alone
def test_alone():
    before, until = LOG.read_text() if LOG.exists() else "", time.monotonic() + 0.5
    assert before.count("begun") == before.count("done")
    while time.monotonic() < until:
        assert before == (LOG.read_text() if LOG.exists() else "")

def test_alone_for_a_moment(alone):
    with LOG.open("a") as log:
        log.write("begun ")
    with alone(), alone():
        before, until = LOG.read_text(), time.monotonic() + 0.5
        assert before.count("begun") == before.count("done") + 1
        while time.monotonic() < until:
            assert before == LOG.read_text()
    with LOG.open("a") as log:
        log.write("done ")
"""
WAITING = """
def test_two_who_want_to_be_alone_do_not_wait_for_each_other(alone):
    for _ in range(50):
        with alone():
            pass
"""
CROWD = """
import time
from pathlib import Path
import pytest

LOG = Path(__file__).with_name("log")

@pytest.mark.parametrize("number", range(40))
def test_one_of_many(number):
    until = time.monotonic() + 0.05
    with LOG.open("a") as log:
        log.write("begun ")
        log.flush()
        while time.monotonic() < until:
            pass
        log.write("done ")
"""


def run(folder: Path, *arguments: str, require_all: str = "0") -> subprocess.CompletedProcess[str]:
    """pytest over the files of a folder, with this suite's plugins."""
    environ = os.environ | {"PYTHONPATH": str(TESTS), "HOLDFAST_REQUIRE_ALL": require_all}
    environ.pop("PYTEST_ADDOPTS", None)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "lanes", "-p", "spreading", "-p", "no:cacheprovider"]
    command += ["-c", os.devnull, "--rootdir", str(folder), *arguments, str(folder)]
    return subprocess.run(command, env=environ, cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_every_skip_is_told_and_counted(tmp_path: Path, workers: str) -> None:
    for name, text in (("skipping", SKIPPING), ("whole", SKIPPED_WHOLE), ("passing", PASSING)):
        (tmp_path / f"test_{name}.py").write_text(text)

    done = run(tmp_path, "-n", workers)

    assert 0 == done.returncode, done.stdout + done.stderr
    # Skipped: by mark, by call, and a whole file.
    assert "3 passed, 3 skipped, 1 xfailed" in done.stdout
    assert "2 x no nginx here" in done.stdout and "1 x no varnish here" in done.stdout
    assert "apt-get install --no-install-recommends nginx varnish" in done.stdout


def test_a_skip_fails_where_nothing_may_be_skipped(tmp_path: Path) -> None:
    (tmp_path / "test_skipping.py").write_text(SKIPPING)

    done = run(tmp_path, "-n", "2", require_all="1")

    assert 1 == done.returncode, done.stdout
    # Failed: the skip in the test's call. Error: the mark, which skips before it. The expected failure stays one.
    assert "1 failed, 1 xfailed, 1 error" in done.stdout
    assert "lets nothing be skipped: no nginx here" in done.stdout


def test_a_file_that_skips_itself_fails_there_too(tmp_path: Path) -> None:
    (tmp_path / "test_whole.py").write_text(SKIPPED_WHOLE)
    (tmp_path / "test_passing.py").write_text(PASSING)

    done = run(tmp_path, "-n", "2", require_all="1")

    assert 0 != done.returncode, done.stdout
    assert "lets nothing be skipped: no varnish here" in done.stdout


def test_tests_of_one_id_are_refused(tmp_path: Path) -> None:
    """Workers would run one of them and nobody would notice."""
    (tmp_path / "test_passing.py").write_text(PASSING)
    (tmp_path / "conftest.py").write_text(
        "import copy, pytest\n@pytest.hookimpl(tryfirst=True)\n"
        "def pytest_collection_modifyitems(items): items.append(copy.copy(items[0]))\n"
    )

    done = run(tmp_path, "-n", "0")

    assert 4 == done.returncode, done.stdout
    assert "several tests have the same id" in done.stderr + done.stdout


def test_what_is_timed_meets_no_test_of_another_worker(tmp_path: Path) -> None:
    (tmp_path / "test_crowd.py").write_text(CROWD)
    (tmp_path / "test_alone.py").write_text(ALONE)
    for name in ("one", "other"):
        (tmp_path / f"test_{name}.py").write_text(WAITING)

    done = run(tmp_path, "-n", "2", "-W", "ignore::pytest.PytestUnknownMarkWarning")

    assert 0 == done.returncode, done.stdout + done.stderr
    assert "44 passed" in done.stdout
