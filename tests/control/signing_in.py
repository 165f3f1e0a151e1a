"""People who are signed in already, as signing in leaves them."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from allauth.account.internal.flows.login import (
    _AUTHENTICATION_METHODS_USER_SESSION_KEY,
    AUTHENTICATION_METHODS_SESSION_KEY,
)
from allauth.mfa.models import Authenticator
from browsers import Browser
from django.conf import settings
from doors import Door

from holdfast.control.accounts import secrets
from holdfast.control.accounts.models import User
from holdfast.control.web.sessions import BEGUN, SessionStore


def signed_in(door: Door, name: str = "alice", *, just_now: bool = False, **facts: Any) -> Browser:
    """A browser with a session of that user, who is made when there is none. `just_now`: they proved who they are."""
    user, _ = User.objects.get_or_create(username=name, defaults=facts)
    session = SessionStore()
    session["_auth_user_id"] = str(user.pk)
    session["_auth_user_backend"] = settings.AUTHENTICATION_BACKENDS[0]
    session["_auth_user_hash"] = user.get_session_auth_hash()
    if just_now:
        shown: list[dict[str, Any]] = [
            {"method": "password"},
            {"method": "mfa", "type": "webauthn"},
        ]  # all one can have
        session[AUTHENTICATION_METHODS_SESSION_KEY] = [{**one, "at": time.time()} for one in shown]
        session[_AUTHENTICATION_METHODS_USER_SESSION_KEY] = str(user.pk)
    session.save()
    browser = Browser(door)
    browser.cookies["holdfast"] = session.session_key or ""
    return browser


def with_app(name: str, key: str) -> None:
    """Somebody has an authenticator app with that key (base32), as if set up in another browser."""
    user = User.objects.get(username=name)
    Authenticator.objects.create(user=user, type="totp", data={"secret": secrets.encrypt(key)})


def aged(browser: Browser, minutes: int = 16) -> Browser:
    """As if it had signed in, and shown all it did, so long ago."""
    store = SessionStore(browser.cookies["holdfast"])
    store[BEGUN] = {**store.get(BEGUN, {}), "at": (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()}
    records = store.get(AUTHENTICATION_METHODS_SESSION_KEY, [])
    store[AUTHENTICATION_METHODS_SESSION_KEY] = [{**one, "at": one["at"] - minutes * 60} for one in records]
    store.save()
    return browser
