"""The process that reads a dump may be killed, for the memory of others: that says nothing about the dump."""

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest
from processes import wait_for
from pull.osv import NOW, record

from holdfast.core.errors import Unavailable
from holdfast.pull.advisories import compile_apart


def reader_of(path: Path) -> int:
    """The process id of whoever reads that dump, or 0."""
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"holdfast.pull.osv_dump" in words and os.fsencode(path) in words:
            return int(entry.name)
    return 0


def test_a_reader_that_was_killed_is_trouble_of_ours_and_tried_again(tmp_path: Path) -> None:
    for number in range(3000):
        (tmp_path / f"{number}.json").write_text(json.dumps(record(f"MAL-{number}", f"bad-{number}")))

    async def killed() -> None:
        reading = asyncio.create_task(compile_apart(tmp_path, NOW))
        pid = await asyncio.to_thread(wait_for, lambda: reader_of(tmp_path), "the process that reads the dump")
        os.kill(pid, signal.SIGKILL)
        await reading

    with pytest.raises(Unavailable, match="ended with -9"):
        asyncio.run(killed())
