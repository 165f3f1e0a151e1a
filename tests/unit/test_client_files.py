"""Other programs' files keep everything we do not own."""

import configparser
import tomllib

import pytest

from holdfast.cli.client_files import (
    EditError,
    pip_conf,
    poetry_toml,
    pypirc,
    set_ini,
    uv_toml,
    with_credentials,
)

SIMPLE, UPLOAD = "https://packages.example/simple/", "https://packages.example/legacy/"


def test_pip_conf_is_made() -> None:
    assert pip_conf("", SIMPLE, "") == f"[global]\nindex-url = {SIMPLE}\n"


def test_pip_conf_keeps_comments_other_keys_and_order() -> None:
    before = (
        "# mine\n[install]\nuser = yes\n\n[global]\ntimeout = 3\n"
        "index_url: https://old.example/\n    # more\nretries = 2"
    )

    assert pip_conf(before, SIMPLE, "packages.example:8000") == (
        "# mine\n[install]\nuser = yes\n\n[global]\ntrusted-host = packages.example:8000\ntimeout = 3\n"
        f"index-url = {SIMPLE}\nretries = 2\n"
    )


@pytest.mark.parametrize(
    "before", ["", "[a]\nb = c\n", "[s]\nother = 1\n[t]\nkey = 2\n", "[s]\nkey =\n  1\n  2\nz = 3\n"]
)
def test_setting_a_key_twice_is_setting_it_once_and_touches_no_other(before: str) -> None:
    once = set_ini(before, "s", "key", "value")

    assert set_ini(once, "s", "key", "value") == once
    old, new = configparser.RawConfigParser(), configparser.RawConfigParser()
    old.read_string(before)
    new.read_string(once)
    expected = {(s, k, v) for s in old.sections() for k, v in old.items(s) if (s, k) != ("s", "key")}
    assert {(s, k, v) for s in new.sections() for k, v in new.items(s)} == expected | {("s", "key", "value")}


def test_pypirc_lists_the_repository_beside_those_it_had() -> None:
    before = "[distutils]\nindex-servers =\n    pypi\n    other\n\n[other]\nrepository = https://other.example/\n"

    after = pypirc(before, UPLOAD, "secret")

    assert after == (
        "[distutils]\nindex-servers =\n    pypi\n    other\n    holdfast\n\n[other]\nrepository = https://other.example/\n"
        f"\n[holdfast]\npassword = secret\nusername = __token__\nrepository = {UPLOAD}\n"
    )
    assert pypirc(after, UPLOAD, "secret") == after
    assert "password" not in pypirc("", UPLOAD, "")


def test_uv_gets_a_default_index_and_a_second_run_replaces_it() -> None:
    first = uv_toml("native-tls = true\n", SIMPLE, UPLOAD, in_pyproject=False)
    second = uv_toml(first, "https://new.example/simple/", UPLOAD, in_pyproject=False)

    index = {"name": "holdfast", "url": SIMPLE, "publish-url": UPLOAD, "default": True}
    assert tomllib.loads(first) == {"native-tls": True, "index": [index]}
    assert tomllib.loads(second) == {"native-tls": True, "index": [index | {"url": "https://new.example/simple/"}]}


def test_uv_and_poetry_share_a_pyproject_with_whatever_was_there() -> None:
    before = '[project]\nname = "x" # mine\n[tool.uv]\nmanaged = true'

    after = uv_toml(before, SIMPLE, UPLOAD, in_pyproject=True)

    assert after.startswith(before)
    assert tomllib.loads(after)["tool"]["uv"]["index"][0]["url"] == SIMPLE
    poetry = tomllib.loads(poetry_toml(before, SIMPLE))
    assert poetry["tool"]["poetry"]["source"] == [{"name": "holdfast", "url": SIMPLE, "priority": "primary"}]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[index]]\nname = "other"\nurl = "https://o.example/"\ndefault = true\n', "one default index"),
        ('index = [{ url = "https://o.example/" }]\n', "would not parse"),
        ("not toml", "would not parse"),
    ],
)
def test_a_file_that_cannot_take_our_part_is_refused(text: str, said: str) -> None:
    with pytest.raises(EditError, match=said):
        uv_toml(text, SIMPLE, UPLOAD, in_pyproject=False)


def test_broken_ini_is_refused() -> None:
    with pytest.raises(EditError, match="does not parse"):
        pip_conf("what is this", SIMPLE, "")


def test_credentials_go_into_the_url_only_when_there_are_any() -> None:
    assert with_credentials(SIMPLE, "") == SIMPLE
    assert with_credentials(SIMPLE, "a/b") == "https://__token__:a%2Fb@packages.example/simple/"
