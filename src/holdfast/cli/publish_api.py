"""The management API as `holdfast publish` uses it: small questions, and forms streamed from disk.

What the server says is data: it is shown as printable text and never followed to another place.
"""

import http.client
import json
import secrets
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from holdfast.cli.publish_files import Dist
from holdfast.core.problem import printable

ANSWER_SECONDS_MAX = 600.0  # of silence: a server looks through gigabytes before it answers
ANSWER_BYTES_MAX = 4 * 1024 * 1024
TRIES = 3
PAUSE_SECONDS_MAX = 5.0  # between two tries, whatever Retry-After asks for
_CHUNK = 256 * 1024
_SAYS_CHARS_MAX = 400


class CannotReach(Exception):  # noqa: N818 - the person's answer
    """The server did not answer, or could not just now: the same command may be repeated."""


class Said(Exception):  # noqa: N818 - the person's answer
    """The server refused: its status, and why, one sentence per thing that is wrong."""

    def __init__(self, status: int, sentences: tuple[str, ...], location: str = "") -> None:
        super().__init__(" ".join(sentences))
        self.status = status
        self.sentences = sentences
        self.location = location


@dataclass(frozen=True, slots=True)
class SessionApi:
    """Publishing sessions of one index."""

    root: str  # the server's root URL, without a trailing slash
    index: str
    token: str = field(repr=False)
    certificate: str = ""  # a file with a certificate to trust besides the machine's own
    sleep: Callable[[float], None] = time.sleep

    def open(self, name: str, version: str) -> tuple[str, bool]:
        """A session's id, and whether it was opened just now. Raises Said, CannotReach."""
        try:
            return str(self._json("POST", "", {"name": name, "version": version})["session"]), True
        except Said as error:
            found = urlsplit(error.location).path.rpartition("/")[2]
            if error.status != 409 or not found.isalnum():
                raise
            return found, False

    def show(self, session: str) -> Mapping[str, Any]:
        return self._json("GET", f"/{session}")

    def cancel(self, session: str) -> None:
        self._json("DELETE", f"/{session}")

    def remove(self, session: str, filename: str) -> None:
        self._json("DELETE", f"/{session}/files/{quote(filename)}")

    def publish(self, session: str, *, dry_run: bool) -> Mapping[str, Any]:
        return self._json("POST", f"/{session}/publish", {"dry_run": dry_run})

    def stage(self, session: str, dist: Dist, sent: Callable[[int], None]) -> tuple[str, ...]:
        """Send one file; what the server notes of it. `sent` is told how many bytes more (on a new try: less) went."""
        done = 0

        def count(size: int) -> None:
            nonlocal done
            done += size
            sent(size)

        def body() -> tuple[Iterator[bytes], dict[str, str]]:
            count(-done)  # a new try starts at the first byte
            boundary = secrets.token_hex(16)
            before, after = _around(dist, boundary)
            length = len(before) + dist.size + len(after)
            kind = f"multipart/form-data; boundary={boundary}"
            return _stream(before, dist.path, after, count), {"Content-Type": kind, "Content-Length": str(length)}

        notes = self._ask("POST", f"/{session}/files", body).get("notes")
        return tuple(map(str, notes)) if isinstance(notes, list) else ()

    def _json(self, method: str, path: str, document: object = None) -> Mapping[str, Any]:
        data = None if document is None else json.dumps(document).encode()
        return self._ask(method, path, lambda: (data, {"Content-Type": "application/json"} if data else {}))

    def _ask(self, method: str, path: str, body: Callable[[], tuple[Any, dict[str, str]]]) -> Mapping[str, Any]:
        """One request, again while the server is not to be reached or asks to come back."""
        for attempt in range(1, TRIES + 1):
            data, headers = body()
            try:
                return self._once(method, path, data, headers)
            except CannotReach:
                if attempt == TRIES:
                    raise
                self.sleep(min(2.0**attempt, PAUSE_SECONDS_MAX))
        raise AssertionError

    def _once(self, method: str, path: str, data: Any, headers: dict[str, str]) -> Mapping[str, Any]:
        url = f"{self.root}/api/sessions/{quote(self.index)}{path}"
        asked = urllib.request.Request(url, data=data, method=method, headers=headers)  # noqa: S310 - http(s), by _root
        asked.add_unredirected_header("Authorization", f"Bearer {self.token}")
        try:
            with self._opener().open(asked, timeout=ANSWER_SECONDS_MAX) as answer:
                return _document(answer.read(ANSWER_BYTES_MAX))
        except urllib.error.HTTPError as error:
            said = _said(error.code, error.read(ANSWER_BYTES_MAX), error.headers.get("Location") or "")
            if error.code in (429, 502, 503, 504):
                raise CannotReach(f"{self.root} answers {error.code}: {said}") from error
            raise said from error
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise CannotReach(f"{self.root} cannot be reached: {printable(str(reason), 200)}") from error

    def _opener(self) -> urllib.request.OpenerDirector:
        context = ssl.create_default_context()
        if self.certificate:
            context.load_verify_locations(self.certificate)
        return urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _NoRedirects())


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A token goes where it was meant to go."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def _around(dist: Dist, boundary: str) -> tuple[bytes, bytes]:
    """What comes before and after the file's bytes in the form that every upload tool sends."""
    fields = {
        ":action": "file_upload",
        "protocol_version": "1",
        "metadata_version": "2.1",
        "name": dist.name,
        "version": str(dist.version),
        "filetype": dist.filetype,
        "pyversion": dist.pyversion,
        "sha256_digest": dist.sha256,
    }
    if dist.attestations:
        fields["attestations"] = f"[{','.join(dist.attestations)}]"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="content"; filename="{dist.filename}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return "".join(parts).encode(), f"\r\n--{boundary}--\r\n".encode()


def _stream(before: bytes, path: Path, after: bytes, sent: Callable[[int], None]) -> Iterator[bytes]:
    yield before
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
            sent(len(chunk))
    yield after


def _document(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Said(200, ("the answer is not one of a Holdfast's management API; is --url right?",))
    return found


def _said(status: int, body: bytes, location: str) -> Said:
    """A problem document as sentences; what is none, as its status."""
    try:
        found = json.loads(body)
        errors = [str(one["message"]) for one in found.get("errors", [])]
        sentences = errors or [str(found["detail"])]
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        sentences = [f"the server answers {status}; is --url the root of a Holdfast?"]
    return Said(status, tuple(printable(one, _SAYS_CHARS_MAX) for one in sentences[:50]), location)
