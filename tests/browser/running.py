"""A whole running instance as the walks see it: its operator at the command line, mails, codes of an app, a passkey."""

import base64
import hmac
import os
import re
import struct
import subprocess
import sys
import time
import urllib.request

from playwright.sync_api import Page

PASSWORD = "correct horse battery staple"
KEY = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


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


def code_of(secret: str) -> str:
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", int(time.time()) // 30), "sha1")
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4]) & 0x7FFFFFFF) % 1_000_000:06d}"


def with_a_key(page: Page) -> None:
    """Give the browser an authenticator that says yes to whoever asks."""
    console = page.context.new_cdp_session(page)
    console.send("WebAuthn.enable")
    console.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})
