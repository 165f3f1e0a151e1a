"""Limits of pages by whoever asks: a person by their account, a visitor by their network."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from holdfast.control.accounts import hashing
from holdfast.control.accounts.limits import Limit, counters, network_of
from holdfast.control.accounts.models import User
from holdfast.control.http import client_of, parts_of

View = Callable[..., HttpResponseBase]


def limited(view: View, limit: Limit, *, by_get: bool = False) -> View:
    """A view that may be used so often. `by_get`: reading counts as well, where the address itself is tried."""

    @wraps(view)
    def counting(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "POST" or by_get:
            person = request.user if isinstance(request.user, User) else None
            hashing.is_stranger.set(person is None)
            subject = f"user:{person.pk}" if person else network_of(client_of(request))
            counters(parts_of(request).clock).take(limit, subject)
        return view(request, *args, **kwargs)

    counting.limit = limit  # type: ignore[attr-defined]  # a test holds every page that takes forms to having one
    return counting
