"""How much expensive work may be started, per client and in all. Decisions only, no I/O.

Work is counted in milliseconds of estimated processor time. Answers from memory never come here. A client is an
address, never a User-Agent: that is a claim, not an identity.
"""

from collections import OrderedDict

from holdfast.clock import Clock


class OverBudget(Exception):  # noqa: N818 - an answer, not a defect
    """No budget for this work now. `mine` is true when this client spent its own share, false when all is spent."""

    def __init__(self, *, mine: bool, retry_after_seconds: int) -> None:
        super().__init__("the client's budget is spent" if mine else "the common budget is spent")
        self.mine = mine
        self.retry_after_seconds = retry_after_seconds


class Bucket:
    """A token bucket: `rate` units flow in per second, at most `burst` are kept."""

    __slots__ = ("_burst", "_level", "_rate", "_seen")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._seen = now

    def missing(self, cost: float, now: float) -> float:
        """Seconds until `cost` can be paid, 0 when it can be now. A cost above the burst is payable when full."""
        self._level = min(self._burst, self._level + (now - self._seen) * self._rate)
        self._seen = now
        return max(0.0, (min(cost, self._burst) - self._level) / self._rate)

    def pay(self, cost: float) -> None:
        """Take `cost`; may go below zero for a cost above the burst, which later work then waits for."""
        self._level -= cost


class Admission:
    """The two budgets. Units: milliseconds of work per second, and seconds' worth of it kept as burst."""

    def __init__(
        self,
        clock: Clock,
        *,
        total_ms_per_second: float = 900.0,  # of one core: the machine keeps serving from memory meanwhile
        client_ms_per_second: float = 600.0,  # a mirror's first pass fits; one client alone cannot spend everything
        burst_seconds: float = 3.0,  # a cold resolve of a few hundred small projects passes at once
        clients_max: int = 10_000,  # remembered; the longest unseen is forgotten first
    ) -> None:
        self._clock = clock
        self._client_rate = client_ms_per_second
        self._burst_seconds = burst_seconds
        self._clients_max = clients_max
        self._total = Bucket(total_ms_per_second, total_ms_per_second * burst_seconds, clock.monotonic())
        self._clients: OrderedDict[str, Bucket] = OrderedDict()

    def admit(self, client: str, cost_ms: float) -> None:
        """Pay for one piece of work of `client`. Raises OverBudget, and then nothing is paid."""
        now = self._clock.monotonic()
        bucket = self._bucket(client, now)
        if wait := bucket.missing(cost_ms, now):
            raise OverBudget(mine=True, retry_after_seconds=1 + int(wait))
        if wait := self._total.missing(cost_ms, now):
            raise OverBudget(mine=False, retry_after_seconds=1 + int(wait))
        bucket.pay(cost_ms)
        self._total.pay(cost_ms)

    def _bucket(self, client: str, now: float) -> Bucket:
        bucket = self._clients.get(client)
        if bucket is None:
            if len(self._clients) >= self._clients_max:
                self._clients.popitem(last=False)
            bucket = self._clients[client] = Bucket(self._client_rate, self._client_rate * self._burst_seconds, now)
        else:
            self._clients.move_to_end(client)
        return bucket
