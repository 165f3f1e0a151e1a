"""Passwords that are known from breaches: looked up in a sorted file, or by a k-anonymity range service.

A file has one upper-case SHA-1 digest per line, a count behind a colon or not, sorted. A service is asked for the first
five digits of the digest and answers the rest of all that begin so; the password never leaves. Whichever cannot answer
lets the password pass (fail open): people must be able to change a password while a list is away. It is logged.
"""

import os
import urllib.error
import urllib.request
from hashlib import sha1
from pathlib import Path

import structlog
from django.core.exceptions import ValidationError

log = structlog.get_logger()

SERVICE_SECONDS = 2.0  # somebody waits at a form
ANSWER_BYTES_MAX = 1024 * 1024  # a range has about a thousand lines of 40 characters
LINE_BYTES_MAX = 128
_PREFIX = 5


class NotBreached:
    """A Django password validator. Where to look is the instance's setting."""

    def __init__(self, where: str | None = None) -> None:
        self._where = where

    def validate(self, password: str, user: object = None) -> None:
        if is_breached(password, self._place()):
            raise ValidationError("This password is known from a breach elsewhere; please choose another one.")

    def get_help_text(self) -> str:
        return "Your password must not be known from a breach elsewhere."

    def _place(self) -> str:
        from django.conf import settings

        return self._where if self._where is not None else str(getattr(settings, "BREACHED_PASSWORDS", ""))


def is_breached(password: str, where: str) -> bool:
    """True when the list has it. False when it has not, or when it cannot be asked."""
    if not where:
        return False
    digest = sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
    try:
        return _in_service(digest, where) if "://" in where else _in_file(digest, Path(where))
    except (OSError, ValueError) as error:
        log.warning("breached passwords cannot be looked up, and a password passed: %s", error)
        return False


def _in_service(digest: str, url: str) -> bool:
    request = urllib.request.Request(f"{url.rstrip('/')}/{digest[:_PREFIX]}", headers={"Add-Padding": "true"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=SERVICE_SECONDS) as answer:  # noqa: S310 - the operator's own URL
        lines = answer.read(ANSWER_BYTES_MAX).decode("ascii", "replace").upper().split()
    # Padding lines have the count 0: they are nobody's password.
    return any(line.startswith(f"{digest[_PREFIX:]}:") and not line.endswith(":0") for line in lines)


def _in_file(digest: str, path: Path) -> bool:
    """Binary search over the lines of a sorted file: some thirty small reads in a file of any size."""
    wanted = digest.encode()
    with path.open("rb") as file:
        low, high = 0, os.fstat(file.fileno()).st_size
        while low < high:
            middle = (low + high) // 2
            if middle:
                file.seek(middle - 1)
                file.readline(LINE_BYTES_MAX)  # the rest of the line before: now at the first that begins here or later
            else:
                file.seek(0)
            start = file.tell()
            line = file.readline(LINE_BYTES_MAX).strip().upper()[:40]
            if not line or start >= high:
                high = middle
            elif line == wanted:
                return True
            elif line < wanted:
                low = file.tell()
            else:
                high = middle
    return False
