"""Second factors of a provider, and proving anew who one is without a password: no loop, whatever one has."""

import html
import json
import re

import pytest
from allauth.mfa.models import Authenticator
from browsers import Browser
from control.going_elsewhere import begin, come, come_first, door_to, there_and_back
from control.signing_in import aged, signed_in, with_app
from control.test_second_factors import code_of
from control.test_sign_up_and_in import is_in
from doors import Door
from instances import Instance
from passkeys import Passkey
from people_issuer import PeopleIssuer

from holdfast.control.accounts.models import User

SENSITIVE = "/account/delete/"
KEY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


# Whose second factor counts


@pytest.mark.parametrize(
    ("settings", "claims", "is_asked"),
    [
        ({}, {"amr": ["pwd", "mfa"]}, True),
        ({"second_factor": "theirs"}, {}, True),
        ({"second_factor": "theirs"}, {"amr": ["pwd"]}, True),
        ({"second_factor": "theirs"}, {"amr": "mfa"}, True),
        ({"second_factor": "theirs"}, {"amr": ["pwd", "mfa"]}, False),
        ({"second_factor": "theirs", "second_factor_claims": ("gold",)}, {"acr": "gold"}, False),
        ({"second_factor": "theirs", "second_factor_claims": ("gold",)}, {"amr": ["mfa"]}, True),
    ],
)
def test_whose_second_factor_counts(
    sqlite_instance: Instance, sso: PeopleIssuer, settings: dict[str, object], claims: dict[str, object], is_asked: bool
):
    door = door_to(sqlite_instance, sso, **settings)
    come_first(door)
    with_app("alice", KEY)
    sso.person |= claims

    browser = Browser(door)
    come(browser)

    assert is_asked is not is_in(browser)
    if is_asked:
        assert "/account/2fa/authenticate/" == browser.location
        browser.submit("/account/2fa/authenticate/", code=code_of(KEY))
        assert is_in(browser)


@pytest.mark.parametrize(("methods", "expected"), [(["pwd", "mfa"], 200), (["pwd"], 302)])
def test_a_factor_of_theirs_opens_what_asks_for_one(
    sqlite_instance: Instance, sso: PeopleIssuer, methods: list[str], expected: int
):
    sso.person["amr"] = methods
    door = door_to(sqlite_instance, sso, second_factor="theirs")
    browser = come_first(door)
    sqlite_instance.upload("demo", "1.0")  # alice publishes

    assert expected == browser.ask("GET", "/manage/").status
    ours = door_to(sqlite_instance, sso)  # the setting is changed: what was proved elsewhere counts no more
    browser.door = ours
    assert 302 == browser.ask("GET", "/manage/").status


# Proving anew who one is


def test_who_has_just_come_from_a_provider_is_not_asked(sqlite_instance: Instance, sso: PeopleIssuer):
    browser = come_first(door_to(sqlite_instance, sso))

    assert 200 == browser.get(SENSITIVE).status and SENSITIVE == browser.location


def test_without_a_password_the_provider_is_asked(sqlite_instance: Instance, sso: PeopleIssuer):
    browser = aged(come_first(door_to(sqlite_instance, sso)))
    browser.get(SENSITIVE)
    assert f"/account/reauthenticate/elsewhere/?next={SENSITIVE.replace('/', '%2F')}" == browser.location

    browser.get(there_and_back(begin(browser, browser.location)))

    assert (200, SENSITIVE) == (browser.page.status, browser.location)
    asked = [query for path, query in sso.asked if path == "/authorize"][-1]
    assert ("login", "0") == (asked["prompt"], asked["max_age"])
    assert 200 == browser.get("/account/2fa/totp/activate/").status
    assert "/account/2fa/totp/activate/" == browser.location


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"auth_time": None}, "did not ask you anew"),
        ({"auth_time": 1_000_000_000}, "did not ask you anew"),
        ({"auth_time": "now"}, "did not ask you anew"),
        ({"sub": "bob-1"}, "is not who is signed in here"),
    ],
)
def test_only_a_proof_of_the_same_person_and_of_now_counts(
    sqlite_instance: Instance, sso: PeopleIssuer, changes: dict[str, object], words: str
):
    browser = aged(come_first(door_to(sqlite_instance, sso)))
    browser.get(SENSITIVE)
    sso.token_changes = changes

    browser.get(there_and_back(begin(browser, browser.location)))

    assert 403 == browser.page.status and words in browser.page.text
    assert browser.get(SENSITIVE) and SENSITIVE != browser.location


def test_with_an_app_and_no_password_its_code_is_asked_for(sqlite_instance: Instance):
    browser = aged(signed_in(Door(sqlite_instance)))
    with_app("alice", KEY)
    browser.get(SENSITIVE)
    assert "/account/2fa/reauthenticate/" == browser.location.partition("?")[0]

    browser.submit("/account/2fa/reauthenticate/", code=code_of(KEY))

    assert (200, SENSITIVE) == (browser.page.status, browser.location)


def test_with_a_passkey_and_no_password_the_key_is_asked_for(sqlite_instance: Instance):
    browser = aged(signed_in(Door(sqlite_instance)))
    passkey = Passkey()
    kept = {"name": "Key 1", "credential": passkey.registration(), "passwordless": True}
    Authenticator.objects.create(user=User.objects.get(), type="webauthn", data=kept)
    for page in ("/account/reauthenticate/", SENSITIVE):
        browser.get(page)
        assert (200, "/account/2fa/keys/reauthenticate/") == (browser.page.status, browser.location.partition("?")[0])

    options = json.loads(html.unescape(re.findall(r'data-options="([^"]*)"', browser.page.text)[0]))
    browser.submit("/account/2fa/keys/reauthenticate/", credential=passkey.answer(options))

    assert (200, SENSITIVE) == (browser.page.status, browser.location), browser.page.text


def test_who_has_nothing_to_prove_it_with_is_told_what_to_do(sqlite_instance: Instance):
    browser = aged(signed_in(Door(sqlite_instance)))

    for page in (SENSITIVE, "/account/2fa/totp/activate/", "/account/2fa/keys/add/"):
        answer = browser.ask("GET", page)
        assert (403, True) == (answer.status, "Sign out and sign in again" in answer.text)
    assert 403 == browser.ask("GET", "/account/reauthenticate/").status
