"""Nobody learns by the time of an answer which tokens or addresses there are: the same is done for all of them."""

from collections.abc import Callable

import pytest
from browsers import Browser
from control.test_sign_up_and_in import confirmed, opened
from django.db import connection
from django.test.utils import CaptureQueriesContext
from instances import OPERATOR, Instance, Scopes, soon

from holdfast.clock import SystemClock
from holdfast.control.accounts.actions import authenticate, create_token
from holdfast.control.accounts.models import Token
from holdfast.control.mail.models import Mail
from holdfast.core import tokens

CLOCK = SystemClock()


def statements(act: Callable[[], object]) -> list[str]:
    """What the database is asked, without the values."""
    with CaptureQueriesContext(connection) as asked:
        act()
    return [query["sql"].split(" WHERE ")[0] for query in asked.captured_queries]


def test_a_known_id_with_a_wrong_secret_costs_what_an_unknown_one_does(instance: Instance):
    known = create_token(instance.publisher, "ci", "alice", Scopes(), None, OPERATOR, deadline=soon()).text
    Token.objects.update(digest="f" * 64)  # as if another secret were shown
    wrong, unknown = known, tokens.mint().text
    assert (None, None) == (authenticate(wrong, CLOCK), authenticate(unknown, CLOCK))

    asked = [statements(lambda one=one: authenticate(one, CLOCK)) for one in (wrong, unknown)]

    assert asked[0] == asked[1] and 2 == len(asked[0])


def test_each_of_them_is_compared_in_constant_time(sqlite_instance: Instance, monkeypatch: pytest.MonkeyPatch):
    text = create_token(sqlite_instance.publisher, "ci", "alice", Scopes(), None, OPERATOR, deadline=soon()).text
    compared: list[tuple[int, int]] = []
    real = tokens.hmac.compare_digest

    def counting(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return real(one, other)

    monkeypatch.setattr("hmac.compare_digest", counting)
    for one in (text, tokens.mint().text):
        compared.clear()
        authenticate(one, CLOCK)
        assert [(64, 64)] == compared


def test_a_reset_asks_the_database_much_the_same_for_everybody(sqlite_instance: Instance):
    """One mail either way. The few more questions for a real account are within what a page varies by itself."""
    door = opened(sqlite_instance)
    confirmed(door)
    asked = []
    for email in ("alice@example.org", "nobody@example.org"):
        browser = Browser(door, "198.51.100.7")
        browser.get("/account/password/reset/")
        before = Mail.objects.count()
        asked.append(len(statements(lambda b=browser, e=email: b.submit("/account/password/reset/", email=e))))
        assert 1 == Mail.objects.count() - before

    assert abs(asked[0] - asked[1]) <= 3, asked
