"""What this machine's monitors found last: a small file in the data folder, which needs no database.

`work` writes it; control reads it for `/metrics`, for the operators' overview and for reminders.
"""

from datetime import datetime

import msgspec
import structlog

from holdfast.config import Config
from holdfast.control.instance import write_atomically

log = structlog.get_logger()

TEXT_CHARS_MAX = 400


class Result(msgspec.Struct, frozen=True):
    """One look. `ok` None: it could not be made, by an operator's decision, which is no failure."""

    ok: bool | None
    text: str
    at: datetime
    since: datetime  # when `ok` became what it is
    seconds: float = 0.0  # that the look took

    @property
    def word(self) -> str:
        """For people."""
        return {True: "works", False: "fails", None: "not checked"}[self.ok]


def results(config: Config) -> dict[str, Result]:
    """By monitor. Nothing while there is none, or while the file cannot be read: that is no monitor's failure."""
    try:
        return msgspec.json.decode(config.monitors_file.read_bytes(), type=dict[str, Result])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError) as error:
        log.warning("what monitors found cannot be read: %s", error)
        return {}


def note(config: Config, monitor: str, ok: bool | None, text: str, now: datetime, seconds: float) -> Result:
    """Keep what a monitor found; a change is said in the log. Raises OSError."""
    known = results(config)
    before = known.get(monitor)
    since = before.since if before is not None and before.ok is ok else now
    made = Result(ok, text[:TEXT_CHARS_MAX], now, since, seconds)
    write_atomically(config.monitors_file, msgspec.json.encode({**known, monitor: made}))
    if before is None or before.ok is not ok:
        (log.error if ok is False else log.info)("the monitor %s %s: %s", monitor, made.word, made.text)
    return made


def forget(config: Config, monitor: str) -> None:
    """A monitor that is switched off says nothing any more. Raises OSError."""
    known = results(config)
    if known.pop(monitor, None) is not None:
        write_atomically(config.monitors_file, msgspec.json.encode(known))
