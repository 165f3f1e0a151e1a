"""What every lane shares: hypothesis profiles and the lane plugin. Fixtures live beside the tests that use them."""

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

pytest_plugins = ["lanes"]

# The same examples budget for everyone locally, more where time is free; HYPOTHESIS_PROFILE=nightly for a long night.
settings.register_profile("local", max_examples=25, deadline=None)
settings.register_profile(
    "ci", max_examples=200, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("nightly", max_examples=5000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "local"))

# Processes that tests start must import the code under test, wherever pytest itself was started from.
_SRC = str(Path(__file__).parent.parent / "src")
if _SRC not in os.environ.get("PYTHONPATH", "").split(os.pathsep):
    os.environ["PYTHONPATH"] = os.pathsep.join(p for p in (_SRC, os.environ.get("PYTHONPATH", "")) if p)
# A setting in the developer's shell must not change what a test sees.
for _name in [
    n for n in os.environ if n.startswith("HOLDFAST_") and n not in ("HOLDFAST_REQUIRE_ALL", "HOLDFAST_LIVE")
]:
    del os.environ[_name]
assert sys.version_info >= (3, 11), "Holdfast needs Python 3.11 or newer"
