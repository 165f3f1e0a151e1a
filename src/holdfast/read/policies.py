"""The policies in force: what the configuration says, and what operators decided meanwhile, followed each second.

Decisions are read from the tree (tree/overrides.py), so they arrive with the database, pull and every upstream dead.
What cannot be read leaves in force what was known; what was never readable leaves the configuration's rules.
"""

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime

import structlog

from holdfast.config import Config, IndexConfig, UpstreamConfig
from holdfast.core.names import normalize
from holdfast.core.policy import AnyRemoval, Policy
from holdfast.core.rules import AdvisoryTable, Denied, Pass, Rules, denied
from holdfast.tree.overrides import Overrides, OverridesReader
from holdfast.tree.reader import TreeReader

log = structlog.get_logger(__name__)

NARROWED_MAX = 20_000  # policies of one project remembered, about 20 MB


class Policies:
    """Policies by index and upstream. Asked in the event loop; `look` belongs in a thread."""

    def __init__(self, config: Config, reader: TreeReader) -> None:
        self._config = config
        self._reader = reader
        self._overrides = OverridesReader(reader.store)
        self._advisories: AdvisoryTable | None = None
        self._rules: Mapping[tuple[str, str], Rules | None] = {}
        self._narrowed: OrderedDict[tuple[str, str, str], Policy] = OrderedDict()
        self._take_in(self._overrides.current)

    def of(self, index: str, upstream: str | None, as_of: datetime | None = None) -> Policy:
        """The policy for files of `upstream` in `index`, or for the files hosted there (None)."""
        rules = self._rules.get((index, upstream)) if upstream else None
        return Policy(self._removed(), rules, as_of=as_of)

    def of_project(self, index: str, upstream: str | None, name: str, as_of: datetime | None = None) -> Policy:
        """As `of`, narrowed down to one project."""
        if as_of is not None or not upstream or self._rules.get((index, upstream)) is None:
            return self.of(index, upstream, as_of).of(name)
        key = (index, upstream, name)
        found = self._narrowed.get(key)
        if found is None:
            found = self._narrowed[key] = self.of(index, upstream).of(name)
            if len(self._narrowed) > NARROWED_MAX:
                self._narrowed.popitem(last=False)
        return Policy(self._removed(), found.rules, found.version)

    def look(self) -> bool:
        """Take in what operators decided; True when something changed. Raises Unavailable, Corrupt."""
        if not self._overrides.look():
            return False
        self._take_in(self._overrides.current)
        return True

    def _removed(self) -> Mapping[str, AnyRemoval]:
        return self._reader.state().removed

    def _take_in(self, overrides: Overrides) -> None:
        self._rules = {
            (index.name, upstream.name): _rules(index, upstream, overrides, self._advisories)
            for index in self._config.indexes
            for upstream in self._config.upstreams
        }
        self._narrowed = OrderedDict()


def _rules(
    index: IndexConfig, upstream: UpstreamConfig, overrides: Overrides, advisories: AdvisoryTable | None
) -> Rules | None:
    """None when they let every file pass."""
    rules = Rules(
        index=index.name,
        cooldown_seconds=max(index.cooldown_seconds, upstream.cooldown_seconds),
        cooldown_for=index.cooldown_for,
        undated=upstream.undated,
        passes=tuple(
            Pass(normalize(p.project), p.version, p.until) for p in overrides.passes if p.index in (index.name, "*")
        ),
        allow=index.allow,
        denials=(
            *_denials(index.deny),
            *_denials(tuple((d.what, d.reason) for d in overrides.denials if d.index in (index.name, "*"))),
        ),
        require=index.require,
        licenses_denied=index.licenses_denied,
        file_bytes_max=index.file_bytes_max,
        advisories=advisories,
        advisory_level=index.advisories,
    )
    return rules if rules.can_hold_back else None


def _denials(written: tuple[tuple[str, str], ...]) -> tuple[Denied, ...]:
    """What cannot be read denies nothing that anybody could name, and is told."""
    found = []
    for what, reason in written:
        try:
            found.append(denied(what, reason))
        except ValueError as error:
            log.error("a denial is not in force: %s", error, what=what)
    return tuple(found)
