"""Who may read a private index: tokens from the journal, checked without any database.

Anonymous readers get 401 for every name, known or not: an index that tells them apart is an oracle. When the tree
could not be looked at for a quarter of an hour, revocations could be missing, so private reads stop.
"""

from datetime import datetime

from holdfast.clock import Clock
from holdfast.config import Config
from holdfast.core.errors import Outcome, Refused, Unavailable
from holdfast.core.tokens import credentials_from, parse, same_digest
from holdfast.tree.reader import TreeReader

CONTACT_SECONDS_MAX = 15 * 60
VERDICTS_MAX = 2048  # remembered Authorization headers
VERDICT_SECONDS = 30.0  # re-checked that often although every journal entry about tokens empties the memory


class Access:
    """Reading rights. `may_read` answers from memory for the hot path; `demand` decides."""

    def __init__(self, config: Config, reader: TreeReader, clock: Clock) -> None:
        self._private = frozenset(index.name for index in config.indexes if index.private)
        self._reader = reader
        self._clock = clock
        self._verdicts: dict[tuple[str, str], float] = {}  # (index, header) -> believed until, monotonic

    def is_private(self, index: str) -> bool:
        return index in self._private

    def may_read(self, index: str, authorization: str | None) -> bool:
        """True when `demand` let this header pass a moment ago and nothing about tokens changed since."""
        if authorization is None:
            return False
        until = self._verdicts.get((index, authorization))
        return until is not None and self._clock.monotonic() < until

    def demand(self, index: str, authorization: str | None) -> None:
        """Let the reader of a private index pass. Raises Refused, Unavailable."""
        if index not in self._private:
            return
        expires = self._check(index, authorization)
        assert authorization is not None
        now = self._clock.monotonic()
        until = min(now + VERDICT_SECONDS, self._reader.last_contact + CONTACT_SECONDS_MAX)
        if expires is not None:
            until = min(until, now + (expires - self._clock.now()).total_seconds())
        if len(self._verdicts) >= VERDICTS_MAX:
            self._verdicts = {}
        self._verdicts[index, authorization] = until

    def forget(self) -> None:
        """Something about tokens changed: every header is looked at again."""
        self._verdicts = {}

    def _check(self, index: str, authorization: str | None) -> datetime | None:
        """The expiry of the token in the header, if it may read the index. Raises Refused, Unavailable."""
        text = credentials_from(authorization)
        if text is None:
            raise _unauthenticated("this index is private: give a token as the password, with any user name")
        token = parse(text)
        if token is None:
            raise _unauthenticated("that is not a Holdfast token; it may have been cut while copying")
        if self._clock.monotonic() - self._reader.last_contact > CONTACT_SECONDS_MAX:
            raise Unavailable("tokens cannot be checked: the published tree has been out of reach for 15 minutes")
        issued = self._reader.token(token.id)
        # Compared with something in any case: the time taken does not tell whether the id exists.
        if not same_digest(issued.digest if issued else "0" * 64, token.digest) or issued is None:
            raise _unauthenticated("the token is unknown, expired or revoked")
        if index not in issued.reads and "*" not in issued.reads:
            raise Refused("the token may not read this index")
        return issued.expires


def _unauthenticated(reason: str) -> Outcome:
    return Refused(reason, authenticate=True)
