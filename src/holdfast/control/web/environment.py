"""Control's pages in the one design: the environment of holdfast.pages, with control's own templates beside its own."""

from functools import partial
from pathlib import Path
from typing import Any

from django.contrib.messages import get_messages
from django.http import HttpRequest
from django.urls import reverse
from jinja2 import ChoiceLoader, Environment, FileSystemLoader

from holdfast.config import SignIn
from holdfast.control.http import OPENING, parts_of
from holdfast.control.web.messages import Message
from holdfast.control.web.refused import anchor_of
from holdfast.core.errors import Outcome
from holdfast.pages import Notice, Site
from holdfast.pages.environment import environment as pages_environment

SITE = "holdfast.site"  # where wsgi.py puts the Site in a page's environ
_TEMPLATES = Path(__file__).parent / "templates"


def environment(**options: Any) -> Environment:
    """What Django's Jinja2 back end makes once per process."""
    made = pages_environment(**options)
    assert made.loader is not None
    made.globals["url"] = lambda name, *args: reverse(name, args=args)
    made.filters["anchor"] = anchor_of
    made.loader = ChoiceLoader([FileSystemLoader(_TEMPLATES), made.loader])
    return made


def everywhere(request: HttpRequest) -> dict[str, Any]:
    """What every template may count on (holdfast.pages says what for)."""
    found = [Message.of(message) for message in get_messages(request)]
    return {
        "site": site_of(request),
        "messages": found,
        "notices": _notices(request),
        "here": "account",
        "sign_up_stopped": partial(_sign_up_stopped, request),
        "sign_up_is_open": partial(_sign_up_is_open, request),
        "sign_in_providers": partial(_sign_in_providers, request),
    }


def _sign_in_providers(request: HttpRequest) -> tuple[SignIn, ...]:
    return parts_of(request).config.sign_in


def _sign_up_is_open(request: HttpRequest) -> bool:
    from allauth.account.adapter import get_adapter

    return bool(get_adapter(request).is_open_for_signup(request))


def _sign_up_stopped(request: HttpRequest) -> str:
    """Why an operator stopped new accounts, "" when nobody did."""
    refused = parts_of(request).switches.refusal("sign-up")
    return refused.reason if refused is not None else ""


def _notices(request: HttpRequest) -> tuple[Notice, ...]:
    """What operators have to tell everybody, as far as it can be read now: no page waits for it."""
    try:
        return tuple(Notice(one.banner) for one in parts_of(request).switches.in_force() if one.banner)
    except Outcome:
        return ()


def site_of(request: HttpRequest) -> Site:
    """Where this instance is."""
    found = request.META[SITE]
    assert isinstance(found, Site) and OPENING in request.META
    return found
