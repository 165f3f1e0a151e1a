"""People who are signed in already, as signing in leaves them."""

from typing import Any

from browsers import Browser
from django.conf import settings
from doors import Door

from holdfast.control.accounts.models import User
from holdfast.control.web.sessions import SessionStore


def signed_in(door: Door, name: str = "alice", **facts: Any) -> Browser:
    """A browser with a session of that user, who is made when there is none."""
    user, _ = User.objects.get_or_create(username=name, defaults=facts)
    session = SessionStore()
    session["_auth_user_id"] = str(user.pk)
    session["_auth_user_backend"] = settings.AUTHENTICATION_BACKENDS[0]
    session["_auth_user_hash"] = user.get_session_auth_hash()
    session.save()
    browser = Browser(door)
    browser.cookies["holdfast"] = session.session_key or ""
    return browser
