"""Where pull never goes, whatever a page or a redirect says."""

import pytest
from pull.rig import INSTANCE, plays

from holdfast.clock import SystemClock
from holdfast.config import UpstreamConfig
from holdfast.core.errors import Unavailable
from holdfast.pull.upstream import Upstream


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]"])
@plays
async def test_link_local_addresses_are_not_asked(host, monkeypatch):
    """They hold a cloud's credentials for this machine, and pull relays parts of files before it can verify them."""
    monkeypatch.setenv("NO_PROXY", "*")
    upstream = Upstream(UpstreamConfig("up", "https://upstream.test/simple/"), INSTANCE, SystemClock())
    try:
        with pytest.raises(Unavailable, match="link-local"):
            async with upstream.get(
                f"http://{host}/latest/demo-1.0.tar.gz", "demo-1.0.tar.gz", headers={}, seconds=2.0
            ):
                pass
    finally:
        await upstream.close()
