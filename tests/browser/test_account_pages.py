"""A person's account in a real browser over a whole running instance: an app, a passkey, out, in again, and the end."""

import base64
import hmac
import os
import re
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from browser.conftest import DESKTOP, PHONE
from browser.pages_list import unseen
from browser.test_public_pages import violations
from playwright.sync_api import Page
from processes import starting, wait_for

PASSWORD = "correct horse battery staple"
SEEN: set[str] = set()  # paths that were looked at
SHOTS = os.environ.get("SHOTS", "")  # a folder for pictures of every page, for a person to look at


BEFORE = (  # what a visitor comes across
    "login",
    "inactive",
    "confirm-email",
    "password/reset",
    "password/reset/done",
    "password/reset/key/1-no-such-key",
    "password/reset/key/done",
    "let-in/no-such-key",
)
WITH_A_KEY = (  # what somebody who has just proven who they are is shown
    "logout",
    "reauthenticate",
    "2fa/reauthenticate",
    "2fa/keys/reauthenticate",
    "2fa/totp/deactivate",
    "2fa/recovery-codes",
    "2fa/recovery-codes/generate",
)


class Instance:
    """A running instance and its operator."""

    def __init__(self, url: str, environ: dict[str, str]) -> None:
        self.url = url
        self._environ = environ

    def is_answering(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/_/me", timeout=20) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def holdfast(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "holdfast.cli.main", *arguments]
        done = subprocess.run(command, env={**os.environ, **self._environ}, capture_output=True, text=True, check=True)
        return done.stdout

    def link(self, text: str) -> str:
        """The link in a text, at the name browsers make keys for."""
        found = re.search(r"http://127\.0\.0\.1:\d+(/\S+)", text)
        assert found, text
        return self.url + found[1]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    folder = tmp_path_factory.mktemp("accounts")
    environ = {
        "HOLDFAST_DATA": str(folder / "data"),
        "HOLDFAST_LISTEN": "127.0.0.1:0",
        "HOLDFAST_UPSTREAM": "none",
        "HOLDFAST_SIGN_UP": "open",
    }
    with starting(folder) as start:
        command = start("-m", "holdfast.cli.main", "serve", **environ)
        found = re.search(r"http://127\.0\.0\.1:(\d+)", command.says("Stop: Ctrl-C"))
        assert found
        instance = Instance(f"http://localhost:{found[1]}", environ)
        wait_for(instance.is_answering, "the first page of control")  # which starts after what serves installs
        yield instance


def looked_at(page: Page, name: str) -> None:
    """No serious fault, no sideways scrolling, in light and dark, wide and narrow."""
    faults = []
    for size, scheme in ((DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "dark"), (PHONE, "light")):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        faults += [f"{name} {size['width']} {scheme}: {fault}" for fault in violations(page)]
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        faults += [f"{name} {size['width']}: {wider} pixels have to be scrolled to sideways"] if wider else []
        if SHOTS:
            page.screenshot(path=Path(SHOTS) / f"{name}-{size['width']}-{scheme}.png", full_page=True)
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    SEEN.add(urlsplit(page.url).path)
    assert [] == faults


def glanced_at(page: Page, path: str) -> None:
    """As `looked_at`, at the narrowest in dark alone: pages made of the same parts as those."""
    page.goto(path)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert ([], 0) == (violations(page), wider), path
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    SEEN.add(urlsplit(page.url).path)


def code_of(secret: str) -> str:
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", int(time.time()) // 30), "sha1")
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4]) & 0x7FFFFFFF) % 1_000_000:06d}"


def test_sign_up_app_passkey_and_back(page: Page, running: Instance) -> None:
    console = page.context.new_cdp_session(page)
    console.send("WebAuthn.enable")
    key = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    console.send("WebAuthn.addVirtualAuthenticator", {"options": key})

    for place in BEFORE:
        glanced_at(page, f"{running.url}/account/{place}/")
    page.goto(f"{running.url}/account/signup/")
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Mail address").fill("alice@example.org")
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Make the account").click()
    looked_at(page, "sign-up refused")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    page.get_by_role("heading", name="Confirm your address").wait_for()
    looked_at(page, "mail on its way")

    page.goto(running.link(running.holdfast("mail", "list", "--show")))
    looked_at(page, "confirm")
    page.get_by_role("button", name="Confirm the address").click()
    looked_at(page, "sign in")
    page.get_by_label("User name or address").fill("alice")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("heading", name="alice").wait_for()
    looked_at(page, "home")

    page.goto(f"{running.url}/account/2fa/totp/activate/")
    looked_at(page, "still you")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    looked_at(page, "app")
    secret = page.locator("pre code").inner_text()
    page.get_by_label("Code").fill(code_of(secret))
    page.get_by_role("button", name="Set up", exact=True).click()
    page.get_by_role("heading", name="Recovery codes").wait_for()
    looked_at(page, "recovery codes")
    code = page.locator("pre code").inner_text().split()[0]

    page.goto(f"{running.url}/account/2fa/keys/add/")
    page.get_by_label("Sign in with it alone").check()
    looked_at(page, "add a key")
    page.get_by_role("button", name="Add the key").click()
    page.get_by_role("heading", name="Passkeys and security keys").wait_for()
    looked_at(page, "keys")
    for place in ("2fa", "email", "sessions", "password/change"):
        page.goto(f"{running.url}/account/{place}/")
        looked_at(page, place.replace("/", " "))
    for place in WITH_A_KEY:
        glanced_at(page, f"{running.url}/account/{place}/")
    glanced_at(page, f"{running.url}/account/2fa/keys/")
    for link in [one.get_attribute("href") for one in page.locator("main td a, main th a").all()]:
        glanced_at(page, f"{running.url}{link}")
    assert "Account" not in page.get_by_role("navigation", name="Main").inner_text()  # the script says who it is

    page.goto(f"{running.url}/account/")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.get_by_role("heading", name="alice").wait_for()

    page.goto(f"{running.url}/account/logout/")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("User name or address").fill("alice@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    looked_at(page, "second factor")
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("heading", name="alice").wait_for()

    page.goto(f"{running.url}/account/delete/")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    looked_at(page, "delete")
    page.get_by_label("Your user name").fill("alice")
    page.get_by_role("button", name="Delete the account").click()
    page.get_by_role("heading", name="The account is deleted").wait_for()
    not_found = "Failed to load resource: the server responded with a status of 404 (Not Found)"  # a link of no use
    assert {not_found} >= set(page.complaints)  # type: ignore[attr-defined]
    assert [] == unseen("test_account_pages", SEEN)
