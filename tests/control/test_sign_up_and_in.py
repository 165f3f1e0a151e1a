"""People come in: sign-up, confirming an address, signing in and out, a new password, through the real application."""

import re
from dataclasses import replace
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from browsers import Browser
from control.signing_in import aged
from doors import Door
from instances import OPERATOR, Instance, soon

from holdfast.control.accounts.invitations import invite
from holdfast.control.accounts.models import AuditEvent, Session, User
from holdfast.control.accounts.people import create_person, freeze
from holdfast.control.mail.models import Mail

PASSWORD = "correct horse battery staple"
OTHER = "a quite different sentence"


def opened(instance: Instance, **settings: Any) -> Door:
    return Door(instance, config=replace(instance.config, **({"sign_up": "open"} | settings)))


def link(kind: str) -> str:
    """The path in the newest mail of a kind."""
    text = Mail.objects.filter(kind=kind).order_by("-pk").values_list("text", flat=True)[0]
    found = re.search(r"http://127\.0\.0\.1:8000(\S+)", text)
    assert found, text
    return found[1]


def signed_up(door: Door, name: str = "alice", email: str = "") -> Browser:
    browser = Browser(door)
    browser.get("/account/signup/")
    page = browser.submit("/account/signup/", username=name, email=email or f"{name}@example.org", password1=PASSWORD)
    assert "Confirm your address" in page.text, page.text
    return browser


def confirmed(door: Door, name: str = "alice") -> Browser:
    browser = signed_up(door, name)
    browser.get(link("verify-address"))
    assert 200 == browser.submit().status
    return browser


def sign_in(browser: Browser, login: str = "alice", password: str = PASSWORD) -> Browser:
    browser.get("/account/login/")
    browser.submit("/account/login/", login=login, password=password)
    return browser


def is_in(browser: Browser) -> bool:
    place = browser.location
    found = browser.ask("GET", "/_/me").json()["user"] is not None
    browser.location = place
    return found


def test_sign_up_confirm_sign_in_and_out(instance: Instance):
    door = opened(instance)
    browser = confirmed(door)
    assert not is_in(browser)

    sign_in(browser)
    assert is_in(browser) and "alice" in browser.page.text and "/account/" == browser.location

    browser.get("/account/logout/")
    browser.submit("/account/logout/")
    assert not is_in(browser)
    sign_in(browser, "Alice@Example.org")
    assert is_in(browser)
    actions = list(AuditEvent.objects.values_list("actor", "action"))
    assert [("alice", "sign-up"), ("alice", "confirm-address"), ("alice", "sign-in"), ("alice", "sign-in")] == actions


def test_an_unconfirmed_address_opens_nothing(sqlite_instance: Instance):
    browser = sign_in(signed_up(opened(sqlite_instance)))

    assert not is_in(browser) and "Confirm your address" in browser.page.text
    assert 2 == Mail.objects.filter(kind="verify-address").count()


@pytest.mark.parametrize("setting", ["closed", "invited"])
def test_nobody_comes_in_uninvited(sqlite_instance: Instance, setting: str):
    browser = Browser(opened(sqlite_instance, sign_up=setting))

    assert "No new accounts" in browser.get("/account/signup/").text
    answer = browser.post("/account/signup/", {"username": "eve", "email": "e@example.org", "password1": PASSWORD})
    assert 403 == answer.status  # without a form's token nothing is looked at
    assert not User.objects.exists()
    assert "/account/signup/" not in browser.get("/account/login/").text


def test_an_invitation_lets_one_address_in_once(sqlite_instance: Instance):
    door = opened(sqlite_instance, sign_up="invited")
    url = invite(
        sqlite_instance.publisher, "carol@example.org", True, 7, "x", "http://127.0.0.1:8000/account/invitation/",
        OPERATOR, deadline=soon(),
    )  # fmt: skip
    path = url.removeprefix("http://127.0.0.1:8000")
    browser = Browser(door)
    browser.get(path)

    wrong = browser.submit("/account/signup/", username="carol", email="mallory@example.org", password1=PASSWORD)
    assert "The invitation is for another address." in wrong.text
    browser.submit("/account/signup/", username="carol", email="carol@example.org", password1=PASSWORD)

    assert is_in(browser)
    user = User.objects.get()
    assert (True, True) == (user.is_superuser, EmailAddress.objects.get(user=user).verified)
    assert 404 == Browser(door).get(path).status


@pytest.mark.parametrize("name", ["Alice", "root", "a b", "-a", "x" * 40, "alice\u0430"])
def test_names_that_mislead_are_not_given(sqlite_instance: Instance, name: str):
    browser = Browser(opened(sqlite_instance))
    browser.get("/account/signup/")

    browser.submit("/account/signup/", username=name, email="a@example.org", password1=PASSWORD)

    assert not User.objects.exists() and "/account/signup/" == browser.location


