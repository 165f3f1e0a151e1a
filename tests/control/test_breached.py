"""Passwords known from breaches: found in a sorted file, and by a range service that learns five digits alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from browsers import Browser
from control.test_sign_up_and_in import opened
from instances import Instance

from holdfast.control.accounts.breached import ANSWER_BYTES_MAX, is_breached
from holdfast.control.accounts.models import User

KNOWN = tuple(f"a known sentence {number}" for number in range(50))
FRESH = "nobody has ever said this"


def digest(password: str) -> str:
    return sha1(password.encode()).hexdigest().upper()


@pytest.fixture(params=["", ":7"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A sorted list, with counts or without."""
    found = tmp_path / "breached.txt"
    found.write_text("".join(f"{line}{request.param}\n" for line in sorted(map(digest, KNOWN))))
    return found


@contextmanager
def service(status: int, body: bytes) -> Iterator[tuple[str, list[str]]]:
    """(its URL, what it was asked)."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/range", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def test_each_line_of_a_file_is_found_and_nothing_else(file: Path):
    assert all(is_breached(password, str(file)) for password in KNOWN)
    assert not any(is_breached(f"{FRESH} {number}", str(file)) for number in range(50))


@pytest.mark.parametrize("text", ["", "\n", "no digests at all\n", "0" * 10_000])
def test_a_file_of_something_else_finds_nothing(tmp_path: Path, text: str):
    (tmp_path / "odd.txt").write_text(text)

    assert not is_breached(FRESH, str(tmp_path / "odd.txt"))


def test_a_service_learns_five_digits_alone():
    wanted = digest(KNOWN[0])
    with service(200, f"{'0' * 35}:3\r\n{wanted[5:].lower()}:12\r\n".encode()) as (url, asked):
        assert is_breached(KNOWN[0], url)
        assert not is_breached(FRESH, url)

    assert [f"/range/{wanted[:5]}", f"/range/{digest(FRESH)[:5]}"] == asked


def test_the_padding_of_a_service_is_nobodys_password():
    with service(200, f"{digest(FRESH)[5:]}:0\r\n".encode()) as (url, _asked):
        assert not is_breached(FRESH, url)


@pytest.mark.parametrize(("status", "body"), [(500, b""), (404, b""), (200, b"x" * (ANSWER_BYTES_MAX + 1))])
def test_a_list_in_trouble_lets_a_password_pass(tmp_path: Path, status: int, body: bytes):
    with service(status, body) as (url, asked):
        assert not is_breached(KNOWN[0], url) and asked
    assert not is_breached(KNOWN[0], url)  # it does not answer at all
    assert not is_breached(KNOWN[0], str(tmp_path / "none"))
    assert not is_breached(KNOWN[0], "")


def test_a_form_refuses_a_known_password(sqlite_instance: Instance, file: Path):
    browser = Browser(opened(sqlite_instance, breached_passwords=str(file)))
    for password, expected in ((KNOWN[3], False), (FRESH, True)):
        browser.get("/account/signup/")
        shown = browser.submit("/account/signup/", username="alice", email="alice@example.org", password1=password)
        assert expected is User.objects.exists() and expected is not ("known from a breach" in shown.text)
