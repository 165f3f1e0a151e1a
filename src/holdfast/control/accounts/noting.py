"""The transaction in which a page's change is noted: audited, and told to its person by mail, at once or not at all."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.models import User
from holdfast.control.http import client_of, parts_of
from holdfast.control.publication.transaction import WriteTransaction, unpublished_transaction
from holdfast.tree.switches import READ_ONLY

HOLD_SECONDS = 2.0  # how long a page waits for a database that blinks
AGENT_CHARS_MAX = 200
_OPEN = "_holdfast_transaction"


def actor_for(request: HttpRequest, user: User | None) -> Actor:
    """Whoever acts: the person, or nobody yet."""
    return Actor(user.username if user else "", address=client_of(request), credential="session")


@contextmanager
def noting(request: HttpRequest, user: User | None = None) -> Iterator[WriteTransaction]:
    """The request's open transaction, or one of its own."""
    found = getattr(request, _OPEN, None)
    if found is not None:
        yield found
        return
    parts = parts_of(request)
    deadline = parts.clock.monotonic() + HOLD_SECONDS
    person = user or (request.user if isinstance(request.user, User) else None)
    with unpublished_transaction(parts.publisher, actor_for(request, person), deadline) as tx:
        yield tx


def whole(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A view whose POST is one transaction. Never for one that hashes a password: all writers would wait."""

    @wraps(view)
    def changing(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method != "POST" or not isinstance(request.user, User):
            return view(request, *args, **kwargs)
        if refused := parts_of(request).switches.refusal(READ_ONLY):
            raise refused
        with noting(request) as tx:
            setattr(request, _OPEN, tx)
            try:
                return view(request, *args, **kwargs)
            finally:
                setattr(request, _OPEN, None)

    return changing


def agent_of(request: HttpRequest) -> str:
    """The browser's own name for itself, fit for one line of a page or a mail."""
    said = request.META.get("HTTP_USER_AGENT", "")[:AGENT_CHARS_MAX]
    return "".join(c for c in said if " " <= c <= "~") or "an unnamed browser"
