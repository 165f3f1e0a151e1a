"""One role as a process of its own: how it is started, told apart from strangers, asked whether it answers, ended."""

import ctypes
import http.client
import os
import re
import select
import signal
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from holdfast.config import Config
from holdfast.front.listening import LISTENER, READY, STOP_ACCEPTING

PROBE_SECONDS_MAX = 1.0
_PR_SET_PDEATHSIG = 1  # prctl(2)
_LISTEN = "0A"  # the state column of /proc/net/tcp
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(slots=True, eq=False)
class Child:
    """A running role. Its process leads a group of its own, so that its workers can be ended with it."""

    role: str
    process: subprocess.Popen[bytes]
    started: float = field(default_factory=time.monotonic)
    ready: int | None = None  # a pipe's end that becomes readable once it accepts connections; None: it does not tell

    @property
    def pid(self) -> int:
        return self.process.pid

    def terminate(self) -> None:
        """Ask for a clean end. Only the leader: it stops its workers in order."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def leave(self) -> None:
        """Have it take no connection any more, and answer on those it has."""
        if self.process.poll() is None:
            self.process.send_signal(STOP_ACCEPTING)

    def is_ready(self) -> bool:
        """True once it said that it accepts connections, or when it says no such thing."""
        return self.ready is None or bool(select.select([self.ready], [], [], 0)[0])

    def forget_ready(self) -> None:
        """Listen for it no more."""
        if self.ready is not None:
            os.close(self.ready)
            self.ready = None

    def kill_group(self) -> None:
        """End whatever is left of the group, now. After the leader is gone this ends workers it left behind."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # the usual case: nothing is left

    def ended(self) -> bool:
        """True once the leader is gone."""
        return self.process.poll() is not None

    def describe_end(self) -> str:
        """How it ended, for a log line."""
        code = self.process.returncode
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def start(
    role: str, command: Sequence[str], environ: Mapping[str, str], inherits: Mapping[str, int] | None = None
) -> Child:
    """Start a role. It gets SIGTERM when this process dies, even by kill -9.

    `inherits`: descriptors it goes on with, under the names of environment variables that tell it their numbers.
    Must be called on the main thread: the kernel ties that signal to the thread that forks.
    """
    inherits = inherits or {}
    process = subprocess.Popen(
        list(command),
        env={**environ, **{name: str(number) for name, number in inherits.items()}},
        stdin=subprocess.DEVNULL,
        process_group=0,
        preexec_fn=dies_with_us(),
        pass_fds=tuple(inherits.values()),
    )
    return Child(role, process)


def start_front(command: Sequence[str], environ: Mapping[str, str], listener: int) -> Child:
    """Start a front that accepts at a listening socket of ours, and says when it does."""
    told, tells = os.pipe()
    try:
        front = start("front", command, environ, {LISTENER: listener, READY: tells})
    finally:
        os.close(tells)
    front.ready = told
    return front


def dies_with_us() -> Callable[[], None]:
    """A preexec_fn after which the process gets SIGTERM when this one ends. Safe in a process of one thread."""
    parent = os.getpid()

    def before_exec() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died between fork and prctl
            os._exit(0)

    return before_exec


def answers(config: Config, child: Child) -> bool:
    """True when `child` itself listens on the port and /healthz there gives 200.

    Fronts share the port (SO_REUSEPORT), so an answer alone does not say whose it is.
    """
    return listens(child.pid, config.listen_port) and _probe(config) is not None


def presents(config: Config, child: Child, certificate: bytes) -> bool:
    """True when `child` listens and a connection to the port is shown `certificate` (DER)."""
    return child.is_ready() and listens(child.pid, config.listen_port) and _probe(config) == certificate


def _probe(config: Config) -> bytes | None:
    """GET /healthz: the certificate presented (b"" without TLS) when it answers 200, else None."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.listen_host, config.listen_host)  # noqa: S104 - compared
    connection: http.client.HTTPConnection
    if config.tls_cert:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # we ask which certificate it is, not whether strangers trust it
        connection = http.client.HTTPSConnection(host, config.listen_port, timeout=PROBE_SECONDS_MAX, context=context)
    else:
        connection = http.client.HTTPConnection(host, config.listen_port, timeout=PROBE_SECONDS_MAX)
    try:
        connection.request("GET", "/healthz", headers={"Connection": "close"})
        certificate = b""
        if isinstance(connection.sock, ssl.SSLSocket):
            certificate = connection.sock.getpeercert(binary_form=True) or b""
        return certificate if connection.getresponse().status == 200 else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def listens(leader: int, port: int) -> bool:
    """True when a process of `leader`'s group holds a socket listening on that TCP port."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    return bool(sockets) and any(_holds(pid, sockets) for pid in group_members(leader))


def group_members(leader: int) -> Iterator[int]:
    """The processes of a group."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "stat").read_text()
        except OSError:
            continue  # it ended meanwhile
        # pid (name) state ppid pgrp ...: the name may hold spaces and brackets, so count from its last bracket.
        if int(status[status.rindex(")") + 2 :].split()[2]) == leader:
            yield int(folder.name)


def _listening_inodes(port: int) -> Iterator[str]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue  # no IPv6 on this machine
        for line in lines:
            columns = line.split()
            if columns[3] == _LISTEN and int(columns[1].rpartition(":")[2], 16) == port:
                yield columns[9]


def _holds(pid: int, sockets: set[str]) -> bool:
    try:
        return any(os.readlink(descriptor) in sockets for descriptor in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def first_certificate(file: str, key: str) -> bytes:
    """The leaf certificate (DER) of a PEM file, after checking that it and its key load as a pair.

    Raises OSError (ssl.SSLError included) and ValueError.
    """
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(file, key)
    match = re.search(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", Path(file).read_text(), re.DOTALL)
    if match is None:
        raise ValueError("it holds no certificate")
    return ssl.PEM_cert_to_DER_cert(match[0])
