"""Who comes to `/admin/`. To everybody else these pages are not there: not even which of them there are is told."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from holdfast.control.accounts.models import User
from holdfast.control.web.pages import PageView, actor_of

Judge = Callable[[User], bool]


def _is_administrator(user: User) -> bool:
    return user.is_superuser


def is_operator(user: User) -> bool:
    """Administrators and moderators."""
    return user.is_superuser or user.is_staff


def _for(judge: Judge, view: PageView) -> PageView:
    @wraps(view)
    def asking(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        actor, person = actor_of(request), request.user
        if actor is None or not isinstance(person, User) or not judge(person):
            raise Http404
        return view(request, actor, *args, **kwargs)

    return asking


def administrators(view: PageView) -> PageView:
    """Give the view its actor after the request; it is there for administrators alone."""
    return _for(_is_administrator, view)


def operators(view: PageView) -> PageView:
    """As `administrators`, for moderators as well."""
    return _for(is_operator, view)


def nowhere(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Every other address below `/admin/`, so that what is sent there is answered as it is to the pages there are."""
    raise Http404


@operators
def to_overview(request: HttpRequest, actor: object) -> HttpResponse:
    """`/admin` without its slash."""
    return HttpResponseRedirect(reverse("admin"))
