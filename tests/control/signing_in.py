"""People who are signed in already, as signing in leaves them."""

import time
from typing import Any

from allauth.account.internal.flows.login import (
    _AUTHENTICATION_METHODS_USER_SESSION_KEY,
    AUTHENTICATION_METHODS_SESSION_KEY,
)
from browsers import Browser
from django.conf import settings
from doors import Door

from holdfast.control.accounts.models import User
from holdfast.control.web.sessions import SessionStore


def signed_in(door: Door, name: str = "alice", *, just_now: bool = False, **facts: Any) -> Browser:
    """A browser with a session of that user, who is made when there is none. `just_now`: they proved who they are."""
    user, _ = User.objects.get_or_create(username=name, defaults=facts)
    session = SessionStore()
    session["_auth_user_id"] = str(user.pk)
    session["_auth_user_backend"] = settings.AUTHENTICATION_BACKENDS[0]
    session["_auth_user_hash"] = user.get_session_auth_hash()
    if just_now:
        proof = {"method": "password", "at": time.time(), "reauthenticated": True}
        session[AUTHENTICATION_METHODS_SESSION_KEY] = [proof]
        session[_AUTHENTICATION_METHODS_USER_SESSION_KEY] = str(user.pk)
    session.save()
    browser = Browser(door)
    browser.cookies["holdfast"] = session.session_key or ""
    return browser
