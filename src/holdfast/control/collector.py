"""Python's cycle collector, told what a process that lives long knows of itself.

Everything that was loaded at the start (Django, models, URL tables: some hundred thousand objects) stays until the end.
Left alone, the collector walks all of it again each time that a large project has made enough objects, under the
interpreter's lock: measured, a fifth of a second in which nobody is answered. What is made for a request has next to no
cycles, and goes by counting references.
"""

import gc

OBJECTS_MIN = 10_000  # made and not ended since the last look; Python's 700 has one look at each 40 files of a page


def settle() -> None:
    """Call once, when everything is loaded: what is there is never walked again."""
    gc.set_threshold(OBJECTS_MIN)
    gc.collect()
    gc.freeze()
