"""Lines to paste: right for loopback, plain http, https, a prefix and a private index."""

import pytest

from holdfast.read.people.snippets import Place, install, set_up

SECRETS = ("$TOKEN", "TOKEN", "${TOKEN}", "HOLDFAST_TOKEN")


def texts(place: Place) -> list[str]:
    """Every snippet there is."""
    told = [*install(place, "demo==1.0"), *(one for _, _, snippets in set_up(place) for one in snippets)]
    return [text for _, _, text in told]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://127.0.0.1:8000", ""),
        ("http://[::1]:8000", ""),
        ("http://localhost:8000", ""),
        ("https://packages.example", ""),
        ("http://packages.example/python", "packages.example"),
        ("http://192.0.2.7:8000", "192.0.2.7"),
    ],
)
def test_pip_is_told_to_trust_plain_http_only_where_it_would_not(url: str, host: str) -> None:
    pip = install(Place(url), "demo")[0][2]

    assert host == Place(url).untrusted_host
    assert bool(host) == ("--trusted-host" in pip)


def test_every_snippet_names_this_index() -> None:
    for text in texts(Place("https://packages.example/python/team")):
        assert "https://packages.example/python/team/" in text


def test_a_public_index_asks_no_token_to_install() -> None:
    place = Place("https://packages.example")

    told = [text for key, _, snippets in set_up(place) if key == "install" for _, _, text in snippets]
    assert not any("__token__" in text for text in [*told, *(text for _, _, text in install(place, "demo"))])


def test_a_private_index_has_a_place_for_the_token_in_every_snippet() -> None:
    """None shows a token: each has a variable, or a word to replace."""
    for text in texts(Place("https://packages.example", private=True)):
        assert any(secret in text for secret in SECRETS) or text.startswith("poetry source add")


def test_each_client_spells_a_version_its_own_way() -> None:
    told = {key: text for key, _, text in install(Place("https://packages.example"), "demo==1.0")}

    assert told["pip"].endswith(" demo==1.0")
    assert told["poetry"].endswith(" demo@1.0")
