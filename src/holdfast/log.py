"""Logging for every process: JSON lines on standard error, or short sentences when a person is watching.

Code logs through structlog (`log.info("published %s", name, project=name)`); libraries that use the standard library's
logging come out in the same form. No secret passes: the redaction step sees every text last, tracebacks included.
"""

import logging
import os
import sys
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from holdfast.redact import HIDDEN, is_secret_name, redact

_COLOURLESS_LEVELS = {"warning": "warning: ", "error": "error: ", "critical": "error: "}


def setup(level: str, role: str, stream: TextIO | None = None) -> None:
    """Send this process's logs to `stream` (standard error): from `level` up, each line marked with `role`.

    On a terminal only warnings and errors appear, as one short line each: the supervisor's own sentences on
    standard output tell the rest.
    """
    stream = stream or sys.stderr
    human = stream.isatty()
    threshold = logging.getLevelNamesMapping()[level.upper()]
    gather: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.stdlib.ExtraAdder(),
        _mark(role),
    ]
    finish: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        redact_secrets,
        _render_sentence if human else structlog.processors.JSONRenderer(ensure_ascii=False),
    ]
    structlog.configure(
        processors=[*gather, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=gather, processors=finish))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(threshold, logging.WARNING) if human else threshold)


def redact_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Cut secrets out of the message and of every field, however deep."""
    return {name: HIDDEN if is_secret_name(name) else _redacted(value) for name, value in event.items()}


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, bytes):
        return redact(value.decode("utf-8", "backslashreplace"))
    if isinstance(value, dict):
        return {key: HIDDEN if is_secret_name(str(key)) else _redacted(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float) else redact(str(value))


def _mark(role: str) -> Processor:
    def add_role(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event.setdefault("role", role)
        event.setdefault("pid", os.getpid())  # at call time: a forked worker is another process
        return event

    return add_role


def _render_sentence(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    prefix = _COLOURLESS_LEVELS.get(str(event.get("level")), "")
    line = f"{prefix}{event.get('event')} ({event.get('role')})"
    return f"{line}\n{event['exception']}" if "exception" in event else line
