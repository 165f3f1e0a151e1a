"""The outcomes that cross layers, and nothing else.

An answer is present, or it is exactly one of five others. Each door (HTTP, CLI) translates each of them once;
only `Absent` may ever fall through to another index, and our own trouble is never `Absent` or `Refused`.
"""


class Outcome(Exception):  # noqa: N818 - these are answers with a name of their own, not defects
    """A named reason why something cannot be given. `reason` is one sentence a person can act on."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Absent(Outcome):
    """The thing is known not to exist: the log of a readable index, or the upstream itself, says so (404)."""


class Removed(Outcome):
    """The bytes were taken down for good (410, or 451 when `legal`)."""

    def __init__(self, reason: str, *, legal: bool = False) -> None:
        super().__init__(reason)
        self.legal = legal


class Refused(Outcome):
    """A policy or a right says no (403), or credentials are missing or wrong (401 when `authenticate`)."""

    def __init__(self, reason: str, *, authenticate: bool = False) -> None:
        super().__init__(reason)
        self.authenticate = authenticate


class Unavailable(Outcome):
    """Nobody can say right now: our trouble or an upstream's (503 with Retry-After)."""

    def __init__(self, reason: str, *, retry_after_seconds: int = 5) -> None:
        super().__init__(reason)
        self.retry_after_seconds = retry_after_seconds


class NotKept(Unavailable):
    """It is not kept here, and the client wants nothing fetched (504, RFC 9111 §5.2.1.7)."""


class Corrupt(Outcome):
    """Bytes were read but fail their digest or their schema. They never leave the process."""


class Conflict(Outcome):
    """A create-only write met something that is already there."""
