"""Real processes for tests of the command line: started in their own data folder, waited for by facts, ended by pid."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from holdfast.drill.rig import HUNG_SECONDS

T = TypeVar("T")


def wait_for(fact: Callable[[], T], what: str, seconds: float = HUNG_SECONDS) -> T:
    """Poll until `fact` gives something true, and return it; fail naming `what` at the deadline."""
    deadline = time.monotonic() + seconds
    while not (found := fact()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)
    return found


def is_alive(pid: int) -> bool:
    """True for a process that exists and is no zombie."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status[status.rindex(")") + 2] not in "ZX"


class Command:
    """One started command, its output in files so that nothing blocks."""

    def __init__(self, arguments: list[str], environ: Mapping[str, str], folder: Path) -> None:
        self._out, self._err = folder / "stdout", folder / "stderr"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                arguments, env=dict(environ), cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )

    @property
    def stdout(self) -> str:
        return self._out.read_text()

    @property
    def stderr(self) -> str:
        return self._err.read_text()

    def says(self, text: str) -> str:
        """Wait until standard output holds `text`; the output so far."""

        def found() -> str:
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.stdout}{self.stderr}"
            return self.stdout if text in self.stdout else ""

        return wait_for(found, f"{text!r} on standard output; so far {self.stdout!r} {self.stderr!r}")

    def logs(self, text: str) -> str:
        """Wait until standard error holds `text`."""
        return wait_for(lambda: self.stderr if text in self.stderr else "", f"{text!r} in the log")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal it and wait; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(15)


Start = Callable[..., Command]


@contextmanager
def starting(folder: Path) -> Iterator[Start]:
    """Start Python programs below `folder`; what is still running at the end is stopped."""
    started: list[Command] = []

    def begin(*arguments: str, **variables: str) -> Command:
        own = folder / f"process-{len(started)}"
        own.mkdir()
        command = Command([sys.executable, *arguments], {**os.environ, **variables}, own)
        started.append(command)
        return command

    try:
        yield begin
    finally:
        for command in started:
            end(command.process)


def end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, and SIGKILL for what does not listen."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(12)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
