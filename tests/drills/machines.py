"""Two machines of one instance: own folders, ports and processes; nothing is shared but the bucket and PostgreSQL."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from postgres import create_database, postgres_server

from holdfast.drill.bucket import Bucket
from holdfast.drill.corpus import Upstream, Wheel
from holdfast.drill.rig import Rig


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
        bucket = stack.enter_context(Bucket())
        upstream = stack.enter_context(Upstream(wheels))
        shared = {**bucket.settings, "HOLDFAST_DATABASE_URL": create_database(folder, "machines"), **(settings or {})}
        rigs = [stack.enter_context(Rig(f"{upstream.url}/simple/", shared)) for _ in range(2)]
        yield Machines(*rigs, bucket, upstream)


def kill_machine(rig: Rig) -> None:
    """What a power cut does: every process of the machine is gone at once."""
    for pid in processes_of(rig):
        with suppress(ProcessLookupError):  # one that ended by itself meanwhile
            os.kill(pid, signal.SIGKILL)
    rig.wait_dead()


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
