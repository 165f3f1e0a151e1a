"""How a view makes a page: `page` renders, `signed_in` says who asks."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.urls import reverse

from holdfast.control.accounts.actor import ALL, Actor, Scopes
from holdfast.control.accounts.models import User
from holdfast.control.http import client_of
from holdfast.control.web.answers import told
from holdfast.pages.headers import policy

PageView = Callable[..., HttpResponse]


def page(request: HttpRequest, template: str, status: int = 200, **context: Any) -> HttpResponse:
    """A template as an answer; it finds `request`, `csrf_input` and `csrf_token` in its context."""
    return HttpResponse(render_to_string(template, context, request), status=status)


def actor_of(request: HttpRequest) -> Actor | None:
    """The person signed in, as actions know them; None for a visitor.

    A session has no narrower scope than its person: what it may do follows from roles, and what only tokens may do
    (publishing) is refused to it by its credential kind (projects/rights.py).
    """
    user = request.user
    if not isinstance(user, User):
        return None
    scopes = Scopes((ALL,), (ALL,), (), True, user.is_superuser)
    return Actor(user.username, scopes, "", client_of(request), credential="session")


def signed_in(view: PageView) -> PageView:
    """Give the view its actor after the request; visitors are sent to sign in first, and come back."""

    @wraps(view)
    def asking(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        actor = actor_of(request)
        if actor is None:
            return HttpResponseRedirect(f"{login_address()}?{urlencode({'next': request.get_full_path()})}")
        return view(request, actor, *args, **kwargs)

    return asking


def recently(view: PageView) -> PageView:
    """Only for who proved who they are within the last quarter of an hour. Stands below `signed_in`."""

    @wraps(view)
    def asking(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        raise_if_reauthentication_required(request, app="allauth.account")
        return view(request, *args, **kwargs)

    return asking


def with_picture(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A page that draws a picture of its own into itself: the QR code of a key, which no address may ever show."""

    @wraps(view)
    def drawing(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        response["Content-Security-Policy"] = policy(img_src="'self' data:")
        return response

    return drawing


def login_address() -> str:
    """Where one signs in."""
    return reverse("account_login")


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW. Why exactly is for nobody to know who may have forged it."""
    return told(request, 403, "This form came from another page, or is too old. Go back, reload the page, try again.")


def denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler403."""
    return told(request, 403, "This is not for this account. Sign in again, and try once more.")
