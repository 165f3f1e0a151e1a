"""What pull remembers of pages: those in the store, and bounded memories by project name."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TypeVar

import msgspec

from holdfast.core.errors import Corrupt
from holdfast.tree.compressed import decompress
from holdfast.tree.record import RECORD_BYTES_MAX

NAMES_MAX = 10_000  # absent, odd and vanished projects remembered, each

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class KeptPage:
    """What is known of a stored page. `fetched_at` moves on with every refresh, also when nothing is written."""

    version: str  # of the stored object
    digest: str
    fetched_at: datetime
    etag: str


@dataclass(frozen=True, slots=True)
class PageAnswer:
    """A page that is in the store. `stale` when its refresh failed."""

    digest: str
    fetched_at: datetime
    stale: bool


def stale_answer(kept: KeptPage) -> PageAnswer:
    return PageAnswer(kept.digest, kept.fetched_at, stale=True)


class _Private(msgspec.Struct):
    fetched_at: datetime
    upstream_etag: str = ""


class _Facts(msgspec.Struct):
    """The few fields of a stored page that refreshing needs; the decoder skips the files."""

    private: _Private = msgspec.field(name="_holdfast")


def facts_of(data: bytes, version: str) -> KeptPage:
    """Read them from the stored bytes. Raises Corrupt."""
    json_bytes = decompress(data, "a stored page", RECORD_BYTES_MAX)
    try:
        private = msgspec.json.decode(json_bytes, type=_Facts).private
    except msgspec.MsgspecError as error:
        raise Corrupt(f"a stored page does not parse: {error}") from error
    return KeptPage(version, sha256(json_bytes).hexdigest(), private.fetched_at, private.upstream_etag)


def note(memory: OrderedDict[K, V], name: K, value: V, entries_max: int = NAMES_MAX) -> None:
    """Remember, forgetting the oldest beyond the bound."""
    memory[name] = value
    memory.move_to_end(name)
    if len(memory) > entries_max:
        memory.popitem(last=False)