@pytest.mark.parametrize("password", ["short", "alice-alice1", "password1234"])
def test_weak_passwords_are_refused(sqlite_instance: Instance, password: str):
    browser = Browser(opened(sqlite_instance))
    browser.get("/account/signup/")

    browser.submit("/account/signup/", username="alice-alice", email="a@example.org", password1=password)

    assert not User.objects.exists()


def test_a_name_of_tokens_alone_cannot_be_taken_by_a_stranger(sqlite_instance: Instance):
    door = opened(sqlite_instance)
    door.token("alice")
    browser = Browser(door)
    browser.get("/account/signup/")

    answer = browser.submit("/account/signup/", username="alice", email="e@example.org", password1=PASSWORD)

    assert "This name is taken." in answer.text and not User.objects.get().has_usable_password()


def test_nobody_learns_who_has_an_account(sqlite_instance: Instance):
    door = opened(sqlite_instance)
    confirmed(door)

    def texts(browser: Browser, *fields: dict[str, str]) -> list[str]:
        found = []
        for one in fields:
            browser.get(browser.location)
            found.append(re.sub(r'value="[^"]*"', "", browser.submit(browser.location, **one).text))
        return found

    ways = {
        "/account/login/": [{"login": "alice", "password": OTHER}, {"login": "nobody", "password": OTHER}],
        "/account/password/reset/": [{"email": "alice@example.org"}, {"email": "nobody@example.org"}],
    }
    for page, (known, unknown) in ways.items():
        answers = []
        for one in (known, unknown):
            browser = Browser(door)
            browser.location = page
            answers += texts(browser, one)
        assert answers[0] == answers[1]
    signed_up(door, "second", "alice@example.org")  # says what it says to everybody
    assert ["account-exists"] == list(Mail.objects.order_by("-pk").values_list("kind", flat=True)[:1])
    assert not User.objects.filter(username="second").exists()


def test_exactly_one_password_is_hashed_for_every_login(sqlite_instance: Instance):
    """Else the time would tell which names and addresses have accounts."""
    from holdfast.control.accounts import hashing

    door = opened(sqlite_instance)
    confirmed(door)
    door.token("robot")
    counted: list[str] = []

    class Counting:
        def turn(self) -> Any:
            counted.append("hash")
            return hashing.Queue(1, 1).turn()

    kept, hashing.strangers = hashing.strangers, Counting()  # type: ignore[assignment]
    try:
        for login in ("alice", "alice@example.org", "nobody", "nobody@example.org", "robot"):
            counted.clear()
            sign_in(Browser(door, "198.51.100.7"), login, OTHER)
            assert ["hash"] == counted, login
    finally:
        hashing.strangers = kept


def test_signing_in_leaves_the_session_of_before(sqlite_instance: Instance):
    """Whoever planted a session's key gets nowhere with it (session fixation)."""
    door = opened(sqlite_instance)
    browser = confirmed(door)
    browser.cookies["holdfast"] = planted = "p" * 32

    sign_in(browser)

    assert planted != browser.cookies["holdfast"]
    thief = Browser(door)
    thief.cookies["holdfast"] = planted
    assert is_in(browser) and not is_in(thief)


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example/", "javascript:alert(1)"]
)
def test_signing_in_leads_nowhere_else(sqlite_instance: Instance, target: str):
    browser = confirmed(opened(sqlite_instance))
    browser.get("/account/login/")

    answer = browser.ask(
        "POST",
        "/account/login/",
        _form(browser, login="alice", password=PASSWORD, next=target),
    )

    assert (302, "/account/") == (answer.status, answer.headers["location"])


def test_a_page_of_ones_own_sends_to_sign_in_and_back(sqlite_instance: Instance):
    browser = confirmed(opened(sqlite_instance))

    browser.get("/account/sessions/")
    assert "/account/login/?next=/account/sessions/" == browser.location.replace("%2F", "/")
    browser.submit("/account/login/", login="alice", password=PASSWORD)

    assert "/account/sessions/" == browser.location


def test_forms_from_elsewhere_are_refused(sqlite_instance: Instance):
    browser = confirmed(opened(sqlite_instance))
    browser.get("/account/login/")
    body = _form(browser, login="alice", password=PASSWORD)

    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}):
        assert 403 == browser.ask("POST", "/account/login/", body, **headers).status
    assert 403 == browser.ask("POST", "/account/login/", b"login=alice&password=x").status
    assert 302 == browser.ask("POST", "/account/login/", body, Origin="http://localhost:8000").status


