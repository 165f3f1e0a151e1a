"""Which upstreams are this instance itself, and what a damaged record means. Asking pip is in tests/cli."""

from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.config import Config, UpstreamConfig
from holdfast.upstream_default import UpstreamError, is_self, resolve


def test_a_damaged_record_is_an_error_and_not_asked_anew(tmp_path: Path) -> None:
    config = Config(data=tmp_path, upstreams=(UpstreamConfig("upstream", url=""),))
    config.upstream_file.write_text("{")

    with pytest.raises(UpstreamError, match=r"upstream\.json"):
        resolve(config, {})


@pytest.mark.parametrize(
    ("listen", "public", "url", "expected"),
    [
        ("127.0.0.1", "", "http://127.0.0.1:8000/simple/", True),
        ("127.0.0.1", "", "http://localhost:8000/simple/", True),
        ("127.0.0.1", "", "http://LOCALHOST.:8000/simple/", True),
        ("127.0.0.1", "", "http://u:p@localhost:8000/simple/", True),
        ("127.0.0.1", "", "http://0.0.0.0:8000/simple/", True),
        ("127.0.0.1", "", "http://[::]:8000/simple/", True),
        ("::1", "", "http://[::1]:8000/simple/", True),
        ("::1", "", "http://[0:0::1]:8000/simple/", True),
        ("0.0.0.0", "", "http://127.0.0.1:8000/simple/", True),
        ("0.0.0.0", "", "http://127.9.9.9:8000/simple/", True),
        ("0.0.0.0", "", "http://localhost:8000/simple/", True),
        ("::", "", "http://[::1]:8000/simple/", True),
        ("192.0.2.1", "", "http://192.0.2.1:8000/simple/", True),
        ("127.0.0.1", "https://packages.example", "https://packages.example/simple/", True),
        ("127.0.0.1", "https://packages.example:443", "https://PACKAGES.example/other/simple/", True),
        ("127.0.0.1", "https://packages.example/py", "https://packages.example/py/simple/", True),
        ("127.0.0.1", "https://packages.example/py", "https://packages.example/other/simple/", False),
        ("127.0.0.1", "https://packages.example/py", "https://packages.example/python/simple/", False),
        ("127.0.0.1", "https://packages.example", "https://packages.example:8443/simple/", False),
        ("127.0.0.1", "", "http://127.0.0.1:8001/simple/", False),
        ("127.0.0.1", "", "http://127.0.0.2:8000/simple/", False),
        ("127.0.0.1", "", "https://index.example:8000/simple/", False),
        ("0.0.0.0", "", "http://192.0.2.1:8000/simple/", False),
    ],
)
def test_which_addresses_are_this_instance(listen: str, public: str, url: str, expected: bool) -> None:
    config = replace(Config(data=Path("/data")), listen_host=listen, public_url=public)

    assert is_self(config, url) is expected
