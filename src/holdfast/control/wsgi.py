"""The WSGI application: Django's handler with this process's parts at hand, behind a waiting room."""

from collections.abc import Callable, Iterable
from typing import Any

from django.core.handlers.wsgi import WSGIHandler

from holdfast.control.http import OPENING
from holdfast.control.parts import Opening
from holdfast.control.threads import WaitingRoom
from holdfast.core.errors import Unavailable
from holdfast.core.problem import translate

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]


def application(opening: Opening, working_max: int) -> WsgiApp:
    """The application of one process, which works on `working_max` requests at once. Django must be set up."""
    room = WaitingRoom(working_max)
    handler: WsgiApp = WSGIHandler()

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        environ[OPENING] = opening
        if environ.get("PATH_INFO") == "/-/health":
            return handler(environ, start_response)
        if not room.enter():
            return _too_many(start_response)
        try:
            return handler(environ, start_response)
        finally:
            room.leave()

    return answer


def _too_many(start_response: StartResponse) -> Iterable[bytes]:
    refusal = translate(Unavailable("too many requests are waiting for the database", retry_after_seconds=2))
    headers = [*refusal.headers, ("content-length", str(len(refusal.body)))]
    start_response(f"{refusal.status} Service Unavailable", headers)
    return [refusal.body]