def test_a_new_password_by_mail_ends_sessions_and_makes_rights_wait(sqlite_instance: Instance):
    door = opened(sqlite_instance)
    old = sign_in(confirmed(door))
    browser = Browser(door)
    browser.get("/account/password/reset/")
    browser.submit("/account/password/reset/", email="alice@example.org")

    browser.get(link("reset-password"))
    assert "set-password" in browser.location  # the key is out of the address before the page is shown
    browser.submit(password1=OTHER, password2=OTHER)

    assert not is_in(old)
    assert not is_in(sign_in(Browser(door))) and is_in(sign_in(Browser(door), password=OTHER))
    user = User.objects.get()
    assert user.recovered_until is not None
    assert "This account was just recovered" in sign_in(Browser(door), password=OTHER).page.text
    assert "Hello alice," in Mail.objects.get(kind="password-changed").text


def test_a_link_for_a_password_is_good_once(sqlite_instance: Instance):
    door = opened(sqlite_instance)
    confirmed(door)
    browser = Browser(door)
    browser.get("/account/password/reset/")
    browser.submit("/account/password/reset/", email="alice@example.org")
    path = link("reset-password")
    browser.get(path)
    browser.submit(password1=OTHER, password2=OTHER)

    assert "no longer good" in Browser(door).get(path).text


def test_sessions_are_listed_and_ended(sqlite_instance: Instance):
    door = opened(sqlite_instance)
    here, there = sign_in(confirmed(door)), sign_in(Browser(door, "198.51.100.9", "Phone/2"))

    page = here.get("/account/sessions/")
    assert "Phone/2" in page.text and "198.51.100.9" in page.text and "this one" in page.text
    row = Session.objects.get(agent="Phone/2")
    here.post("/account/sessions/", _fields(here, session=row.session_key))

    assert is_in(here) and not is_in(there)
    stranger = sign_in(confirmed(door, "bob"), "bob")
    stranger.get("/account/email/")
    mine = Session.objects.get(user__username="alice").session_key
    assert 404 == stranger.post("/account/sessions/", _fields(stranger, session=mine)).status
    assert is_in(here)


def test_an_account_without_any_address_is_the_operators_to_make(sqlite_instance: Instance):
    door = opened(sqlite_instance)
    user = create_person(sqlite_instance.publisher, "dora", "", True, False, OPERATOR, deadline=soon())
    user.set_password(PASSWORD)
    user.save()

    assert is_in(sign_in(Browser(door), "dora"))


def test_a_frozen_account_is_shut_at_once(sqlite_instance: Instance):
    door = opened(sqlite_instance)
    browser = sign_in(confirmed(door))

    freeze(sqlite_instance.publisher, "alice", "a test", OPERATOR, deadline=soon())

    assert not is_in(browser)
    assert "This account is frozen" in sign_in(Browser(door)).page.text


def test_an_account_is_deleted_by_its_name_and_its_name_is_never_given_again(sqlite_instance: Instance):
    door = opened(sqlite_instance)
    browser = sign_in(confirmed(door))
    browser.get("/account/delete/")

    assert 400 == browser.submit("/account/delete/", name="bob").status
    assert "The account is deleted" in browser.submit("/account/delete/", name="alice").text

    assert not is_in(browser) and not EmailAddress.objects.exists()
    assert not is_in(sign_in(Browser(door)))
    again = Browser(door)
    again.get("/account/signup/")
    assert "taken" in again.submit("/account/signup/", username="alice", email="b@example.org", password1=PASSWORD).text


def test_the_only_owner_of_something_cannot_leave(sqlite_instance: Instance):
    door = opened(sqlite_instance, two_factor="optional")
    browser = sign_in(confirmed(door))
    sqlite_instance.upload("demo", "1.0")

    page = browser.get("/account/delete/")

    assert "main/demo" in page.text and "Delete the account</button>" not in page.text
    browser.get("/account/email/")
    assert 400 == browser.post("/account/delete/", _fields(browser, name="alice")).status
    assert is_in(browser)


def test_what_is_sensitive_asks_again(sqlite_instance: Instance):
    browser = aged(sign_in(confirmed(opened(sqlite_instance))))

    for path in ("/account/delete/", "/account/2fa/totp/activate/", "/account/2fa/keys/add/"):
        browser.get(path)
        assert browser.location.startswith("/account/reauthenticate/?next="), path
    browser.submit("/account/reauthenticate/", password=OTHER)
    assert "Incorrect password" in browser.page.text
    browser.submit("/account/reauthenticate/", password=PASSWORD)
    assert "/account/2fa/keys/add/" == browser.location


def _fields(browser: Browser, **fields: str) -> dict[str, str]:
    """Fields with the token of the open page."""
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', browser.page.text)
    assert found
    return {"csrfmiddlewaretoken": found[1], **fields}


def _form(browser: Browser, **fields: str) -> bytes:
    from urllib.parse import urlencode

    return urlencode(_fields(browser, **fields)).encode()
