"""Pages of control: whose host they believe, which cookies they set, what their answers tell a browser."""

import re
from dataclasses import replace

import pytest
from browsers import Browser
from control.signing_in import signed_in
from doors import Door
from instances import Instance

from holdfast.control.accounts.models import Session
from holdfast.control.database import close_connection
from holdfast.control.page_settings import loopback_origins, page_settings
from holdfast.control.secret_key import key_file, read_keys
from holdfast.core.errors import Unavailable


def test_a_visitor_is_nobody_and_gets_no_cookie(instance: Instance):
    answer = Browser(Door(instance)).ask("GET", "/_/me")

    assert (200, {"user": None, "admin": False}, ()) == (answer.status, answer.json(), answer.set_cookies)
    assert "private, no-store" == answer.headers["cache-control"]


def test_who_is_signed_in_is_told(instance: Instance):
    door = Door(instance)

    answer = signed_in(door).ask("GET", "/_/me")
    assert {"user": "alice", "admin": False} == answer.json()
    assert ("holdfast_me=1; Max-Age=1209600; Path=/; SameSite=Lax",) == tuple(
        re.sub(r" expires=[^;]*;", "", line).strip() for line in answer.set_cookies
    )
    assert {"user": "root", "admin": True} == signed_in(door, "root", is_superuser=True).ask("GET", "/_/me").json()


def test_the_database_knows_no_sessions_key(sqlite_instance: Instance):
    browser = signed_in(Door(sqlite_instance))

    row = Session.objects.get()
    assert browser.cookies["holdfast"] not in (row.session_key, row.session_data)
    assert "alice" == row.user.username  # type: ignore[union-attr]
    browser.cookies["holdfast"] = row.session_key
    assert browser.ask("GET", "/_/me").json()["user"] is None


def test_a_cookie_is_no_credential_for_the_api(sqlite_instance: Instance):
    browser = signed_in(Door(sqlite_instance), is_superuser=True)

    assert 401 == browser.ask("GET", "/api/tokens").status
    assert 401 == browser.ask("POST", "/api/tokens", b"{}").status


def test_every_page_says_what_keeps_browsers_from_mischief(sqlite_instance: Instance):
    answer = Browser(Door(sqlite_instance)).ask("GET", "/account/nothing-here/")

    assert (404, "text/html; charset=utf-8") == (answer.status, answer.headers["content-type"])
    assert "There is no such page." in answer.text
    assert ("DENY", "nosniff", "same-origin") == tuple(
        answer.headers[name] for name in ("x-frame-options", "x-content-type-options", "referrer-policy")
    )
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy


def test_a_page_is_answered_as_a_page_while_the_database_is_away(sqlite_instance: Instance):
    browser = signed_in(Door(sqlite_instance))
    close_connection()
    sqlite_instance.config.sqlite_file.unlink()

    answer = browser.ask("GET", "/_/me")

    assert (503, "text/html; charset=utf-8") == (answer.status, answer.headers["content-type"])


def test_a_form_that_was_lost_on_its_way_is_told_as_a_page_nobody_keeps(sqlite_instance: Instance):
    answer = Browser(Door(sqlite_instance)).ask("POST", "/account/login/", b"login=x", X_Holdfast_Spool="0" * 16)

    assert (503, "text/html; charset=utf-8") == (answer.status, answer.headers["content-type"])
    assert "Installs go on meanwhile" in answer.text and "no-store" in answer.headers["cache-control"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert int(answer.headers["retry-after"]) > 0


def test_a_nul_in_an_address_is_the_askers_mistake_with_either_database(instance: Instance):
    door = Door(replace(instance, config=replace(instance.config, two_factor="optional")))
    root = signed_in(door, "root", is_superuser=True)

    assert 400 == root.ask("GET", "/admin/people/?q=a%00b").status
    assert root.ask("GET", "/admin/people/?q=ab").status < 400


@pytest.mark.parametrize(
    ("public_url", "cookie", "path", "secure"),
    [
        ("", "holdfast", "/", False),
        ("https://packages.example", "__Host-holdfast", "/", True),
        ("https://example.test/index", "__Secure-holdfast", "/index/", True),
    ],
)
def test_cookies_are_as_narrow_as_the_public_url_lets_them(
    sqlite_instance: Instance, public_url: str, cookie: str, path: str, secure: bool
):
    found = page_settings(replace(sqlite_instance.config, public_url=public_url))

    assert (cookie, path, secure) == tuple(found[f"SESSION_COOKIE_{name}"] for name in ("NAME", "PATH", "SECURE"))
    assert f"{cookie}-csrf" == found["CSRF_COOKIE_NAME"]


def test_a_prefix_is_known_whether_a_proxy_strips_it_or_not(sqlite_instance: Instance):
    door = Door(sqlite_instance, config=replace(sqlite_instance.config, public_url="https://example.test/index"))

    assert [200, 200] == [Browser(door).ask("GET", path).status for path in ("/index/_/me", "/_/me")]
    assert 404 == Browser(door).ask("GET", "/indexx/_/me").status


def test_loopback_has_three_names_and_no_other_instance_has_any(sqlite_instance: Instance):
    local = replace(sqlite_instance.config, listen_port=8000)

    names = ["http://localhost:8000", "http://127.0.0.1:8000", "http://[::1]:8000"]
    assert names == loopback_origins(local)
    assert names == loopback_origins(replace(local, public_url="http://localhost:8000"))
    assert [] == loopback_origins(replace(local, public_url="https://packages.example"))
    assert [] == loopback_origins(replace(local, listen_host="192.0.2.7", public_url="http://localhost:8000"))


def test_the_secret_key_is_a_file_of_the_data_folder(sqlite_instance: Instance):
    path = sqlite_instance.config.data / "secret-key"

    assert (0o600, 64) == (path.stat().st_mode & 0o777, len(path.read_text().strip()))
    assert (path.read_text().strip(),) == read_keys(sqlite_instance.config)


def test_an_operators_key_goes_first_and_older_ones_still_count(sqlite_instance: Instance, tmp_path):
    (tmp_path / "new").write_text("n" * 40 + "\n")
    (tmp_path / "old").write_text("o" * 40)
    config = replace(
        sqlite_instance.config,
        secret_key_file=str(tmp_path / "new"),
        secret_key_fallback_files=(str(tmp_path / "old"),),
    )

    assert tmp_path / "new" == key_file(config)
    assert ("n" * 40, "o" * 40) == read_keys(config)


@pytest.mark.parametrize("content", [b"short", b"\xff" * 40, None])
def test_a_key_that_is_none_is_refused(sqlite_instance: Instance, tmp_path, content: bytes | None):
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(Unavailable, match="secret key"):
        read_keys(replace(sqlite_instance.config, secret_key_file=str(path)))
