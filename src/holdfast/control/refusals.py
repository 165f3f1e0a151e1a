"""Answers that are refusals on purpose: one line in the log each, and counted. Not one of them is a defect of ours.

Django would log every answer from 500 up as an error: with a full spool or a store that is down, one for each
upload of every client, and the defects would drown among them.
"""

from collections import Counter

import structlog

log = structlog.get_logger()

WHY_CHARS_MAX = 500

uploads: Counter[int] = Counter({400: 0, 401: 0, 403: 0, 503: 0, 507: 0})  # by status, of this process


def note_upload(status: int, index: str, error: Exception) -> None:
    """An upload was refused with this status."""
    uploads[status] += 1
    _say("upload refused with %s", status, index=index, why=_why(error))


def note_request(status: int, error: Exception) -> None:
    """A request was refused. Only trouble of ours is told: what clients do wrong is in the access log."""
    if status >= 500:
        _say("request refused with %s", status, why=_why(error))


def _say(event: str, status: int, **facts: str) -> None:
    """A full disk needs a person (507), other trouble passes (503), and the rest is everyday."""
    tell = log.error if status == 507 else log.warning if status >= 500 else log.info
    tell(event, status, **facts)


def _why(error: Exception) -> str:
    return str(error)[:WHY_CHARS_MAX]
