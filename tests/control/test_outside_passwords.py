"""No door that publishes knows a password or a session: whoever guesses or steals one publishes nothing (r26).

The doors come from the URL table: whatever takes a file, opens or publishes a session, or gives out a token for it.
"""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
import wheels
from control.signing_in import signed_in
from django.contrib.auth.hashers import make_password
from doors import Door, basic
from instances import new_instance
from rights_world import PASSWORD, forms_token, routes
from sessions import opened, traces

from holdfast.clock import SystemClock
from holdfast.config import ProviderConfig
from holdfast.control.accounts.models import AuditEvent, User
from holdfast.control.database import close_connection
from holdfast.control.publishers.exchange import Exchange
from holdfast.control.publishers.fetching import fetch
from holdfast.control.tokens.guessing import RefusedTokens
from holdfast.control.urls import urlpatterns

PUBLISHING = ("legacy", "api/sessions/", "mint-token", "/promote", "/publishers", "publishers/pending")


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    made = new_instance(tmp_path_factory.mktemp("passwords") / "data")
    made.upload("tool", "1.0")
    config = replace(made.config, two_factor="optional", providers=(ProviderConfig("ci", "https://i.example"),))
    parts = {"refused_tokens": RefusedTokens(10**6), "exchange": Exchange(fetch, SystemClock())}
    yield Door(replace(made, config=config), **parts)
    close_connection()


def doors_that_publish() -> list[tuple[str, str]]:
    """(method, route) of everything that writes below one of PUBLISHING."""
    served = ((method, route) for method, route in routes(urlpatterns) if method not in ("GET", "ANY"))
    return sorted({(method, route) for method, route in served if any(part in route for part in PUBLISHING)})


@pytest.fixture(scope="module")
def parts(door: Door) -> dict[str, str]:
    """What stands for the parts of an address: Alice has opened a session, and owns the project."""
    session = opened(door, door.token("alice"))
    User.objects.filter(username="alice").update(password=make_password(PASSWORD), is_superuser=True)
    known = {"index": "main", "session": session, "name": "tool", "version": "1.0", "publisher": "1"}
    return known | {"filename": "tool-1.0.tar.gz"}


def attempts(door: Door) -> Iterator[dict[str, str]]:
    """The right name and password, and a session of just now, in every way that a client could send them."""
    browser = signed_in(door, "alice", just_now=True)
    form = forms_token(browser.get("/account/logout/").text).decode().partition("=")[2]
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    key = browser.cookies["holdfast"]
    yield basic(PASSWORD, "alice")
    yield basic(PASSWORD)
    yield basic(" ", PASSWORD)
    yield basic(key, "alice")
    for scheme in ("Bearer", "token", "Session"):
        yield {"Authorization": f"{scheme} {PASSWORD}"}
        yield {"Authorization": f"{scheme} {key}"}
    yield {"Cookie": cookies, "Origin": door.origin, "X-CSRFToken": form, "X-Requested-With": "XMLHttpRequest"}
    yield {"Cookie": cookies, "Origin": door.origin, "X-CSRFToken": form} | basic(PASSWORD, "alice")
    yield {"Cookie": f"{cookies}; Authorization={PASSWORD}", "X-Authorization": f"Bearer {PASSWORD}"}


def test_there_are_such_doors():
    assert {"legacy/", "<slug:index>/legacy/", "_/oidc/mint-token", "api/sessions/<slug:index>"} <= {
        route for _, route in doors_that_publish()
    }


@pytest.mark.parametrize(("method", "route"), doors_that_publish())
def test_no_password_and_no_session_opens_it(door: Door, parts: dict[str, str], method: str, route: str):
    path = "/" + route
    for name, value in parts.items():
        path = path.replace(f"<slug:{name}>", value).replace(f"<str:{name}>", value).replace(f"<int:{name}>", value)
    before, trail = traces(), AuditEvent.objects.count()
    takes_files = "legacy" in route or route.endswith("/files")
    named = {"username": "alice", "password": PASSWORD, "token": PASSWORD}
    upload = wheels.twine_body(*wheels.wheel("tool", "2.0"), **named)
    document = json.dumps(named | {"name": "tool", "version": "3.0", "to": "team", "provider": "ci"}).encode()

    for headers in attempts(door):
        content_type, body = upload if takes_files else ("application/json", document)
        answer = door.request(method, path, body, {"Content-Type": content_type, **headers})

        expected = 422 if "mint-token" in route else 401
        assert (expected, headers) == (answer.status, headers), answer.text
        assert PASSWORD not in answer.text + str(answer.headers)

    assert (before, trail) == (traces(), AuditEvent.objects.count())
