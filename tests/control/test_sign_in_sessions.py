"""Where somebody is signed in: listed and ended by the API and the machine as on the page, and nobody else's matter."""

import re
from dataclasses import replace

import pytest
from browsers import Browser
from control.signing_in import aged
from control.test_sign_up_and_in import confirmed, is_in, opened, sign_in
from doors import Door
from instances import OPERATOR, UPLOADER, Instance, Scopes, soon

from holdfast.clock import SystemClock
from holdfast.control.accounts.actor import ACTIONS, Actor
from holdfast.control.accounts.models import AuditEvent, Session
from holdfast.control.accounts.sign_in_sessions import end_sessions_of, list_own_sessions, list_sessions_of
from holdfast.core.errors import Absent, Refused

FOR_ALICE = replace(UPLOADER, actions=ACTIONS)
ASKED = "/account/reauthenticate/?next=%2Faccount%2Fsessions%2F"
PHONE = ("198.51.100.9", "Mozilla/5.0 (Android 16; Mobile) Firefox/140.0")


def twice_in(door: Door) -> tuple[Browser, Browser]:
    """Alice here and on her phone."""
    return sign_in(confirmed(door)), sign_in(Browser(door, *PHONE))


def last_event() -> tuple[str, str, str, object]:
    event = AuditEvent.objects.latest("pk")
    return event.action, event.subject, event.actor, event.detail.get("count")


def test_ones_own_are_listed_as_the_page_shows_them(instance: Instance):
    door = opened(instance)
    twice_in(door)
    token = door.token("alice", FOR_ALICE)

    answer = door.api("GET", "sign-in-sessions", token)

    assert 200 == answer.status
    phone, here = answer.json()["sign_in_sessions"]
    row = Session.objects.get(address=PHONE[0])
    assert (row.session_key, "Firefox on Android", *PHONE) == tuple(
        phone[key] for key in ("id", "browser", "address", "agent")
    )
    assert phone["begun"] and phone["seen"] >= here["seen"] and not phone["current"] and not here["current"]
    assert Session.objects.count() == 2, "a session of nobody is nobody's"


def test_one_is_ended_by_its_id(sqlite_instance: Instance):
    door = opened(sqlite_instance)
    here, phone = twice_in(door)
    token = door.token("alice", FOR_ALICE)
    number = Session.objects.get(address=PHONE[0]).session_key

    answer = door.api("DELETE", f"sign-in-sessions/{number}", token)

    assert (200, True, False) == (answer.status, is_in(here), is_in(phone))
    assert ("end-session", "alice", "alice", None) == last_event()
    assert 404 == door.api("DELETE", f"sign-in-sessions/{number}", token).status


def test_a_token_is_no_session_so_that_all_are_others(sqlite_instance: Instance):
    door = opened(sqlite_instance)
    here, phone = twice_in(door)

    answer = door.api("DELETE", "sign-in-sessions", door.token("alice", FOR_ALICE))

    assert (200, {"ended": 2}) == (answer.status, answer.json())
    assert not is_in(here) and not is_in(phone)
    assert ("end-sessions", "alice", "alice", 2) == last_event()


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_token_of_projects_knows_nothing_of_them(sqlite_instance: Instance, method: str):
    door = opened(sqlite_instance)
    here, _ = twice_in(door)

    answer = door.api(method, "sign-in-sessions", door.token("alice", UPLOADER))

    assert (403, True) == (answer.status, "'account'" in answer.text)
    assert is_in(here)


def test_an_administrator_ends_those_of_others_and_does_not_see_them(sqlite_instance: Instance):
    door = opened(sqlite_instance)
    here, phone = twice_in(door)
    admin = door.token("root", Scopes(("*",), ("*",), (), True, True, ACTIONS))
    number = Session.objects.first()
    assert number is not None

    assert [] == door.api("GET", "sign-in-sessions", admin).json()["sign_in_sessions"]
    assert 404 == door.api("DELETE", f"sign-in-sessions/{number.session_key}", admin).status
    assert 405 == door.api("GET", "people/alice/sign-in-sessions", admin).status
    with pytest.raises(Refused):
        list_sessions_of("alice", Actor("root", Scopes(admin=True)), SystemClock())
    answer = door.api("DELETE", "people/alice/sign-in-sessions", admin)

    assert (200, {"ended": 2}) == (answer.status, answer.json())
    assert not is_in(here) and not is_in(phone)
    assert ("end-sessions", "alice", "root", 2) == last_event()
    assert 404 == door.api("DELETE", "people/nobody/sign-in-sessions", admin).status


def test_the_machine_lists_and_ends_them(instance: Instance):
    here, phone = twice_in(opened(instance))
    found = list_sessions_of("alice", OPERATOR, SystemClock())
    assert [PHONE[0], "Firefox on Android"] == [found[0].address, found[0].browser]

    ended = end_sessions_of(instance.publisher, "alice", OPERATOR, deadline=soon(), number=found[0].id)

    assert (1, True, False) == (ended, is_in(here), is_in(phone))
    with pytest.raises(Absent, match="ended already"):
        end_sessions_of(instance.publisher, "alice", OPERATOR, deadline=soon(), number=found[0].id)


def test_the_page_asks_first_who_one_is(sqlite_instance: Instance):
    here, phone = twice_in(opened(sqlite_instance))

    here.get("/account/sessions/")
    token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', here.page.text)[0]

    aged(here)
    answer = here.ask("POST", "/account/sessions/", f"csrfmiddlewaretoken={token}".encode())

    assert (302, ASKED) == (answer.status, answer.headers["location"]) and is_in(phone)
    here.get("/account/sessions/")
    assert ASKED == here.location and PHONE[0] not in here.page.text


def test_one_that_is_over_is_not_listed(sqlite_instance: Instance):
    twice_in(opened(sqlite_instance))
    alice = Actor("alice", credential="session")
    assert 2 == len(list_own_sessions(alice, SystemClock()))

    Session.objects.filter(address=PHONE[0]).update(expire_date="2020-01-01T00:00:00Z")

    assert [False] == [one.current for one in list_own_sessions(alice, SystemClock(), "another")]
