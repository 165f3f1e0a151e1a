"""Nobody learns by the time of an answer which tokens or addresses there are: the same is done for all of them."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from browsers import Browser
from control.test_sign_up_and_in import confirmed, opened
from django.db import connection
from django.test.utils import CaptureQueriesContext
from instances import OPERATOR, Instance, Scopes, soon

from holdfast.clock import ManualClock, SystemClock
from holdfast.config import Config, IndexConfig
from holdfast.control.accounts.actions import authenticate, create_token, revoke_token
from holdfast.control.accounts.models import Token
from holdfast.control.mail.models import Mail
from holdfast.control.publishers.models import PublisherToken
from holdfast.core import tokens
from holdfast.core.errors import Refused
from holdfast.read.access import Access
from holdfast.tree.journal import TokenIssued
from holdfast.tree.reader import TreeReader

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


def database_steps(act: Callable[[], object]) -> int:
    """How many instructions SQLite's machine carries out meanwhile: its work, whatever the machine below is doing."""
    counted: list[None] = []
    connection.ensure_connection()
    connection.connection.set_progress_handler(lambda: counted.append(None), 1)
    try:
        act()
    finally:
        connection.connection.set_progress_handler(None, 1)
    return len(counted)


def other_secret(text: str) -> str:
    """A token with that id and another secret: whoever knows an id has nothing better."""
    prefix, own, *_rest = text.split("_")
    body = "_".join((prefix, own, tokens.mint().text.split("_")[2]))
    return f"{body}_{tokens.checksum(body)}"


def test_the_database_works_as_much_for_an_id_that_there_is_as_for_one_that_there_is_not(sqlite_instance: Instance):
    publisher, actor = sqlite_instance.publisher, OPERATOR

    def made(expires: datetime | None = None) -> str:
        return create_token(publisher, "ci", "alice", Scopes(), expires, actor, deadline=soon()).text

    known, revoked, expired, ours = made(), made(), made(CLOCK.now() - timedelta(1)), tokens.mint()
    revoke_token(publisher, revoked.split("_")[1], actor, deadline=soon())
    facts = {"provider": "ci", "kind": "oidc", "issuer": "https://i.example", "label": "x", "created": CLOCK.now()}
    PublisherToken.objects.create(id=ours.id, digest=ours.digest, expires=CLOCK.now() + timedelta(1), **facts)
    shown = [tokens.mint().text, *map(other_secret, (known, revoked, expired, ours.text))]
    assert [None] * 5 == [authenticate(one, CLOCK) for one in shown]

    counted = [database_steps(lambda one=one: authenticate(one, CLOCK)) for one in shown]

    assert 0 < counted[0] and [counted[0]] * 5 == counted


def test_signing_in_asks_the_database_the_same_for_a_name_that_there_is_not(sqlite_instance: Instance):
    """Up to the hash, and after it; a hash's time hides no statement from whoever asks often enough."""
    door = opened(sqlite_instance)
    confirmed(door)
    asked = []
    for number, login in enumerate(("alice", "alice@example.org", "nobody", "nobody@example.org")):
        browser = Browser(door, f"203.0.{number}.9")
        fields = {"login": login, "password": "wrong, and long enough"}
        for _ in range(2):  # the first makes rows of what is counted
            browser.get("/account/login/")
            found = statements(lambda b=browser, f=fields: b.submit("/account/login/", **f))
        asked.append(found)

    assert [asked[0]] * 4 == asked, [len(one) for one in asked]


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


def test_what_a_token_is_good_for_is_read_only_once_it_is_known_to_be_right(
    sqlite_instance: Instance, monkeypatch: pytest.MonkeyPatch
):
    """Reading it takes long enough to be seen from outside (bench/timing.py)."""
    text = create_token(sqlite_instance.publisher, "ci", "alice", Scopes(), None, OPERATOR, deadline=soon()).text
    read: list[str] = []
    real = json.loads
    monkeypatch.setattr("json.loads", lambda *given, **more: (read.append("scopes"), real(*given, **more))[1])

    right = authenticate(text, CLOCK)
    known = read.copy()
    read.clear()
    Token.objects.update(digest="f" * 64)
    wrong = authenticate(text, CLOCK)

    assert (True, None) == (right is not None, wrong)
    assert ([], True) == (read, bool(known))


@pytest.mark.parametrize("case", ["unknown", "another secret", "expired", "revoked", "right"])
def test_a_front_compares_once_whatever_the_token(monkeypatch: pytest.MonkeyPatch, case: str):
    """Digests of full length, in constant time; the index is looked at afterwards."""
    clock, minted = ManualClock(), tokens.mint()
    ends = clock.now() - timedelta(1) if case == "expired" else None
    issued = TokenIssued(minted.id, "f" * 64 if case == "another secret" else minted.digest, ("team",), expires=ends)
    reader = TreeOf({} if case in ("unknown", "revoked") else {minted.id: issued}, clock)
    access = Access(Config(data=Path("/nonexistent"), indexes=(IndexConfig("team", private=True),)), reader, clock)  # type: ignore[arg-type]
    compared: list[tuple[int, int]] = []
    real = tokens.hmac.compare_digest
    monkeypatch.setattr(
        "hmac.compare_digest", lambda one, other: (compared.append((len(one), len(other))), real(one, other))[1]
    )

    try:
        access.demand("team", f"Bearer {minted.text}")
        found = "let in"
    except Refused as error:
        found = error.reason

    assert ("let in" if case == "right" else "the token is unknown, expired or revoked") == found
    assert ([(64, 64)], [minted.id]) == (compared, reader.asked)


class TreeOf(TreeReader):
    """A reader that has read a tree with these tokens, a moment ago."""

    def __init__(self, issued: dict[str, TokenIssued], clock: ManualClock) -> None:
        self.last_contact = clock.monotonic()
        self.asked: list[str] = []
        self._issued, self._clock = issued, clock

    def token(self, id: str) -> TokenIssued | None:
        self.asked.append(id)
        found = self._issued.get(id)
        return found if found is not None and (found.expires is None or found.expires > self._clock.now()) else None
