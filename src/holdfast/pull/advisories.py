"""Advisories come into force: from the dump this machine is told of, looked at each minute, or by an operator's hand.

In the pull process and not in control, because known malware must be stopped with the database dead too. Several
machines may follow the same dump: equal dumps give equal tables, and a table is only ever replaced by one whose
newest record changed later. A dump that lost much of what is in force is not believed: a truncated file must not lift
denials.
"""

import asyncio
import contextlib
import os
import socket
import sys
from asyncio.subprocess import PIPE
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec
import structlog

from holdfast.clock import Clock
from holdfast.core.advisories import Advisories
from holdfast.core.errors import Absent, Conflict, Corrupt, Outcome, Unavailable
from holdfast.core.model import format_time
from holdfast.pull.osv_dump import Compiled, decode_answer, folder_files
from holdfast.pull.shelf import Shelf
from holdfast.store.port import Store
from holdfast.tree import addresses
from holdfast.tree.advisories import put_advisories, read_advisories, sweep_advisories
from holdfast.tree.overrides import Overrides, change, newest

log = structlog.get_logger()

LOOK_SECONDS = 60.0
SETTLE_SECONDS = 5.0  # a dump that changed within these is looked at again: somebody may still be writing it
COMPILE_SECONDS_MAX = 900.0  # 40,000 records take some ten; a busy machine, a full dump of everything: minutes
KEPT_SHARE_MIN = 0.5  # of what is in force must still be there
ATTEMPTS_MAX = 5  # of machines that publish at the same moment

