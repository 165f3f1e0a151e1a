"""`holdfast policy explain`: which rule holds a version back, from what is kept here, asking nobody.

The verdicts are the gate's own, on the page as it was last kept; the next visit may learn more.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from typing import Any

from holdfast.cli.policy_facts import age_text
from holdfast.clock import Clock, SystemClock
from holdfast.config import Config
from holdfast.core.errors import Absent, Corrupt, Unavailable
from holdfast.core.filenames import version_key
from holdfast.core.model import File, Record
from holdfast.core.policy import Policy, judge
from holdfast.read.policies import Policies
from holdfast.read.stack import Stacks
from holdfast.store.port import Store
from holdfast.tree import addresses
from holdfast.tree.advisories import read_advisories
from holdfast.tree.reader import TreeReader
from holdfast.tree.record import decode_record


def explanation(
    config: Config, store: Store, index: str, name: str, version: str, clock: Clock | None = None
) -> dict[str, Any]:
    """What each place under the index says of the version, in the order asked. Raises Unavailable, Corrupt."""
    return _Explaining(config, store, index, name, version, clock or SystemClock()).facts()


class _Explaining:
    def __init__(self, config: Config, store: Store, index: str, name: str, version: str, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._index, self._name, self._version = index, name, version
        self._reader = TreeReader(store, clock, config.instance)
        self._reader.load()
        self._stacks = Stacks(config, self._reader)
        self._policies = Policies(config, self._reader, clock, read_advisories)
        self._policies.look()

    def facts(self) -> dict[str, Any]:
        trouble = self._policies.trouble
        if trouble is not None:
            raise Unavailable(f"the rules in force cannot all be read: {trouble.reason}")
        return {
            "project": self._name,
            "version": self._version,
            "index": self._index,
            "places": list(self._places()),
        }

    def _places(self) -> Iterator[dict[str, Any]]:
        for hosted in self._stacks.hosted(self._index):
            entry = self._reader.find(hosted, self._name)
            if entry is None or not (entry.owned or not entry.gone):
                continue
            record = None if entry.gone else self._reader.record(entry)
            yield self._place(
                "index", hosted, self._policies.of(hosted, None), record, "deleted here; the name is kept"
            )
            if not self._stacks.merges(self._index, self._name):
                return
        if self._stacks.reserves(self._index, self._name):
            yield {"kind": "index", "name": self._index, "note": "the name is reserved here; no upstream is asked"}
            return
        for upstream in self._stacks.upstreams(self._index):
            if not self._stacks.asks(upstream, self._name):
                yield {"kind": "upstream", "name": upstream, "note": "is not asked for this name (`only`, `except`)"}
                continue
            policy = self._policies.of_project(self._index, upstream, self._name)
            yield self._upstream(upstream, policy)

    def _upstream(self, upstream: str, policy: Policy) -> dict[str, Any]:
        try:
            record = decode_record(self._store.get(addresses.pulled_page(upstream, self._name)), None)
        except Absent:
            record = None
        except Corrupt as error:
            return {"kind": "upstream", "name": upstream, "note": f"its page as kept here is damaged: {error.reason}"}
        return self._place("upstream", upstream, policy, record, "no page of it is kept here")

    def _place(self, kind: str, name: str, policy: Policy, record: Record | None, without: str) -> dict[str, Any]:
        facts: dict[str, Any] = {"kind": kind, "name": name}
        if record is None:
            return {**facts, "note": without, "rule": self._rule_without_file(policy)}
        if record.fetched_at is not None:
            facts["page_of"] = record.fetched_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        wanted = version_key(self._version)
        files = [file for file in record.files if version_key(file.version) == wanted]
        if not files:
            return {**facts, "note": "its page lists no such version", "rule": self._rule_without_file(policy)}
        return {**facts, "files": [self._verdict(file, policy, record) for file in files]}

    def _verdict(self, file: File, policy: Policy, record: Record) -> dict[str, Any]:
        found = judge(
            file,
            policy,
            now=self._clock.now(),
            status=record.status,
            status_reason=record.status_reason,
            project=record.name,
        )
        until = found.until.astimezone(UTC).isoformat().replace("+00:00", "Z") if found.until is not None else None
        why = found.outcome.reason if found.outcome is not None else ""
        return {"filename": file.filename, "held_back": found.outcome is not None, "why": why, "until": until}

    def _rule_without_file(self, policy: Policy) -> str:
        """What holds the version back whatever its files are like, else what may once they are known."""
        if policy.rules is None:
            return ""
        rules = policy.rules
        any_file = File(filename=f"{self._name}-{self._version}.tar.gz", sha256="", size=None, version=self._version)
        whatever = replace(rules, require=(), file_bytes_max=0, cooldown_seconds=0)
        why, _ = whatever.refusal(any_file, self._version, self._clock.now())
        if not why and rules.cooldown_seconds:
            why = f"files younger than {age_text(rules.cooldown_seconds)} would wait; its dates are not known here"
        return why


def lines_of(facts: dict[str, Any]) -> Iterator[str]:
    """The same for people."""
    yield f"{facts['project']} {facts['version']} in index {facts['index']}"
    if not facts["places"]:
        yield "  nothing here has or could have that name"
    for place in facts["places"]:
        page = f", page of {place['page_of'][:16].replace('T', ' ')} UTC" if place.get("page_of") else ""
        yield f"  {place['kind']} {place['name']}{page}"
        if place.get("note"):
            yield f"    {place['note']}"
        if place.get("rule"):
            yield f"    {place['rule']}"
        for file in place.get("files", ()):
            yield f"    {file['filename']}"
            yield f"      {_told(file)}"


def _told(file: dict[str, Any]) -> str:
    if file["held_back"]:
        return str(file["why"])
    return "let through" + (f" until {file['until'][:16].replace('T', ' ')} UTC" if file["until"] else "")
