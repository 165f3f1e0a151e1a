"""The policies in force: what the configuration says, and what operators decided meanwhile, followed each second.

Decisions are read from the tree (tree/overrides.py), so they arrive with the database, pull and every upstream dead.
What cannot be read leaves in force what was known; what was never readable leaves the configuration's rules.
"""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import structlog

from holdfast.clock import Clock
from holdfast.config import Config, IndexConfig, UpstreamConfig
from holdfast.core.errors import Absent, Outcome, Unavailable
from holdfast.core.names import normalize
from holdfast.core.policy import AnyRemoval, Policy
from holdfast.core.rules import AdvisoryTable, Denied, Pass, Rules, denied
from holdfast.store.port import Store
from holdfast.tree.overrides import Overrides, OverridesReader
from holdfast.tree.reader import TreeReader
from holdfast.tree.switches import Switch

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
START_SECONDS_MAX = 2.0  # the longest a start waits for the first look; then the configuration's rules are in force
RETRY_LOG_SECONDS = 60.0  # how often lasting trouble is told again
NARROWED_MAX = 20_000  # policies of one project remembered, about 20 MB
EVERY_INDEX = "*"


class NewSettings(Protocol):
    """Tells when policy settings were reloaded (policy_reload.py)."""

    def look(self) -> Config | None:
        """New settings, None when there are none. Raises Unavailable."""


ReadAdvisories = Callable[[Store, str], AdvisoryTable]
"""(store, digest): the table of that digest. Raises Absent, Unavailable, Corrupt."""


@dataclass(frozen=True, slots=True)
class _InForce:
    """One state of all rules. Replaced as a whole, so that nothing made under an older one can slip into it."""

    generation: int
    rules: Mapping[tuple[str, str], Rules | None]  # by (index, upstream)
    narrowed: OrderedDict[tuple[str, str, str], Policy] = field(default_factory=OrderedDict)


