"""Faults as values: each has a name, units, and (where chance is involved) a seed. The proxy only acts them out."""

import fnmatch
import random
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong between a client and the server behind the proxy. The default is: nothing."""

    paths: str = "*"  # only requests whose path matches this pattern are touched
    methods: tuple[str, ...] = ()  # only these; none named = all
    spares_authorization: str = ""  # requests whose Authorization header holds this text are not touched
    share: float = 1.0  # of the requests that are touched, drawn from the seed
    refuse: bool = False  # no listener at all: connection refused (touches every path)
    black_hole: bool = False  # accept, read, never answer
    latency_seconds: float = 0.0  # before the first byte of the answer
    jitter_seconds: float = 0.0  # up to this much more, drawn from the seed
    rate_bytes: int = 0  # per second and connection; 0 = unthrottled
    reset_after_bytes: int | None = None  # of body, then the connection is reset
    truncate_after_bytes: int | None = None  # of body, then a clean end under the original Content-Length
    flip_bit_at: int | None = None  # offset in the body, negative counts from the end; one bit is inverted
    status: int = 0  # replaces the answer with this status and a short text
    body: str = ""  # with `status`: what the answer says (a maintenance page, say)
    content_type: str = "text/html"  # of that answer
    carried_out: bool = False  # with `status`: the server did what it was asked, and only its answer is lost
    flap_seconds: float = 0.0  # the fault is on and off in turns of this length, starting with on
    seed: int = 0

    def touches(self, path: str, method: str = "GET", authorization: str = "", request_number: int = 0) -> bool:
        """True when the fault applies to such a request, the `request_number`th: the same for the same seed."""
        if self.methods and method not in self.methods:
            return False
        if self.spares_authorization and self.spares_authorization in authorization:
            return False
        return fnmatch.fnmatchcase(path, self.paths) and (self.share >= 1.0 or self._drawn(request_number) < self.share)

    def at(self, elapsed_seconds: float) -> "Fault":
        """The fault as it stands `elapsed_seconds` after it was switched on: itself, or nothing while flapped off."""
        if self.flap_seconds and int(elapsed_seconds / self.flap_seconds) % 2:
            return NO_FAULT
        return self

    def delay_seconds(self, request_number: int) -> float:
        """How long request `request_number` waits: the same for the same seed."""
        if not self.jitter_seconds:
            return self.latency_seconds
        return self.latency_seconds + self.jitter_seconds * self._drawn(request_number)

    def _drawn(self, request_number: int) -> float:
        return random.Random(self.seed * 1_000_003 + request_number).random()


NO_FAULT = Fault()

# The modes an upstream is known to fail in, by the name a scenario calls them.
UPSTREAM_MODES: dict[str, Fault] = {
    "ok": NO_FAULT,
    "refused": Fault(refuse=True),
    "hung": Fault(black_hole=True),
    "slow": Fault(latency_seconds=8.0),
    "503": Fault(status=503, body="upstream is down for a moment"),
    "maintenance": Fault(status=200, body="<!doctype html><title>Back soon</title><h1>Scheduled maintenance</h1>"),
    "truncated": Fault(truncate_after_bytes=100),
    "wrong-bytes": Fault(paths="*.whl", flip_bit_at=10),
    "reset": Fault(reset_after_bytes=64),
    "flapping": Fault(status=503, body="now you see me", flap_seconds=0.2),
}


def only(fault: Fault, paths: str) -> Fault:
    """The same fault for matching paths alone: one project failing."""
    return replace(fault, paths=paths)
