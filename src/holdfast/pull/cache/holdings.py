"""What is held of upstreams and what may leave: inventory, pins, other machines' use and the bounds, in one place.

Everything here blocks and belongs to one thread. The pull process drives it (keeper.py); a command uses it alone when
pull does not run.
"""

import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import structlog

from holdfast.clock import Clock
from holdfast.config import Config
from holdfast.pull.cache.eviction import EVICT_TO, Victim, choose, still_unused
from holdfast.pull.cache.inventory import Inventory, Object
from holdfast.pull.cache.ledger import Evicting, Ledger, decode_ledger, encode_ledger
from holdfast.pull.cache.noted import NotedStore
from holdfast.pull.cache.papers import read_paper, write_paper
from holdfast.pull.cache.pinned import Pinned
from holdfast.pull.cache.room import Room
from holdfast.pull.cache.scrub import Pause
from holdfast.pull.cache.shared import SharedUse
from holdfast.store.port import Store
from holdfast.tree import addresses

log = structlog.get_logger()

LIST_BATCH = 500  # objects listed between two pauses
LIST_PAUSE_SECONDS = 0.005


class Holdings:
    """The kept objects of one store, as one machine knows them."""

    def __init__(self, config: Config, store: NotedStore, clock: Clock) -> None:
        self.store = store
        self.room = Room(config.data, store, config.free_bytes_min)
        self.inventory = Inventory()
        self.ledger = Ledger()
        self.listed_at: float | None = None
        self._config = config
        self._clock = clock
        self._folder = config.cache_folder
        self.pinned = Pinned(store, [upstream.name for upstream in config.upstreams])
        self._shared: SharedUse | None = None

    def load(self) -> None:
        """Read what was written down before."""
        self.ledger = read_paper(self._ledger_file, decode_ledger, Ledger)
        self.inventory = read_paper(self._folder / "inventory.zst", Inventory.decode, Inventory)
        if not self.ledger.machine:
            self.ledger.machine = f"m{secrets.token_hex(6)}"
        # A store in the data folder is this machine's own; any other may have more machines over it.
        self._shared = SharedUse(self.store, self.ledger.machine) if self._config.store else None

    def save(self) -> None:
        """Write it down; failing that, go on without."""
        self.save_ledger(encode_ledger(self.ledger))
        self._write(self._folder / "inventory.zst", self.inventory.encode())

    def save_ledger(self, data: bytes) -> None:
        self._write(self._ledger_file, data)

    def take(self, uses: Mapping[Object, int]) -> None:
        """Take in what was written, deleted and used since the last time. Raises Unavailable."""
        now = self._clock.now()
        minute = minute_of(now)
        notes = self.store.notes
        while notes:
            key, size = notes.popleft()
            if size is None:
                self.inventory.forget(key)
            else:
                self.inventory.note(key, size, minute)
        for key, used in uses.items():
            self.inventory.touch(key, used)
        if self._shared is not None:
            for key, used in uses.items():
                self._shared.note(key, used, now)

    def share(self) -> None:
        """Tell other machines what this one used. Raises Unavailable."""
        if self._shared is not None:
            self._shared.write(self._clock.now())

    def look_at_pins(self) -> None:
        """Raises Unavailable, Corrupt."""
        self.pinned.look()

    def compare(self) -> None:
        """List the store at once, and believe it. Raises Unavailable."""
        self.inventory.begin_listing()
        self.inventory.end_listing(listed(self.store, minute_of(self._clock.now())))
        self.listed_at = self._clock.now().timestamp()

    def pinned_bytes(self) -> int:
        return sum(self.inventory.size(key) or 0 for key in self.pinned.objects)

    def too_much(self) -> tuple[int, str]:
        """How many bytes should leave, and why; (0, "") when everything is within its bounds.

        (0, why) when it would not help: a disk that others filled is not worth a cache that keeps installs going.
        """
        pinned, bound = self.pinned_bytes(), self._config.cache_bytes_max
        kept = self.inventory.size_bytes - pinned
        over = kept - int(bound * EVICT_TO) if kept > bound else 0
        free = self.room.free_for_keeping()
        low = self.room.bytes_min
        short = low - free + int(kept * (1 - EVICT_TO)) if free is not None and free < low else 0
        if short > over:
            pages = sum(total.bytes for (_, kind), total in self.inventory.sums().items() if kind == "page")
            if short > kept - pages:
                return over, "the disk is nearly full, and not with what may leave"
            return short, "the disk is nearly full"
        return over, "the cache is larger than cache_bytes_max" if over else ""

    def plan(self, bytes_to_free: int) -> list[Victim]:
        """Who should leave, after a look at the pins and at the others' use. Raises Unavailable, Corrupt."""
        self.pinned.look()
        self.look_at_others()
        return choose(self.inventory, self.pinned.objects, bytes_to_free, minute_of(self._clock.now()))

    def look_at_others(self) -> None:
        """Take in what other machines used. Raises Unavailable."""
        if self._shared is not None:
            self._shared.read(self.inventory, self._clock.now())

    def evict(self, victims: Iterable[Victim]) -> tuple[int, int]:
        """Delete those that nobody used meanwhile; answers how many objects and bytes. Raises Unavailable.

        Who reads one of them goes on: an open file stays until it is closed.
        """
        unused = still_unused(self.inventory, self.pinned.objects)
        objects = size = 0
        for victim in victims:
            if unused(victim):
                self.store.delete(addresses.pulled_object(*victim.key))
                objects, size = objects + 1, size + victim.size
        self.take({})
        return objects, size

    def note_eviction(self, objects: int, size: int, why: str) -> None:
        """Remember it for those who ask."""
        done = self.ledger.evicted
        self.ledger.evicted = Evicting(
            objects=done.objects + objects,
            bytes=done.bytes + size,
            last_at=self._clock.now().timestamp(),
            last_objects=objects,
            last_bytes=size,
            last_why=why,
        )

    def objects_of(self, project: str, versions: Sequence[str] = ()) -> list[Object]:
        """Everything kept of a project. Raises Unavailable, Corrupt."""
        found: list[Object] = []
        for upstream in (settings.name for settings in self._config.upstreams):
            for digest in self.pinned.files_of(upstream, project, versions):
                found += [(upstream, "file", digest), (upstream, "metadata", digest)]
            if not versions:
                found.append((upstream, "page", project))
        return found

    def stats(self) -> dict[str, object]:
        """Figures for people: JSON-ready."""
        pinned_by: dict[tuple[str, str], int] = {}
        for key in self.pinned.objects:
            pinned_by[key[:2]] = pinned_by.get(key[:2], 0) + (self.inventory.size(key) or 0)
        sums = self.inventory.sums()
        oldest = min((minute for _, _, minute in self.inventory.walk()), default=None)
        return {
            "objects": self.inventory.objects,
            "bytes": self.inventory.size_bytes,
            "bytes_max": self._config.cache_bytes_max,
            "pinned_bytes": sum(pinned_by.values()),
            "pins": self.pinned.pins,
            "by": [
                {
                    "upstream": upstream,
                    "kind": kind,
                    "objects": total.objects,
                    "bytes": total.bytes,
                    "pinned_bytes": pinned_by.get((upstream, kind), 0),
                }
                for (upstream, kind), total in sorted(sums.items())
                if total.objects
            ],
            "oldest_use": None if oldest is None else _iso(oldest * 60.0),
            "listed_at": None if self.listed_at is None else _iso(self.listed_at),
            "free_bytes": self.room.free(),
            "free_bytes_min": self.room.bytes_min,
            "evicted": _told(self.ledger.evicted),
            "scrub": self._scrub_stats(sum(total.bytes for (_, kind), total in sums.items() if kind == "file")),
        }

    def _scrub_stats(self, file_bytes: int) -> dict[str, object]:
        done, daily = self.ledger.scrub, self._config.scrub_bytes_daily
        left = max(0, file_bytes - done.round_bytes) if done.round_started else file_bytes
        return {
            "bytes_daily": daily,
            "round_started": _iso(done.round_started) if done.round_started else None,
            "round_bytes": done.round_bytes if done.round_started else 0,
            "round_bytes_total": file_bytes,
            "round_seconds_left": round(left / daily * 86400) if daily else None,
            "last_round_ended": _iso(done.round_ended) if done.round_ended else None,
            "files": done.files,
            "bytes": done.bytes,
            "corrupt": done.corrupt,
        }

    @property
    def _ledger_file(self) -> Path:
        return self._folder / "ledger.zst"

    def _write(self, path: Path, data: bytes) -> None:
        try:
            write_paper(path, data)
        except OSError as error:
            log.warning("%s cannot be written and is kept in memory: %s", path.name, error.strerror)


def listed(store: Store, minute: int, pause: Pause | None = None) -> Inventory:
    """Everything under `pulled/`; `pause` waits now and then, for others.

    An object nobody has a record of counts as used when its file was written, else now. Raises Unavailable.
    """
    found = Inventory()
    for number, info in enumerate(store.list(addresses.PULLED_PREFIX), 1):
        parts = addresses.pulled_parts(info.key)
        if parts is not None:
            found.note(parts, info.size, _written(store, info.key, minute))
        if pause is not None and number % LIST_BATCH == 0:
            pause(LIST_PAUSE_SECONDS)
    return found


def minute_of(moment: datetime) -> int:
    return int(moment.timestamp()) // 60


def _written(store: Store, key: str, minute: int) -> int:
    path = store.local_path(key)
    try:
        return minute if path is None else min(minute, int(os.stat(path).st_mtime) // 60)
    except OSError:
        return minute


def _told(done: Evicting) -> dict[str, object]:
    return {
        "objects": done.objects,
        "bytes": done.bytes,
        "last_at": _iso(done.last_at) if done.last_at else None,
        "last_objects": done.last_objects,
        "last_bytes": done.last_bytes,
        "last_why": done.last_why,
    }


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
