"""Has a plan's addresses fetched, and judges by asking each again for what is kept alone."""

import asyncio
import time
from collections.abc import Callable, Collection, Container, Iterable
from dataclasses import dataclass, field

from holdfast.readiness.index import Found, Index, Trouble
from holdfast.readiness.plan import Plan, Want

LOOKS_AT_ONCE = 32
SETTLE_SECONDS_MAX = 30.0  # until the last file fetched is in the store; one of some GB takes that in a bucket
SETTLE_PAUSE_SECONDS = 0.2
FETCHES_AT_ONCE = 8  # enough to fill a line; an upstream with many users should not feel us


@dataclass(slots=True)
class Presence:
    """What is kept of a plan."""

    here: set[str] = field(default_factory=set)  # paths
    missing: dict[str, str] = field(default_factory=dict)  # path -> why
    sizes: dict[str, int] = field(default_factory=dict)


async def look(index: Index, wants: Iterable[Want]) -> Presence:
    """Ask for everything with `only-if-cached`: nothing is fetched."""
    presence = Presence()
    permits = asyncio.Semaphore(LOOKS_AT_ONCE)

    async def ask(want: Want) -> None:
        async with permits:
            found: Found = await index.look(want.path)
        if found.status == 200:
            presence.here.add(want.path)
            if found.size is not None:
                presence.sizes[want.path] = found.size
        else:
            presence.missing[want.path] = found.reason

    await asyncio.gather(*(ask(want) for want in wants))
    return presence


async def settled(index: Index, wants: Collection[Want], failed: Container[str]) -> Presence:
    """As `look`, once what was fetched had time to be kept: files are given to clients before the store has them."""
    presence = await look(index, wants)
    deadline = time.monotonic() + SETTLE_SECONDS_MAX
    while late := [want for want in wants if want.path in presence.missing and want.path not in failed]:
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(SETTLE_PAUSE_SECONDS)
        again = await look(index, late)
        presence.here |= again.here
        presence.sizes |= again.sizes
        presence.missing = {path: why for path, why in presence.missing.items() if path not in again.here}
    return presence


async def fetch(index: Index, wants: Iterable[Want], arrived: Callable[[Want, int], None]) -> dict[str, str]:
    """Have each fetched, pages and metadata before files; answers what failed and why. `arrived` gets byte counts."""
    failed: dict[str, str] = {}
    permits = asyncio.Semaphore(FETCHES_AT_ONCE)

    async def have(want: Want) -> None:
        async with permits:
            try:
                await index.fetch(want.path, lambda count: arrived(want, count))
            except Trouble as trouble:
                failed[want.path] = str(trouble)

    for is_file in (False, True):
        await asyncio.gather(*(have(want) for want in wants if want.is_file is is_file))
    return failed


@dataclass(frozen=True, slots=True)
class Readiness:
    """The verdict: would this installation succeed with every upstream dead?"""

    files: int
    bytes: int
    projects: int
    missing: dict[str, str]
    unprotected: dict[str, list[str]]

    @property
    def is_ready(self) -> bool:
        return not self.missing and not self.unprotected


def judge(plan: Plan, presence: Presence, failed: dict[str, str]) -> Readiness:
    """What a plan lacks. Why a fetch failed says more than that the thing is not kept."""
    missing = dict(plan.missing)
    for path, reason in presence.missing.items():
        missing[path] = failed.get(path, reason)
    sizes = [presence.sizes.get(want.path, want.size or 0) for want in plan.files]
    return Readiness(len(sizes), sum(sizes), len(plan.projects), missing, dict(plan.unprotected))
