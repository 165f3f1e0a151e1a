"""Before what is sensitive, whoever has a second factor shows it: a password alone opens nothing of theirs."""

import html
import json
import re

import pytest
from allauth.mfa.models import Authenticator
from browsers import Browser
from control.going_elsewhere import begin, come, come_first, door_to, there_and_back
from control.signing_in import aged
from control.signing_in import with_app as with_app_of
from control.test_second_factors import code_of, with_app, wrong_code
from control.test_sign_in_proofs import KEY
from control.test_sign_up_and_in import PASSWORD, confirmed, opened, sign_in
from instances import Instance
from passkeys import Passkey
from people_issuer import PeopleIssuer

from holdfast.control.accounts.models import User

SENSITIVE = "/account/delete/"
BY_PASSWORD, BY_CODE, BY_KEY = (
    "/account/reauthenticate/",
    "/account/2fa/reauthenticate/",
    "/account/2fa/keys/reauthenticate/",
)
ELSEWHERE = "/account/reauthenticate/elsewhere/"


def at(browser: Browser) -> str:
    return browser.location.partition("?")[0]


def test_without_a_second_factor_the_password_is_enough(sqlite_instance: Instance):
    browser = aged(sign_in(confirmed(opened(sqlite_instance))))
    browser.get(SENSITIVE)
    assert BY_PASSWORD == at(browser)

    browser.submit(BY_PASSWORD, password=PASSWORD)

    assert (200, SENSITIVE) == (browser.page.status, browser.location)


def test_with_an_app_the_password_and_then_a_code_are_asked_for(sqlite_instance: Instance):
    browser, secret, _ = with_app(opened(sqlite_instance))
    aged(browser).get(SENSITIVE)
    assert BY_PASSWORD == at(browser)

    browser.submit(BY_PASSWORD, password=PASSWORD)
    assert BY_CODE == at(browser)
    browser.submit(BY_CODE, code=wrong_code(secret))
    assert "not right" in browser.page.text
    browser.submit(BY_CODE, code=code_of(secret, 1))

    assert (200, SENSITIVE) == (browser.page.status, browser.location)


def test_a_code_alone_is_no_password(sqlite_instance: Instance):
    """Whoever begins with the alternative goes on with the password."""
    browser, secret, _ = with_app(opened(sqlite_instance))
    aged(browser).get(SENSITIVE)

    browser.get(f"{BY_CODE}?next={SENSITIVE}")
    browser.submit(BY_CODE, code=code_of(secret, 1))

    assert BY_PASSWORD == at(browser)
    browser.submit(BY_PASSWORD, password=PASSWORD)
    assert (200, SENSITIVE) == (browser.page.status, browser.location)


def test_what_is_sent_after_a_password_alone_changes_nothing(sqlite_instance: Instance):
    browser, *_ = with_app(opened(sqlite_instance))
    form = "/account/2fa/totp/deactivate/"
    aged(browser).get(form)
    browser.submit(BY_PASSWORD, password=PASSWORD)
    token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.page.text)[0]

    answer = browser.ask("POST", form, f"csrfmiddlewaretoken={token}".encode())

    assert (302, BY_CODE) == (answer.status, answer.headers["location"].partition("?")[0])
    assert Authenticator.objects.filter(type="totp").exists()


def test_a_recovery_code_comes_in_and_proves_nothing_once_more(sqlite_instance: Instance):
    door = opened(sqlite_instance)
    browser, _, codes = with_app(door)
    aged(browser).get(SENSITIVE)
    browser.submit(BY_PASSWORD, password=PASSWORD)

    browser.submit(BY_CODE, code=codes[0])

    assert "not right" in browser.page.text and BY_CODE == at(browser)
    anew = sign_in(Browser(door))
    anew.submit("/account/2fa/authenticate/", code=codes[0])  # it was not used up
    assert 200 == anew.get(SENSITIVE).status and SENSITIVE == anew.location


@pytest.mark.parametrize("has_app", [False, True])
def test_a_passkey_is_enough_and_is_asked_for_first(sqlite_instance: Instance, has_app: bool):
    browser = aged(sign_in(confirmed(opened(sqlite_instance))))
    passkey = Passkey()
    kept = {"name": "Key 1", "credential": passkey.registration(), "passwordless": True}
    Authenticator.objects.create(user=User.objects.get(), type="webauthn", data=kept)
    if has_app:
        with_app_of("alice", KEY)
    browser.get(SENSITIVE)
    assert BY_KEY == at(browser)
    assert has_app is (BY_PASSWORD in browser.page.text)  # the password is half of another way, or of none

    options = json.loads(html.unescape(re.findall(r'data-options="([^"]*)"', browser.page.text)[0]))
    browser.submit(BY_KEY, credential=passkey.answer(options))

    assert (200, SENSITIVE) == (browser.page.status, browser.location)


@pytest.mark.parametrize(
    ("whose", "methods", "goes_on_at"),
    [("ours", ["pwd", "mfa"], BY_CODE), ("theirs", ["pwd"], BY_CODE), ("theirs", ["pwd", "mfa"], SENSITIVE)],
)
def test_a_provider_proves_as_much_as_it_saw(
    sqlite_instance: Instance, sso: PeopleIssuer, whose: str, methods: list[str], goes_on_at: str
):
    """Somebody with an app here, whose provider is asked anew; an earlier second factor there is not one of now."""
    door = door_to(sqlite_instance, sso, second_factor="theirs")
    sso.person["amr"] = ["pwd", "mfa"]
    browser = aged(come_first(door))
    with_app_of("alice", KEY)
    sso.person["amr"] = methods
    browser.door = door_to(sqlite_instance, sso, second_factor=whose)
    browser.get(f"{ELSEWHERE}?next={SENSITIVE}")

    browser.get(there_and_back(begin(browser, browser.location)))

    assert goes_on_at == at(browser)
    if goes_on_at == BY_CODE:
        browser.submit(BY_CODE, code=code_of(KEY))
        assert (200, SENSITIVE) == (browser.page.status, browser.location)


def test_who_has_an_app_and_a_provider_shows_both(sqlite_instance: Instance, sso: PeopleIssuer):
    door = door_to(sqlite_instance, sso)
    come_first(door)
    with_app_of("alice", KEY)
    browser = Browser(door)
    come(browser)
    browser.submit("/account/2fa/authenticate/", code=code_of(KEY))
    aged(browser).get(SENSITIVE)
    assert BY_CODE == at(browser)

    browser.submit(BY_CODE, code=code_of(KEY, 1))

    assert ELSEWHERE == at(browser)
    browser.get(there_and_back(begin(browser, browser.location)))
    assert (200, SENSITIVE) == (browser.page.status, browser.location)
