"""Django's middleware, for pages alone: an upload or an API request passes through as if none were there.

A cookie is therefore never a credential outside a page, and a page never looks at Authorization.
"""

import sqlite3
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware

from holdfast.control.accounts import hashing
from holdfast.control.web.answers import answer_outcome, is_page, sealed, told
from holdfast.control.web.readable import trouble_reading
from holdfast.core.errors import Outcome, Unavailable

Respond = Callable[[HttpRequest], HttpResponseBase]


class _OnPages:
    """One of Django's, asked about pages only."""

    inner: type[Any]

    def __init__(self, get_response: Respond) -> None:
        self._get_response = get_response
        self._inner = self.inner(get_response)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        respond: Respond = self._inner if is_page(request) else self._get_response
        return respond(request)


class Sessions(_OnPages):
    inner = SessionMiddleware


class Csrf(_OnPages):
    """Forms must carry the token of their page, and Origin (or Referer) must be ours."""

    inner = CsrfViewMiddleware

    def process_view(self, request: HttpRequest, *view: Any) -> HttpResponseBase | None:
        found: HttpResponseBase | None = self._inner.process_view(request, *view) if is_page(request) else None
        return found


class SignedInUser(_OnPages):
    inner = AuthenticationMiddleware


class Messages(_OnPages):
    inner = MessageMiddleware


class Sign(_OnPages):
    """Keeps the cookie that says nothing but "1" while somebody is signed in: scripts of public pages ask only then."""

    name = "holdfast_me"

    def __init__(self, get_response: Respond) -> None:
        self._get_response = get_response
        self._inner = self._kept

    def _kept(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        is_in, is_said = SESSION_KEY in request.session, request.COOKIES.get(self.name) == "1"
        path, secure = settings.SESSION_COOKIE_PATH, settings.SESSION_COOKIE_SECURE
        if is_in and not is_said:
            age = settings.SESSION_COOKIE_AGE
            response.set_cookie(self.name, "1", max_age=age, path=path, secure=bool(secure), samesite="Lax")
        elif is_said and not is_in:
            response.delete_cookie(self.name, path=path, samesite="Lax")
        return response


class PageAnswers:
    """What every page's answer says to browsers, and the page for what a view raises on purpose."""

    def __init__(self, get_response: Respond) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        hashing.is_stranger.set(True)  # until somebody is known; threads are used again
        if is_page(request) and (trouble := trouble_reading(request)):
            return told(request, 400, trouble)
        response = self._get_response(request)
        return sealed(response) if is_page(request) else response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        return answer_error(request, error) if is_page(request) else None


class AskAgain:
    """Whoever must prove again who they are is sent to do that, and comes back to the page, not to what they had sent.

    allauth would keep the sent form in the session meanwhile, passwords and cookies included.
    """

    def __init__(self, get_response: Respond) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        if not isinstance(error, ReauthenticationRequired) or not request.user.is_authenticated:
            return None
        methods = get_adapter(request).get_reauthentication_methods(request.user)
        if not methods:  # whoever came in by a link or by a provider that is no longer there
            return told(
                request, 403, "Sign out and sign in again first: this asks for a sign-in of the last 15 minutes."
            )
        return HttpResponseRedirect(f"{methods[0]['url']}?{urlencode({'next': request.get_full_path()})}")


def answer_error(request: HttpRequest, error: BaseException | None) -> HttpResponseBase | None:
    """The page for an outcome or for a database that does not answer; None for a defect of ours."""
    if isinstance(error, Outcome):
        return answer_outcome(request, error)
    if isinstance(error, DatabaseError | InterfaceError | sqlite3.Error):
        return answer_outcome(request, Unavailable("the database cannot answer"))
    return None
