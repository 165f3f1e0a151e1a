"""Two machines of one instance: own folders, ports and processes; nothing is shared but the bucket and PostgreSQL."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from postgres import create_database, postgres_server

from holdfast.drill.corpus import Upstream, Wheel
from holdfast.drill.rig import Rig, fetch, free_port, wait_until

BUCKET_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}


class Bucket:
    """A server of the S3 protocol in a process of its own, which can swallow everything like a dead network."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    @property
    def settings(self) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL": self.url, "HOLDFAST_STORE": "s3://bucket/prefix", **BUCKET_CREDENTIALS}

    def create(self) -> None:
        """Wait for the server and make the bucket."""
        wait_until(lambda: fetch(self.url).status == 200, 30, "the S3 server")
        assert fetch(f"{self.url}/bucket", data=b"", method="PUT").status == 200

    def black_hole(self) -> None:
        """Connections are taken, and nothing is ever answered."""
        self._process.send_signal(signal.SIGSTOP)

    def recover(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        self.recover()
        self._process.terminate()
        self._process.wait(20)


@dataclass(frozen=True, slots=True)
class Machines:
    one: Rig
    other: Rig
    bucket: Bucket
    upstream: Upstream


@contextmanager
def two_machines(wheels: list[Wheel], settings: dict[str, str] | None = None) -> Iterator[Machines]:
    """Start the bucket, the database, an upstream with `wheels`, and two machines; skips loudly without its parts."""
    pytest.importorskip("moto.server", reason="moto is not installed")
    with ExitStack() as stack:
        folder = stack.enter_context(postgres_server())
        bucket = Bucket()
        stack.callback(bucket.stop)
        bucket.create()
        upstream = stack.enter_context(Upstream(wheels))
        shared = {**bucket.settings, "HOLDFAST_DATABASE_URL": create_database(folder, "machines"), **(settings or {})}
        rigs = [stack.enter_context(Rig(f"{upstream.url}/simple/", shared)) for _ in range(2)]
        yield Machines(*rigs, bucket, upstream)


def kill_machine(rig: Rig) -> None:
    """What a power cut does: every process of the machine is gone at once."""
    for pid in processes_of(rig):
        os.kill(pid, signal.SIGKILL)


def processes_of(rig: Rig) -> list[int]:
    """Every process of the machine's session, the supervisor first."""
    leader = rig.supervisor
    found = []
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if entry.name.isdigit() and int(fields[3]) == leader:
            found.append(int(entry.name))
    return sorted(found, key=lambda pid: pid != leader)
