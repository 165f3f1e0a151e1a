"""The control role: Granian's WSGI server on a Unix socket, one worker process that is started again when it dies."""

import ctypes
import logging
import os
import signal
import threading
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from granian import Granian
from granian.constants import Interfaces

from holdfast import log
from holdfast.clock import SystemClock
from holdfast.config import Config
from holdfast.control.collector import settle
from holdfast.control.threads import threads_for

_PR_SET_PDEATHSIG = 1  # prctl(2)
STOP_SECONDS = 15  # how long a worker may finish uploads it has begun; more than their hold


def run(config: Config) -> None:
    """Serve until told to stop. Returns after a clean stop, raises SystemExit when the worker cannot live."""
    config.control_socket.unlink(missing_ok=True)  # left over from a kill -9; the data folder's lock is held above us
    server = Granian(
        "holdfast.control",
        uds=config.control_socket,
        uds_permissions=0o600,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=threads_for(config.control_threads),
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
        backpressure=1024,
        log_enabled=False,
        websockets=False,
    )
    server.serve(target_loader=partial(load_application, config, os.getpid()), wrap_loader=False)


def load_application(config: Config, parent: int) -> Callable[..., Any]:
    """What the worker process runs. It is called in the worker, after the fork; the server itself knows no Django."""
    # Forked from Granian's main process, whose handler only notes the signal: until Granian's own is set, a stop
    # during this load would be lost, and waited for in vain.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _die_with(parent)
    log.setup(config.log_level, "control")
    logging.getLogger("django.request").setLevel(logging.ERROR)  # views tell of refusals themselves, with the reason
    from holdfast.control.database import django_setup

    django_setup(config)  # before the next imports: models want it
    from holdfast.control.compose import open_parts
    from holdfast.control.parts import Opening
    from holdfast.control.tokens.uses import Uses, write_regularly
    from holdfast.control.wsgi import application

    uses = Uses()
    write_regularly(uses, SystemClock(), threading.Event())  # a daemon: it ends with this process
    answer = application(Opening(partial(open_parts, config, uses), SystemClock()), config.control_threads, config)
    import_module("holdfast.control.urls")  # every view now, not in the first request
    settle()
    return answer


def _die_with(parent: int) -> None:
    """Have the kernel end this worker when its server process dies, even by kill -9."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before the line above
        os._exit(1)
