"""The upstream nobody configured: asked of the real pip, written down once, never this instance itself."""

import os
import stat
from pathlib import Path

import pytest

from holdfast.config import Config, UpstreamConfig
from holdfast.upstream_default import Found, UpstreamError, ask_pip, recorded, resolve

OPEN = (UpstreamConfig("upstream", url=""),)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment in which pip finds only the configuration a test writes to `pip.conf`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    return kept | {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "HOME": str(tmp_path)}


def configure_pip(environ: dict[str, str], text: str) -> None:
    Path(environ["PIP_CONFIG_FILE"]).write_text(text)


def test_pips_file_gives_the_url_with_its_credentials_and_the_certificates(environ: dict[str, str]) -> None:
    configure_pip(environ, "[global]\nindex-url = https://u:p@index.example/simple\ncert = /etc/corporate.pem\n")

    assert ask_pip(environ) == Found("https://u:p@index.example/simple/", "/etc/corporate.pem")


def test_pips_environment_goes_before_its_file_and_extra_indexes_are_only_counted(environ: dict[str, str]) -> None:
    configure_pip(environ, "[global]\nindex-url = https://file.example/simple\n")
    environ |= {
        "PIP_INDEX_URL": "https://variable.example/simple",
        "PIP_EXTRA_INDEX_URL": "https://a.example/simple https://b.example/simple",
        "PIP_CERT": "/etc/other.pem",
    }

    assert ask_pip(environ) == Found("https://variable.example/simple/", "/etc/other.pem", extra_count=2)


def test_pips_section_for_install_counts_too(environ: dict[str, str]) -> None:
    configure_pip(
        environ, "[global]\nindex-url = https://g.example/\ncert = /c\n[install]\nindex-url = https://i.example/\n"
    )

    assert ask_pip(environ) == Found("https://i.example/", "/c")


def test_without_any_configuration_it_is_pips_built_in_default(environ: dict[str, str]) -> None:
    from pip._internal.models.index import PyPI

    environ["PIP_CONFIG_FILE"] = os.devnull  # pip's way of saying: read no file at all

    assert ask_pip(environ).url == PyPI.simple_url + "/"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[global]\nindex-url = file:///srv/simple\n", "pip is configured to use file:///srv/simple"),
        ("[global]\nno-index = true\n", "pip is configured to use no index"),
        ("not a configuration", "pip could not say which index"),
    ],
)
def test_an_unusable_answer_names_the_setting_to_use_instead(environ: dict[str, str], text: str, said: str) -> None:
    configure_pip(environ, text)

    with pytest.raises(UpstreamError) as caught:
        ask_pip(environ)

    assert said in str(caught.value)
    assert "HOLDFAST_UPSTREAM" in str(caught.value)


def test_the_answer_is_written_down_once_and_believed_later(environ: dict[str, str], tmp_path: Path) -> None:
    config = Config(data=tmp_path, upstreams=OPEN)
    configure_pip(environ, "[global]\nindex-url = https://u:p@first.example/simple\ncert = /c.pem\n")
    expected = (UpstreamConfig("upstream", url="https://u:p@first.example/simple/", ca_bundle="/c.pem"),)

    assert resolve(config, environ).upstreams == expected
    configure_pip(environ, "[global]\nindex-url = https://second.example/simple\ncert = /d.pem\n")
    assert resolve(config, environ).upstreams == expected
    assert stat.S_IMODE(config.upstream_file.stat().st_mode) == 0o600
    config.upstream_file.unlink()
    assert resolve(config, environ).upstreams == (
        UpstreamConfig("upstream", url="https://second.example/simple/", ca_bundle="/d.pem"),
    )


def test_a_configured_upstream_goes_before_the_written_one(environ: dict[str, str], tmp_path: Path) -> None:
    configure_pip(environ, "[global]\nindex-url = https://pip.example/simple\n")
    resolve(Config(data=tmp_path, upstreams=OPEN), environ)
    configured = Config(data=tmp_path, upstreams=(UpstreamConfig("upstream", url="https://own.example/simple/"),))

    assert resolve(configured, environ) == configured


def test_an_upstream_that_is_this_instance_is_refused_and_not_written_down(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """As after `holdfast use pip` in the virtual environment Holdfast itself runs in."""
    config = Config(data=tmp_path, upstreams=OPEN, listen_port=8000)
    configure_pip(environ, "[global]\nindex-url = http://localhost:8000/simple\n")

    with pytest.raises(UpstreamError, match="is this instance itself"):
        resolve(config, environ)
    assert recorded(config) is None
