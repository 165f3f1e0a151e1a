"""What the canary's gate asks of a release, over HTTP as clients do: publish, see it, fetch it, send it again, install.

Knows addresses and credentials; where they come from is canary.py's business. Each step has a bound in seconds, and
whatever the server says is data: cut, printable, never followed.
"""

import base64
import hashlib
import http.client
import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from holdfast.core.problem import printable
from holdfast.drill.corpus import Wheel, wheel
from holdfast.drill.rig import upload_form

ANSWER_BYTES_MAX = 1024 * 1024  # of pages and files that are a few kilobytes
SAYS_CHARS_MAX = 300
POLL_SECONDS = 0.1
JSON_PAGE = "application/vnd.pypi.simple.v1+json"
LOG_STEP = "the log of the release at this address says why; leave the traffic where it is"


@dataclass(frozen=True, slots=True)
class Credential:
    """What one canary is published with. `made_by` says whose token it is, in words."""

    kind: str
    project: str
    user: str
    text: str = field(repr=False)
    made_by: str = "this release"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check. `ok` None: it could not be made here, which is no failure."""

    check: str
    ok: bool | None
    text: str
    seconds: float = 0.0
    next_step: str = ""

    def __str__(self) -> str:
        line = f"{ {True: 'ok  ', False: 'FAIL', None: '--  '}[self.ok] }  {self.check:<32} {self.text}"
        return line if self.ok or not self.next_step else f"{line}\n      {'':<32} -> {self.next_step}"


@dataclass(frozen=True, slots=True)
class Said:
    """An answer; status 0 is a connection that broke."""

    status: int
    body: bytes

    def __str__(self) -> str:
        return f"{self.status or 'no answer'}: {printable(_sentence(self.body), SAYS_CHARS_MAX)}"


class Failed(Exception):  # noqa: N818 - what a check found
    """A step did not go as it must. The message says which, and what was answered."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """The release that is asked. `root` has no trailing slash; `path` is "" for the index at the root, else "/name"."""

    root: str
    path: str
    seconds_max: float  # of each request
    certificate: str = ""  # a file; the address need not be the name in it
    reader: str = field(default="", repr=False)  # a token that reads the index

    def wait(self, seconds: float) -> Finding:
        """Until installs and uploads are answered; uploads without a credential are refused."""
        began = time.monotonic()
        said = Said(0, b"")
        while time.monotonic() - began < seconds:
            said = self.ask("/readyz")
            if said.status == 200:
                said = self.ask(f"{self.path}/legacy/", data=b"x")
                if said.status == 401:
                    text = "answers installs, refuses uploads without a credential"
                    return Finding("ready", True, text, time.monotonic() - began)
                if said.status < 500:
                    return Finding("ready", False, f"an upload without a credential: {said}", 0.0, LOG_STEP)
            time.sleep(POLL_SECONDS)
        return Finding("ready", False, f"not within {seconds:g} s; the last answer was {said}", seconds, LOG_STEP)

    def publishes(self, made: Wheel, credential: Credential) -> Finding:
        """Upload, page, bytes, and the same file again."""
        began = time.monotonic()
        name = f"{credential.kind}, {credential.made_by}"
        try:
            said = self.upload(made, credential)
            _demand(said, 200, "the upload")
            uploaded = time.monotonic() - began
            fetched = self.fetch(made)
            if hashlib.sha256(fetched).hexdigest() != made.sha256:
                raise Failed("other bytes come back than were sent")
            _demand(self.upload(made, credential), 200, "the same file sent again")
        except Failed as error:
            return Finding(name, False, str(error), time.monotonic() - began, LOG_STEP)
        text = f"uploaded in {uploaded * 1000:.0f} ms, listed, the same bytes, sent again"
        return Finding(name, True, text, time.monotonic() - began)

    def keeps(self, made: Wheel, credential: Credential) -> Finding:
        """A filename is bound to its bytes: other ones are refused with 400, and change nothing."""
        began = time.monotonic()
        other = wheel(made.project, made.version, filler_bytes=1)
        said = self.upload(other, credential)
        if said.status == 400 and b"File already exists" in said.body:
            return Finding("other bytes under the same name", True, "refused", time.monotonic() - began)
        return Finding("other bytes under the same name", False, str(said), time.monotonic() - began, LOG_STEP)

    def installs(self, made: Sequence[Wheel]) -> Finding:
        """pip installs all of them, without any cache, and what is there says the version."""
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="holdfast-canary-") as name:
            folder = Path(name)
            wanted = [f"{one.project}=={one.version}" for one in made]
            asked = folder / "requirements.txt"  # the token in its address is nowhere among processes' arguments
            asked.write_text("\n".join([f"--index-url {self._simple_with_token()}", *wanted]) + "\n")
            try:
                said = _pip(folder, asked, self.certificate, self.seconds_max)
            except subprocess.TimeoutExpired:
                said = f"pip was not done after {self.seconds_max:g} s"
            missing = [one.project for one in made if not _is_installed(folder / "target", one)]
        seconds = time.monotonic() - began
        if not said and not missing:
            count = f"{len(made)} project{'s' if len(made) != 1 else ''}"
            return Finding("pip install", True, f"{count} in {seconds:.1f} s", seconds)
        text = said or f"not what was published: {', '.join(missing)}"
        return Finding(
            "pip install", False, printable(text.replace(self.reader, "…"), SAYS_CHARS_MAX), seconds, LOG_STEP
        )

    def exchange(self, identity_token: str, index: str, audience: str) -> str:
        """The token for that index which a trusted publisher gets for its identity token. Raises Failed.

        An identity that other projects trust as well may get a token for their index: the audience decides.
        """
        said = self.ask(
            "/_/oidc/mint-token", data=json.dumps({"token": identity_token}).encode(), kind="application/json"
        )
        _demand(said, 200, "the exchange of the identity token")
        given = _document(said.body)
        if given.get("index") != index:
            other = printable(str(given.get("index")))
            raise Failed(f"the exchange gives a token for index {other}; have it made for the audience {audience}")
        return str(given.get("token", ""))

    def upload(self, made: Wheel, credential: Credential) -> Said:
        """POST /legacy/ with a Basic credential, as every tool does."""
        kind, body = upload_form(made)
        basic = base64.b64encode(f"{credential.user}:{credential.text}".encode()).decode()
        return self.ask(f"{self.path}/legacy/", data=body, kind=kind, authorization=f"Basic {basic}")

    def fetch(self, made: Wheel) -> bytes:
        """The file as the project's page names it, waited for. Raises Failed."""
        deadline = time.monotonic() + self.seconds_max
        while True:
            page = self._read(f"{self.path}/simple/{made.project}/", JSON_PAGE)
            files = _document(page.body).get("files", []) if page.status == 200 else []
            found = next((file for file in files if file.get("filename") == made.filename), None)
            if found is not None:
                break
            if time.monotonic() > deadline:
                raise Failed(f"the file is not on its page after {self.seconds_max:g} s: {page.status}")
            time.sleep(POLL_SECONDS)
        if found.get("hashes") != {"sha256": made.sha256}:
            raise Failed("the page gives another digest than the file has")
        # Links are relative, as installers see them: two levels up is the index's own root.
        link = str(found.get("url", ""))
        if not link.startswith("../../"):
            raise Failed("the page's link does not stay below its index")
        got = self._read(f"{self.path}/{link.removeprefix('../../')}", "*/*")
        _demand(got, 200, "the file's download")
        return got.body

    def _read(self, path: str, accept: str) -> Said:
        basic = base64.b64encode(f"__token__:{self.reader}".encode()).decode()
        return self.ask(path, authorization=f"Basic {basic}", accept=accept)

    def ask(
        self,
        path: str,
        *,
        data: bytes | None = None,
        kind: str = "text/plain",
        authorization: str = "",
        accept: str = "",
    ) -> Said:
        """One request on a connection of its own, redirects not followed."""
        given = {"Content-Type": kind if data is not None else "", "Authorization": authorization, "Accept": accept}
        headers = {name: value for name, value in given.items() if value}
        request = urllib.request.Request(self.root + path, data=data, headers=headers)  # noqa: S310 - http(s), by its caller
        deadline = time.monotonic() + self.seconds_max
        try:
            with _opener(self.certificate).open(request, timeout=self.seconds_max) as answer:
                return Said(answer.status, _all_of(answer, deadline))
        except urllib.error.HTTPError as error:
            with error:
                return Said(error.code, _all_of(error, deadline))
        except (OSError, http.client.HTTPException) as error:
            return Said(0, str(getattr(error, "reason", None) or error or type(error).__name__).encode())

    def _simple_with_token(self) -> str:
        parts = urlsplit(f"{self.root}{self.path}/simple/")
        return urlunsplit(parts._replace(netloc=f"__token__:{self.reader}@{parts.netloc}"))


