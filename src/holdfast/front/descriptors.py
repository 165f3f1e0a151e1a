"""How many files and connections this process may have open, and whether there is room for one more.

Granian opens a file by itself once it was told to answer with it, and says 404 when it cannot: a lack of descriptors
would look like absence. So there is looked first, with some left over for what others open in the meantime.
"""

import os
import resource

LIMIT_WANTED = 65_536  # as the systemd unit has it; shells give 1,024 and allow more
SPARE = 64  # opened at the same moment by others: connections, and files that answers are made of


class Descriptors:
    """The room of one process."""

    def __init__(self, spare: int = SPARE) -> None:
        self._highest = _limit() - spare
        self._own = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)  # to have something to copy

    def is_room(self) -> bool:
        """True while there is. The kernel gives the lowest free number: two calls, some two microseconds."""
        try:
            lowest = os.dup(self._own)
        except OSError:
            return False
        os.close(lowest)
        return lowest < self._highest


def raise_limit() -> None:
    """Let this process have as many as it may, up to what a busy front needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = LIMIT_WANTED if hard == resource.RLIM_INFINITY else min(hard, LIMIT_WANTED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _limit() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return LIMIT_WANTED if soft == resource.RLIM_INFINITY else soft
