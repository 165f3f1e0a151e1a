"""What every lane shares: hypothesis profiles, where data folders lie, and the plugins of lanes and workers.

Fixtures live beside the tests that use them.
"""

import os
import sys
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings

from holdfast.control.collector import settle

pytest_plugins = ["lanes", "spreading"]

# The same examples for everyone, more where time is free: what fails in one run fails in the next, and no change is
# judged by what chance found. New ones are looked for in a long night (HYPOTHESIS_PROFILE=nightly) and by `make fuzz`.
settings.register_profile("local", max_examples=25, deadline=None, derandomize=True)
settings.register_profile(
    "ci",
    max_examples=200,
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("nightly", max_examples=5000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "local"))

# Processes that tests start must import the code under test, wherever pytest itself was started from.
_SRC = str(Path(__file__).parent.parent / "src")
if _SRC not in os.environ.get("PYTHONPATH", "").split(os.pathsep):
    os.environ["PYTHONPATH"] = os.pathsep.join(p for p in (_SRC, os.environ.get("PYTHONPATH", "")) if p)
# Hundreds of programs start: what each would compile anew costs minutes. The folders are those git ignores.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# Instances sync every write, which a disk answers in milliseconds and memory at once. That the syncs are there, and in
# which order, is asked of the kernel where it is the subject; what survives a power cut no test on a disk could tell.
_MEMORY, MEMORY_BYTES_MIN = Path("/dev/shm"), 4 * 1024**3  # a whole run needs a tenth of that
if "TMPDIR" not in os.environ and _MEMORY.is_dir():
    _told = os.statvfs(_MEMORY)
    if _told.f_bavail * _told.f_frsize >= MEMORY_BYTES_MIN and not _told.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = str(_MEMORY)
        tempfile.tempdir = None  # asked again
# A setting in the developer's shell must not change what a test sees.
_OURS = ("HOLDFAST_REQUIRE_ALL", "HOLDFAST_LIVE", "HOLDFAST_SHOTS")
for _name in [n for n in os.environ if n.startswith("HOLDFAST_") and n not in _OURS]:
    del os.environ[_name]
assert sys.version_info >= (3, 11), "Holdfast needs Python 3.11 or newer"


def pytest_collection_finish() -> None:
    """What all test files brought stays until the end: the cycle collector walks it no more, as in a server."""
    settle()