def canaries(credentials: Sequence[Credential], run: str) -> Iterator[tuple[Credential, Wheel]]:
    """A wheel for each credential, in a version that no other run has; `run` is a version of digits and dots."""
    for number, credential in enumerate(credentials):
        yield credential, wheel(credential.project, f"{run}.{number}")


def _demand(said: Said, status: int, what: str) -> None:
    if said.status != status:
        raise Failed(f"{what} is answered {said}")


def _pip(folder: Path, asked: Path, certificate: str, seconds: float) -> str:
    """What pip says when it fails, "" when it is done. Raises TimeoutExpired."""
    command = [sys.executable, "-m", "pip", "--isolated", "--no-input", "--disable-pip-version-check", "--no-cache-dir"]
    command += ["--retries", "0", "install", "--no-deps", "--quiet", "--target", str(folder / "target")]
    command += ["--cert", certificate] if certificate else []
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON", "HOLDFAST_"))}
    done = subprocess.run(
        [*command, "-r", str(asked)],
        env=kept | {"PIP_CONFIG_FILE": os.devnull, "NO_PROXY": "*", "HOME": str(folder), "TMPDIR": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    return (done.stderr.strip().rpartition("\n")[2] or f"pip ended with {done.returncode}") if done.returncode else ""


def _is_installed(target: Path, made: Wheel) -> bool:
    module = target / made.project.replace("-", "_") / "__init__.py"
    return module.exists() and f'"{made.version}"' in module.read_text(encoding="utf-8")


def _document(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {}


def _sentence(body: bytes) -> str:
    """A problem document's detail, an exchange's first error, else the text's first line."""
    document = _document(body)
    errors = document.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    detail = document.get("detail") or first.get("description")
    return str(detail) if detail else body[: 4 * SAYS_CHARS_MAX].decode(errors="replace").strip().partition("\n")[0]


def _all_of(answer: Any, deadline: float) -> bytes:
    """A body, as long as it is short and in time."""
    read = b""
    while len(read) < ANSWER_BYTES_MAX and time.monotonic() < deadline:
        chunk = answer.read1(64 * 1024) if hasattr(answer, "read1") else answer.read(64 * 1024)
        if not chunk:
            break
        read += chunk
    return read


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A token goes where it was meant to go."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def _opener(certificate: str) -> urllib.request.OpenerDirector:
    context = ssl.create_default_context()
    if certificate:
        context.load_verify_locations(certificate)
        context.check_hostname = False  # the release is asked at its own address, not at its name
    return urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=context), _NoRedirects(), urllib.request.ProxyHandler({})
    )
