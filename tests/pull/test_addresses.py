"""Where pull never goes, whatever a page or a redirect says."""

import socket

import pytest
from forward_proxy import ForwardProxy
from pull.rig import INSTANCE, plays

from holdfast.clock import SystemClock
from holdfast.config import UpstreamConfig
from holdfast.core.errors import Unavailable
from holdfast.pull.connecting import open_socket
from holdfast.pull.upstream import Upstream

LINK_LOCAL = ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "2852039166", "[64:ff9b::a9fe:a9fe]"]
METADATA_SERVICES = ["[fd00:ec2::254]", "[fd20:ce::254]", "100.100.100.200", "168.63.129.16"]


async def refusal(host: str, proxy: str) -> str:
    """Why the host is not asked. They hold a cloud's credentials, and pull relays parts of files before it can verify
    them."""
    settings = UpstreamConfig("up", "https://upstream.test/simple/", proxy=proxy)
    upstream = Upstream(settings, INSTANCE, SystemClock())
    try:
        with pytest.raises(Unavailable) as caught:
            async with upstream.get(
                f"http://{host}/latest/demo-1.0.tar.gz", "demo-1.0.tar.gz", headers={}, seconds=2.0
            ):
                pass
        return caught.value.reason
    finally:
        await upstream.close()


@pytest.mark.parametrize("host", LINK_LOCAL)
@plays
async def test_link_local_addresses_are_not_asked(host):
    assert "link-local" in await refusal(host, "none")


@pytest.mark.parametrize("host", METADATA_SERVICES)
@plays
async def test_a_clouds_metadata_service_is_not_asked_where_its_address_is_not_link_local(host):
    assert "metadata service" in await refusal(host, "none")


@pytest.mark.parametrize("host", LINK_LOCAL + METADATA_SERVICES)
@plays
async def test_a_proxy_is_not_sent_there_either(host):
    with ForwardProxy({}) as proxy:
        assert "its address is" in await refusal(host, proxy.url)

    assert [] == proxy.heads


@pytest.mark.parametrize("address", ["169.254.169.254", "168.63.129.16"])
def test_a_name_that_leads_there_gets_no_connection(address):
    with pytest.raises(OSError, match="its address is"):
        open_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, 80)))