Done = Literal["taken in", "in force already", "older than what is in force"]


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a compiled dump."""

    done: Done
    digest: str  # of the table in force now
    before: Advisories | None  # what was in force before, None when nothing readable was


def publish(
    store: Store, compiled: Compiled, *, by: str, now: datetime, by_hand: bool = False, force: bool = False
) -> Published:
    """Put a compiled dump in force. Raises Corrupt for one that cannot be believed, Unavailable, Conflict.

    Older means: its newest record changed before the newest in force. By itself also an equally old one is not taken,
    so that two machines whose dumps differ in other ways cannot take turns; by hand it is. `force` takes anything.
    """
    for _ in range(ATTEMPTS_MAX):
        current = newest(store)
        before = _in_force(store, current)
        if before is not None and current.advisories == compiled.table.digest:
            return Published("in force already", compiled.table.digest, before)
        if not force:
            _hold_plausible(compiled, before)
            if before is not None and not _is_newer(compiled, before, or_equal=by_hand):
                return Published("older than what is in force", current.advisories, before)
        try:
            _put_in_force(store, compiled, current, by=by, now=now)
        except _OvertakenError:
            continue  # another machine was faster: what it took in decides anew
        sweep_advisories(store, now)
        return Published("taken in", compiled.table.digest, before)
    raise Conflict("other machines go on changing the advisories; try again")


def _in_force(store: Store, current: Overrides) -> Advisories | None:
    """The table in force; None when there is none, or none that can be read: then any is better."""
    if not current.advisories:
        return None
    try:
        return read_advisories(store, current.advisories)
    except (Absent, Corrupt) as error:
        log.error("the advisory table in force cannot be read: %s", error.reason)
        return None


def _hold_plausible(compiled: Compiled, before: Advisories | None) -> None:
    """Raises Corrupt, with the way to insist."""
    counts, table = compiled.met, compiled.table
    insist = "if that is right, `holdfast policy advisories import PATH --force` takes it all the same"
    if not counts.read:
        raise Corrupt(f"no record in the dump can be read ({counts.skipped} were skipped); {insist}")
    if counts.skipped > counts.read:
        raise Corrupt(
            f"most records in the dump cannot be read: {counts.skipped} of {counts.read + counts.skipped}; {insist}"
        )
    if before is None:
        return
    for what, had, has in (
        ("malware advisories", before.malware, table.malware),
        ("advisories", before.malware + before.vulnerabilities, table.known),
    ):
        if has < had * KEPT_SHARE_MIN:
            raise Corrupt(f"the dump has {has} {what}, {had} are in force: it is cut off, or another dump; {insist}")


def _is_newer(compiled: Compiled, before: Advisories, *, or_equal: bool) -> bool:
    new, old = compiled.table.modified, before.modified
    if new is None or old is None:
        return old is None  # a dump without any date replaces only such a one
    return new > old or (or_equal and new == old)


def _put_in_force(store: Store, compiled: Compiled, seen: Overrides, *, by: str, now: datetime) -> None:
    """Table before the change that names it. Raises _OvertakenError when another table came into force meanwhile."""
    digest = put_advisories(store, compiled.table)

    def edit(old: Overrides) -> Overrides:
        if old.advisories != seen.advisories:
            raise _OvertakenError
        return msgspec.structs.replace(old, advisories=digest, advisories_at=now.astimezone(UTC))

    what = f"took {_told(compiled)} in"
    change(store, edit, by=by, what=what, now=now)
    try:
        store.head(addresses.advisories(digest))
    except Absent:  # another machine's sweep, which knew this table as given up long ago
        put_advisories(store, compiled.table)
    log.info("audit: %s", what, by=by, digest=digest)


def _told(compiled: Compiled) -> str:
    table = compiled.table
    when = f" of {format_time(table.modified)}" if table.modified is not None else ""
    return f"advisories{when} ({table.malware} malware, {table.vulnerabilities} vulnerabilities)"


class _OvertakenError(Exception):
    """Another table came into force between our look and our change."""


Compile = Callable[[Path, datetime], Awaitable[Compiled]]


class AdvisoryWatch:
    """Follows one dump, or none. `look` may be called at any time; `start` calls it at once and then each minute."""

    def __init__(self, setting: str | Path, shelf: Shelf, clock: Clock, compile_: Compile | None = None) -> None:
        self.trouble = ""
        self._path = Path(setting)
        self._is_on = setting != ""
        self._shelf = shelf
        self._clock = clock
        self._compile = compile_ or compile_apart
        self._seen: _Signature | None = None  # of the dump that was dealt with last
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to follow. The first look does not hold up the caller."""
        if self._is_on:
            self._task = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Stop following; a process that reads a dump is ended."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def look(self) -> float:
        """Take the dump in if it changed; answers after how many seconds to look again."""
        try:
            signature = await self._shelf.run(lambda: _signature(self._path))
            if signature == self._seen:
                return LOOK_SECONDS
            now = self._clock.now()
            if 0 <= now.timestamp() - signature.newest < SETTLE_SECONDS:
                return SETTLE_SECONDS
            await self._shelf.run(lambda: newest(self._shelf.store))  # a dead store: no need to read the dump yet
            await self._take_in(now)
            self._seen = signature
        except Unavailable as error:  # the store's trouble: the dump is as new in a minute
            self._tell(error.reason)
        except (OSError, Outcome) as error:
            self._seen = None
            self._tell(error.reason if isinstance(error, Outcome) else f"{self._path}: {error.strerror or error}")
        return LOOK_SECONDS

    async def _take_in(self, now: datetime) -> None:
        try:
            compiled = await self._compile(self._path, now)
            by = f"pull@{socket.gethostname()}"
            done = await self._shelf.run(lambda: publish(self._shelf.store, compiled, by=by, now=now))
        except Corrupt as error:
            self._tell(f"{self._path} is not taken in: {error.reason}")
            return  # dealt with: said once, until the dump changes
        self.trouble = ""
        met = compiled.met
        log.info(
            "advisories of %s: %s", self._path, done.done, malware=met.malware, vulnerabilities=met.vulnerabilities,
            skipped=met.skipped, projects=met.projects, digest=done.digest,
        )  # fmt: skip

    def _tell(self, trouble: str) -> None:
        if trouble != self.trouble:
            log.error("advisories: %s", trouble)
        self.trouble = trouble

    async def _follow(self) -> None:
        while True:
            seconds = LOOK_SECONDS
            try:
                seconds = await self.look()
            except Exception:
                log.exception("looking at the advisories failed; it goes on")
            await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class _Signature:
    """Tells one state of a dump from another without reading it."""

    newest: float  # when the file, or the newest one in the folder, changed
    files: int
    bytes: int
    inode: int  # of the dump itself: a copy with its old times set is another one


def _signature(path: Path) -> _Signature:
    """Raises OSError."""
    top = path.stat()
    if not path.is_dir():
        return _Signature(top.st_mtime, 1, top.st_size, top.st_ino)
    newest_change, total, count = top.st_mtime, 0, 0
    for file in folder_files(path):
        with contextlib.suppress(FileNotFoundError):  # replaced this very moment: it will be newer at the next look
            told = os.stat(file, follow_symlinks=False)
            newest_change, total, count = max(newest_change, told.st_mtime), total + told.st_size, count + 1
    return _Signature(newest_change, count, total, top.st_ino)


async def compile_apart(path: Path, now: datetime) -> Compiled:
    """Read the dump in a process of its own. Raises Corrupt, Unavailable."""
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "holdfast.pull.osv_dump", str(path), format_time(now), stdout=PIPE
        )
    except OSError as error:
        raise Unavailable(f"no process can be started to read the dump ({error.strerror})") from error
    try:
        async with asyncio.timeout(COMPILE_SECONDS_MAX):
            output, _ = await process.communicate()
    except TimeoutError as error:
        raise Corrupt(f"the dump took more than {COMPILE_SECONDS_MAX:.0f} s to read") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        # Killed for the memory of others, most likely: that says nothing about the dump, which is read again soon.
        raise Unavailable(f"the process that read the dump ended with {process.returncode}")
    return decode_answer(output)
