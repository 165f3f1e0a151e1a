"""Who is shut out, and who administers and moderates: kept in the tree, for a database that is restored.

What a backup gives back must not be a right that somebody lost since. Names stand here as digests: a list of people is
no business of whoever reads the store. An object per change, under a number of its own; the highest one counts. It is
on no page, and a tree without any is whole.
"""

from datetime import datetime
from hashlib import sha256

import msgspec
import structlog

from holdfast.core.errors import Absent, Conflict
from holdfast.store.port import Store
from holdfast.tree import addresses
from holdfast.tree.numbered import numbers

log = structlog.get_logger(__name__)

DIGEST_CHARS = 20  # 80 bits: no two people of an instance meet
KEPT = 2  # whoever reads just now may have chosen the one before


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Digests of accounts, each sorted. What holds since `at` (aware UTC)."""

    at: datetime
    shut: tuple[str, ...] = ()  # frozen, or deleted
    administrators: tuple[str, ...] = ()
    moderators: tuple[str, ...] = ()
    v: int = 1

    def says_as(self, other: "Standing | None") -> bool:
        """Whether the other one says the same of everybody."""
        return other is not None and msgspec.structs.replace(self, at=other.at) == other


def account_digest(instance: str, user: str) -> str:
    """What stands for an account."""
    return sha256(f"{instance}/account/{user}".encode()).hexdigest()[:DIGEST_CHARS]


def newest_standing(store: Store) -> Standing | None:
    """The newest word that can be read, None when there is none. Raises Unavailable."""
    for number in sorted(_numbers(store), reverse=True):
        try:
            return _decoder.decode(store.get(addresses.standing(number)))
        except Absent:
            continue  # a newer one took its place between two looks: look at what is left
        except msgspec.MsgspecError as error:
            log.error("who is shut out is damaged, and the word before it counts: %s", error, number=number)
    return None


def put_standing(store: Store, standing: Standing) -> bool:
    """Keep a new word; False when somebody else did so at this moment. Raises Unavailable."""
    known = sorted(_numbers(store))
    try:
        store.put(addresses.standing(known[-1] + 1 if known else 1), _encoder.encode(standing), create=True)
    except Conflict:
        return False
    for number in known[: len(known) - KEPT + 1]:
        store.delete(addresses.standing(number))
    return True


def _numbers(store: Store) -> list[int]:
    return list(numbers(store, addresses.STANDING_PREFIX, addresses.standing))


_encoder = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(Standing)
