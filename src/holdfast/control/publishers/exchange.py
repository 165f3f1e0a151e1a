"""What minting keeps in one process: the issuers' keys and the limits.

A provider's share is taken by tokens that verified alone: otherwise whoever can write its name could spend it.
"""

from holdfast.clock import Clock
from holdfast.control.publishers.fetching import Fetch
from holdfast.control.publishers.keys import Keys
from holdfast.control.tokens.rate import Rate


class Exchange:
    """Made once per process, shared by its threads."""

    def __init__(self, fetch: Fetch, clock: Clock) -> None:
        self.keys = Keys(fetch, clock)
        # Hosted CI leaves through few networks; a try costs a millisecond, so the common limit is a tenth of a core.
        self.tries = Rate(by_network=60, by_all=6000, seconds=60.0)
        self.burns = Rate(by_network=120, by_all=6000, seconds=60.0)  # one look each; clients burn what they minted
        self.exchanges = Rate(by_network=600, by_all=3000, seconds=60.0)  # a provider's name stands for a network
