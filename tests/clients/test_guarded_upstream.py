"""pip and uv over an upstream behind Basic auth, a private authority and a proxy; its credentials get nowhere else."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from holdfast.drill.corpus import chain
from holdfast.drill.rig import Rig
from tests.clients.guarded import FILES, INDEX, PASSWORD, SECRETS, Guarded, guarded
from tests.clients.installers import INSTALLERS
from tests.clients.person import Person

CHAIN_LENGTH = 3


@pytest.fixture(scope="module")
def corporate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """The guarded upstream, with a chain of projects for each client."""
    wheels = [*chain("for-pip", CHAIN_LENGTH), *chain("for-uv", CHAIN_LENGTH)]
    with guarded(tmp_path_factory.mktemp("guarded"), wheels) as running:
        yield running


@pytest.fixture(scope="module")
def over(tools: None, corporate: Guarded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """An instance whose only layer it is."""
    settings = tmp_path_factory.mktemp("settings") / "holdfast.toml"
    settings.write_text(f'{corporate.settings}\n[index.main]\nlayers = ["corporate"]\n')
    variables = {
        "HOLDFAST_CONFIG": str(settings),
        "CORPORATE_PASSWORD": PASSWORD,
        "HOLDFAST_UPSTREAM": f"https://{INDEX}/simple/",
    }
    with Rig("", variables) as running:
        yield running


@pytest.mark.parametrize(("client", "prefix"), [("pip-newest", "for-pip"), ("uv", "for-uv")])
def test_it_installs_and_the_credentials_appear_nowhere(
    client: str, prefix: str, over: Rig, corporate: Guarded, alice: Person
) -> None:
    """Zero times in logs, pages, metrics and the store, at the host of the files and in what commands print."""
    python = INSTALLERS[client](alice, f"{over.url}/simple/", f"{prefix}-0", "env")
    assert "1.0" == alice.version_seen(python, f"{prefix}-{CHAIN_LENGTH - 1}")

    told = {path: over.get(path) for path in _paths(prefix)}
    assert {200, 404} == {answer.status for answer in told.values()}
    written = {name: f"{answer.headers} {answer.body!r}" for name, answer in told.items()}
    written |= {
        "log": over.log(),
        "what the file host got": "".join(corporate.file_heads),
        "upstream list": over.run("upstream", "list").stdout + over.run("upstream", "list", "--json").stdout,
        "check": over.run("check", check=False).stdout,
    }
    written |= {str(path): _text(path) for path in over.data.rglob("*") if path.is_file() and _is_shown(path)}

    assert "ok    upstream corporate" in written["check"], written["check"]
    assert any("access" in name for name in written), "the access log is among them"
    assert corporate.file_heads, "the files came from the other host"
    assert {f"{INDEX}:443", f"{FILES}:443"} == corporate.proxy.targets(), "and all of it through the proxy"
    assert [] == [(name, secret) for name, text in written.items() for secret in SECRETS if secret in text]
    assert "authorization:" not in "".join(corporate.file_heads).lower()
    assert "\nauthorization:" not in "".join(corporate.proxy.heads).lower()
    assert 0o600 == stat.S_IMODE((over.data / "run" / "config.json").stat().st_mode)


def _paths(prefix: str) -> list[str]:
    pages = [f"/simple/{prefix}-{number}/" for number in range(CHAIN_LENGTH)]
    return [*pages, "/simple/", "/simple/no-such-project/", "/upstreams", "/metrics", "/readyz", "/healthz"]


def _is_shown(path: Path) -> bool:
    """Everything but the one file that hands the settings to the roles, which nobody else may read."""
    return path.name != "config.json" or path.parent.name != "run"


def _text(path: Path) -> str:
    data = path.read_bytes()
    if path.suffix == ".zst":
        data += zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return data.decode("utf-8", "replace")
