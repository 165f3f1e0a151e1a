"""One Holdfast as a stranger would run it: `holdfast serve` in a scratch folder, real processes, real sockets.

A scenario asks the rig for what an operator could do by hand (kill a role, hide the database, run a command) and
looks at the result from outside; it never reaches into the running code.
"""

import atexit
import base64
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.drill.corpus import Wheel
from holdfast.drill.tables import lay_out

HUNG_SECONDS = 60.0  # what has not happened by then never will: it ends a wait, and says nothing of speed
PIECE_BYTES = 16 * 1024  # of a body whose sending is watched
ROLES = ("front", "pull", "control", "work")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over HTTP, errors included."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float


def wait_until(fact: Callable[[], bool], seconds: float, what: str) -> None:
    """Poll `fact` until it holds. Raises TimeoutError naming `what`."""
    deadline = time.monotonic() + seconds
    while not fact():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(0.02)


def free_port() -> int:
    """A loopback port for who listens soon; the kernel gives it to nobody else while this process lives.

    A socket that is bound and does not listen keeps it, and lets servers have it, which all reuse address or port.
    """
    keeper = socket.socket()
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    keeper.bind(("127.0.0.1", 0))
    atexit.register(keeper.close)
    return int(keeper.getsockname()[1])


class Rig:
    """A running instance. Use as a context manager; everything it started is gone at the end."""

    def __init__(self, upstream: str | None = "none", settings: Mapping[str, str] | None = None) -> None:
        """`upstream` is the sole one's URL, or none; None leaves upstreams to the configuration file in `settings`."""
        self.folder = Path(tempfile.mkdtemp(prefix="holdfast-drill-"))
        self.data = self.folder / "data"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("HOLDFAST_", "PIP_", "UV_"))},
            "HOLDFAST_DATA": str(self.data),
            "HOLDFAST_LISTEN": f"127.0.0.1:{self.port}",
            **({} if upstream is None else {"HOLDFAST_UPSTREAM": upstream}),
            **(settings or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._token = ""

    def __enter__(self) -> "Rig":
        try:
            is_new = not self.data.exists()
            if is_new and not self._environment.get("HOLDFAST_DATABASE_URL"):
                lay_out(self.data)
            self.start()
            if is_new:  # who uploads first must not find control still starting, on a machine that does much else
                self.wait_for_control()
        except BaseException as error:  # nobody else would stop what was started
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            error.add_note(f"the instance's log ends with:\n{self.log()[-4000:]}")
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    # Life and death

    def start(self, *, wait: bool = True) -> None:
        """Run `holdfast serve` and, unless told otherwise, wait until it is ready to install from."""
        with (self.folder / "serve.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "holdfast.cli.main", "serve"],
                env=self._environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        if wait:
            wait_until(self._is_ready, HUNG_SECONDS, f"ready; the log says:\n{self.log()[-2000:]}")

    def stop(self) -> None:
        """A clean stop by SIGTERM; what is left after 15 s is killed, by pid."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(5)
        self._process = None

    def restart(self, settings: Mapping[str, str]) -> None:
        """Stop cleanly and start again with these settings added."""
        self.stop()
        self._environment |= settings
        self.start()

    def _is_ready(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise RuntimeError(f"serve ended with {self._process.returncode}:\n{self.log()[-4000:]}")
        return self.get("/readyz", timeout=1).status == 200

    def log(self) -> str:
        """Everything the processes said so far."""
        return (self.folder / "serve.log").read_text(errors="replace")

    @property
    def supervisor(self) -> int:
        """The process id of `serve` itself, which also numbers the session of all its processes."""
        assert self._process is not None, "the instance does not run"
        return self._process.pid

    def pids(self) -> dict[str, int]:
        """The roles' process ids at this moment."""
        return {k: int(v) for k, v in json.loads((self.data / "run" / "pids.json").read_text()).items()}

    def kill(self, role: str, how: signal.Signals = signal.SIGKILL) -> int:
        """Signal one role's process; returns the pid it had."""
        pid = self.pids()[role]
        os.kill(pid, how)
        return pid

    def kill_everything(self) -> None:
        """kill -9 of the supervisor and all roles at once, as a machine that loses power ends them."""
        assert self._process is not None, "the instance does not run"
        for pid in (self._process.pid, *self.pids().values()):  # each leads a process group
            try:
                os.killpg(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it was between two lives
        self._process.wait(10)
        self._process = None

    def wait_dead(self) -> None:
        """Somebody else killed everything: wait for its end, so that it can be started again."""
        assert self._process is not None, "the instance does not run"
        self._process.wait(10)
        self._process = None

    def wait_respawn(self, role: str, old: int, seconds: float = 15.0) -> None:
        """Wait until the supervisor has put a new process in the place of `old`."""
        wait_until(lambda: self.pids().get(role, old) != old, seconds, f"a new {role} process")

    def wait_for_control(self) -> None:
        """Wait until uploads are answered: by then a request without a token is refused with 401."""
        wait_until(lambda: fetch(f"{self.url}/legacy/", data=b"x").status == 401, HUNG_SECONDS, "control answering")

    # What an operator does

    def run(
        self, *arguments: str, check: bool = True, stdin: str = "", settings: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a `holdfast` command against this instance's data folder, with these settings added."""
        done = subprocess.run(
            [sys.executable, "-m", "holdfast.cli.main", *arguments],
            env={**self._environment, **(settings or {})},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if check and done.returncode:
            raise RuntimeError(f"holdfast {' '.join(arguments)} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done

    def token(self) -> str:
        """A token that may read and upload: the first start's, else one that is made once per rig."""
        if not self._token:
            first = self.data / "first-token"
            self._token = (first.read_text() if first.exists() else self.run("token", "create", "drill").stdout).strip()
        return self._token

    @contextmanager
    def database_locked(self) -> Iterator[None]:
        """Hold the write lock of the SQLite database, as a stuck transaction would."""
        connection = sqlite3.connect(self.data / "holdfast.sqlite3", isolation_level=None, timeout=20)
        connection.execute("BEGIN EXCLUSIVE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")
            connection.close()

    def database_files(self) -> list[Path]:
        """The database and whatever it keeps beside itself."""
        return sorted(self.data.glob("holdfast.sqlite3*"))

    # What a client does

    def get(self, path: str, *, timeout: float = 20, headers: Mapping[str, str] | None = None) -> Answer:
        """One GET; connection trouble is status 0, an HTTP error is an Answer like any other."""
        return fetch(self.url + path, timeout=timeout, headers=headers)

    def upload(
        self,
        made: Wheel,
        *,
        timeout: float = 60,
        token: str = "",
        index: str = "",
        authorization: str = "",
        watch: Callable[[int, int], None] | None = None,
    ) -> Answer:
        """Publish a wheel the way twine does, to the default index unless another is named.

        `watch` is told the bytes of the body sent so far, and all of them, before each piece and at the end.
        """
        content_type, body = upload_form(made)
        basic = base64.b64encode(f"__token__:{token or self.token()}".encode()).decode()
        return fetch(
            f"{self.url}{'/' if index else ''}{index}/legacy/",
            timeout=timeout,
            data=body if watch is None else _in_pieces(body, watch),
            headers={
                "Authorization": authorization or f"Basic {basic}",
                "Content-Type": content_type,
                "Content-Length": str(len(body)),
            },
        )

    def environment(self) -> dict[str, str]:
        """The environment the instance runs in (a copy)."""
        return dict(self._environment)


def upload_form(made: Wheel) -> tuple[str, bytes]:
    """The form that uploads a wheel or an sdist, as twine fills it in: its Content-Type and its bytes."""
    boundary = uuid.uuid4().hex
    is_wheel = made.filename.endswith(".whl")
    fields = {
        ":action": "file_upload",
        "protocol_version": "1",
        "metadata_version": "2.1",
        "name": made.project,
        "version": made.version,
        "filetype": "bdist_wheel" if is_wheel else "sdist",
        "pyversion": "py3" if is_wheel else "source",
        "sha256_digest": made.sha256,
    }
    body = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode() for k, v in fields.items()
    )
    body += (
        f'--{boundary}\r\nContent-Disposition: form-data; name="content"; filename="{made.filename}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()
    body += made.content + f"\r\n--{boundary}--\r\n".encode()
    return f"multipart/form-data; boundary={boundary}", body


def _in_pieces(body: bytes, watch: Callable[[int, int], None]) -> Iterator[bytes]:
    for start in range(0, len(body), PIECE_BYTES):
        watch(start, len(body))
        yield body[start : start + PIECE_BYTES]
    watch(len(body), len(body))


def fetch(
    url: str,
    *,
    timeout: float = 20,
    headers: Mapping[str, str] | None = None,
    data: bytes | Iterator[bytes] | None = None,
    method: str | None = None,
) -> Answer:
    """One request on a connection of its own, redirects not followed; a POST if there is `data` and no `method`."""
    request = urllib.request.Request(url, data=data, headers=dict(headers or {}), method=method)
    started = time.monotonic()
    try:
        with _opener.open(request, timeout=timeout) as found:
            body = found.read()
            return Answer(found.status, _lower(found.headers.items()), body, time.monotonic() - started)
    except urllib.error.HTTPError as error:
        with error:
            body = error.read()
            return Answer(error.code, _lower(error.headers.items()), body, time.monotonic() - started)
    except Exception as error:  # noqa: BLE001 - any broken connection is the same fact to an installer
        return Answer(0, {"x-error": repr(error)[:200]}, b"", time.monotonic() - started)


def _lower(items: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in items}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))
