"""The WSGI application: Django's handler with this process's parts at hand, behind a waiting room."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from django.core.handlers.wsgi import WSGIHandler

from holdfast.config import Config
from holdfast.control.http import OPENING
from holdfast.control.page_settings import apply_page_settings
from holdfast.control.parts import Opening
from holdfast.control.shut_out import shut_out
from holdfast.control.threads import NOTICE_THREADS, WaitingRoom
from holdfast.control.web.answers import told_outside
from holdfast.control.web.environ import page_environ, without_prefix
from holdfast.core.errors import Refused, Unavailable
from holdfast.core.page_paths import ME, is_control_page
from holdfast.core.problem import Problem, translate

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]


def application(opening: Opening, working_max: int, config: Config) -> WsgiApp:
    """The application of one process, which works on `working_max` requests at once. Django must be set up."""
    apply_page_settings(config)
    room, notices = WaitingRoom(working_max), WaitingRoom(NOTICE_THREADS, 0)
    handler = _with_forms(WSGIHandler(), config)

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        environ[OPENING] = opening
        environ["PATH_INFO"] = without_prefix(environ.get("PATH_INFO", ""), config)
        if environ.get("PATH_INFO") == "/-/health":
            return handler(environ, start_response)
        if environ.get("PATH_INFO") == "/-/arriving":
            return inside(notices, environ, start_response)
        if refused := _banned(opening, environ.get("HTTP_X_HOLDFAST_CLIENT", "")):
            told = shut_out(refused, environ["PATH_INFO"], environ.get("HTTP_ACCEPT", ""), config.base_url)
            return _answered(told, start_response)
        return inside(room, environ, start_response)

    def inside(room: WaitingRoom, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if not room.enter():
            crowd = Unavailable("too many requests are waiting for the database", retry_after_seconds=2)
            return _answered(_trouble(crowd, environ, config), start_response)
        try:
            return handler(environ, start_response)
        finally:
            room.leave()

    return answer


def _with_forms(handler: WsgiApp, config: Config) -> WsgiApp:
    """The handler; a page's form is its input, everything else has none and reads the spool itself."""

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if not is_control_page(environ["PATH_INFO"]):
            return handler(environ, start_response)
        try:
            with page_environ(environ, config) as known:
                return handler(known, start_response)
        except Unavailable as error:
            return _answered(_trouble(error, environ, config), start_response)

    return answer


def _banned(opening: Opening, address: str) -> Refused | None:
    """The one place that asks: before any credential is looked at, whatever its kind. Reading never comes here."""
    try:
        return opening.parts().switches.ban(address)
    except Unavailable:
        return None  # the request is about to learn that itself


def _trouble(error: Unavailable, environ: Environ, config: Config) -> Problem:
    """What keeps a request from the handler, as its client reads it."""
    path = environ["PATH_INFO"]
    return told_outside(error, config.base_url) if is_control_page(path) and path != ME else translate(error)


def _answered(told: Problem, start_response: StartResponse) -> Iterable[bytes]:
    headers = [*told.headers, ("content-length", str(len(told.body)))]
    start_response(f"{told.status} {HTTPStatus(told.status).phrase}", headers)
    return [told.body]
