"""fsck's look at what operators decided: changes, the advisory table they name, and pins, all readable.

None of it can be made again from the database, so nothing here is repaired or deleted: each finding says what is in
force meanwhile, and the way back.
"""

from typing import Protocol

from holdfast.core.errors import Absent, Corrupt
from holdfast.store.port import Store
from holdfast.tree import addresses
from holdfast.tree.advisories import read_advisories
from holdfast.tree.numbered import numbers
from holdfast.tree.overrides import of_serial
from holdfast.tree.pins import read_pins

COPY = "put it back from a copy of the store"


class Findings(Protocol):
    """Where findings go."""

    def finding(self, text: str) -> None: ...


def check_decisions(store: Store, report: Findings) -> None:
    """Check every object. Raises Unavailable."""
    _check_overrides(store, report)
    try:
        read_pins(store)
    except Corrupt as error:
        report.finding(f"{error.reason}: {COPY}, or delete that object and pin again; until then nothing is evicted")


def _check_overrides(store: Store, report: Findings) -> None:
    serials = list(numbers(store, addresses.OVERRIDES_PREFIX, addresses.overrides))
    for serial in sorted(set(range(1, max(serials, default=0))) - set(serials)):
        report.finding(f"{addresses.overrides(serial)} is missing, its change is lost from the history: {COPY}")
    for serial in serials:
        is_newest = serial == serials[-1]
        try:
            found = of_serial(store, serial)
        except Corrupt as error:
            meanwhile = "; until then nothing can be decided, and what starts knows no decision" if is_newest else ""
            report.finding(f"{addresses.overrides(serial)} is damaged: {error.reason}: {COPY}{meanwhile}")
            continue
        if is_newest and found is not None and found.advisories:
            _check_table(store, found.advisories, report)


def _check_table(store: Store, digest: str, report: Findings) -> None:
    try:
        table = read_advisories(store, digest)
        for project in table.entries:
            table.of(project)
    except (Absent, Corrupt) as error:
        wrong = "is missing" if isinstance(error, Absent) else error.reason
        report.finding(
            f"{addresses.advisories(digest)}, the advisory table in force, {wrong}: {COPY}, or"
            " `holdfast policy advisories import PATH`"
        )