class Policies:
    """Policies by index and upstream. Asked in the event loop; `look` belongs in a thread."""

    def __init__(
        self,
        config: Config,
        reader: TreeReader,
        clock: Clock,
        read_advisories: ReadAdvisories,
        settings: NewSettings | None = None,
    ) -> None:
        self.trouble: Outcome | None = None
        self._config = config
        self._settings = settings
        self._reloads = 0
        self._reader = reader
        self._clock = clock
        self._read_advisories = read_advisories
        self._overrides = OverridesReader(reader.store)
        self._advisories: AdvisoryTable | None = None
        self._advisories_digest = ""
        self._in_force = self._built(0)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="policies")
        self._following: asyncio.Task[None] | None = None
        self._told_at = float("-inf")

    @property
    def generation(self) -> int:
        """Moves with every change of any rule."""
        return self._in_force.generation

    @property
    def config(self) -> Config:
        """The settings whose policy is in force: those of the start, or reloaded ones."""
        return self._config

    @property
    def version(self) -> str:
        """Of settings and decisions, for pages that tell them."""
        return f"{self._reloads}.{self.serial}"

    @property
    def serial(self) -> int:
        """The number of the operators' change in force."""
        return self._overrides.current.serial

    @property
    def decided(self) -> Overrides:
        """All that operators decided at run time, as far as it could be read."""
        return self._overrides.current

    @property
    def switches(self) -> tuple[Switch, ...]:
        """The capabilities that are off, those included whose time has run out: ask each."""
        return self._overrides.current.switches

    def banners(self) -> tuple[str, ...]:
        """What public pages show of the switches in force now."""
        now = self._clock.now()
        return tuple(one.banner for one in self.switches if one.banner and one.is_in_force(now))

    def told(self) -> dict[str, object]:
        """What readiness tells. Trouble does not make a front unready: what was known is in force."""
        trouble = self.trouble
        return {
            "serial": self.serial,
            "advisories": self._advisories_digest,
            "trouble": trouble.reason if trouble is not None else None,
        }

    def of(self, index: str, upstream: str | None, as_of: datetime | None = None) -> Policy:
        """The policy for files of `upstream` in `index`, or for the files hosted there (None)."""
        rules = self._in_force.rules.get((index, upstream)) if upstream else None
        return Policy(self._removed(), rules, as_of=as_of)

    def of_project(self, index: str, upstream: str | None, name: str, as_of: datetime | None = None) -> Policy:
        """As `of`, narrowed down to one project."""
        in_force = self._in_force
        rules = in_force.rules.get((index, upstream)) if upstream else None
        if rules is None or as_of is not None or not upstream:
            return Policy(self._removed(), rules, as_of=as_of).of(name)
        key = (index, upstream, name)
        found = in_force.narrowed.get(key)
        if found is None:
            found = in_force.narrowed[key] = Policy({}, rules).of(name)
            if len(in_force.narrowed) > NARROWED_MAX:
                in_force.narrowed.popitem(last=False)
        return Policy(self._removed(), found.rules, found.version)

    async def start(self, on_change: Callable[[], Awaitable[None]]) -> None:
        """Look once, for a moment at most, then each second; `on_change` runs in the event loop after each change."""
        self._following = asyncio.get_running_loop().create_task(self._follow(on_change, first := asyncio.Event()))
        await asyncio.wait([asyncio.ensure_future(first.wait())], timeout=START_SECONDS_MAX)

    async def stop(self) -> None:
        if self._following is not None:
            self._following.cancel()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def look(self) -> bool:
        """Take in what operators decided; True when a rule may have changed. Never raises an Outcome: see `trouble`."""
        changed, trouble = False, None
        try:
            changed = self._look_at_settings()
            changed = self._overrides.look() or changed
            changed = self._look_at_advisories() or changed
        except Outcome as error:
            trouble = error
        if changed:
            self._in_force = self._built(self._in_force.generation + 1)
        self._tell(trouble)
        return changed

    def _look_at_settings(self) -> bool:
        """Take in settings that were reloaded. Raises Unavailable; then those before stay in force."""
        found = self._settings.look() if self._settings is not None else None
        if found is None:
            return False
        self._config, self._reloads = found, self._reloads + 1
        return True

    def _look_at_advisories(self) -> bool:
        """Take in the table the overrides name. Raises Unavailable, Corrupt; then the one before stays in force."""
        wanted = self._overrides.current.advisories
        if wanted == self._advisories_digest:
            return False
        try:
            self._advisories = self._read_advisories(self._reader.store, wanted) if wanted else None
        except Absent:
            raise Unavailable(f"the advisory table {wanted[:12]} is not in the store") from None
        self._advisories_digest = wanted
        return True

    async def _follow(self, on_change: Callable[[], Awaitable[None]], first: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                if await loop.run_in_executor(self._thread, self.look):
                    await on_change()
            except Exception:
                log.exception("following the policies failed, the next attempt comes in a second")
            first.set()
            await asyncio.sleep(LOOK_SECONDS)

    def _tell(self, trouble: Outcome | None) -> None:
        now = self._clock.monotonic()
        if trouble is None:
            if self.trouble is not None:
                log.warning("the operators' decisions can be read again", serial=self.serial)
            self._told_at = float("-inf")
        elif now - self._told_at > RETRY_LOG_SECONDS:
            self._told_at = now
            log.error("the operators' decisions cannot all be read: %s", trouble.reason, serial=self.serial)
        self.trouble = trouble

    def _removed(self) -> Mapping[str, AnyRemoval]:
        return self._reader.state().removed

    def _built(self, generation: int) -> _InForce:
        overrides = self._overrides.current
        return _InForce(
            generation,
            {
                (index.name, upstream.name): _rules(index, upstream, overrides, self._advisories)
                for index in self._config.indexes
                for upstream in self._config.upstreams
            },
        )


def _rules(
    index: IndexConfig, upstream: UpstreamConfig, overrides: Overrides, advisories: AdvisoryTable | None
) -> Rules | None:
    """None when they let every file pass."""
    here = (index.name, EVERY_INDEX)
    decided = tuple((d.what, d.reason) for d in overrides.denials if d.index in here)
    rules = Rules(
        index=index.name,
        cooldown_seconds=max(index.cooldown_seconds, upstream.cooldown_seconds),
        cooldown_for=index.cooldown_for,
        undated=upstream.undated,
        passes=tuple(Pass(normalize(p.project), p.version, p.until) for p in overrides.passes if p.index in here),
        allow=index.allow,
        denials=_denials((*index.deny, *decided)),
        require=index.require,
        licenses_denied=index.licenses_denied,
        file_bytes_max=index.file_bytes_max,
        advisories=advisories,
        advisory_level=index.advisories,
    )
    return rules if rules.can_hold_back else None


_NAME = re.compile(r"[A-Za-z0-9._*-]{1,100}")


def _denials(written: tuple[tuple[str, str], ...]) -> tuple[Denied, ...]:
    """A denial that cannot be read whole, of a later release say, denies every version of the name it begins with."""
    found = []
    for what, reason in written:
        try:
            found.append(denied(what, reason))
        except ValueError as error:
            log.error("a denial cannot be read and holds for the whole name: %s", error, what=what)
            if name := _NAME.match(what.strip()):
                found.append(denied(name[0], reason))
    return tuple(found)
