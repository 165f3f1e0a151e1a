"""What never answers: whoever waits for it waits until the test ends it, and longer than any machine is slow."""

import threading

from holdfast.drill.rig import HUNG_SECONDS


class Hang:
    """Something hung, until `end()`. Who waits for it all the same goes on after a minute: `was_waited_out` tells."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self.was_waited_out = False

    def wait(self) -> None:
        """As what hangs would."""
        if not self._over.wait(HUNG_SECONDS):
            self.was_waited_out = True

    def end(self) -> None:
        """Let everybody go who waits."""
        self._over.set()
