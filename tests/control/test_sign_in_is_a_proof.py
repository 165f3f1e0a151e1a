"""A sign-in proves who one is for as long as the setting says, with the factors that were shown at it."""

import time

import pytest
from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from browsers import Browser
from control.going_elsewhere import come, come_first, door_to
from control.signing_in import aged
from control.signing_in import with_app as with_app_of
from control.test_second_factors import code_of, with_app
from control.test_sign_in_proofs import KEY
from control.test_sign_up_and_in import PASSWORD, confirmed, is_in, opened, sign_in
from instances import Instance
from passkeys import Passkey
from people_issuer import PeopleIssuer

from holdfast.control.accounts.models import User
from holdfast.control.accounts.proofs import PROOF_SECONDS
from holdfast.control.web.sessions import SessionStore

SENSITIVE = "/account/delete/"


def is_asked(browser: Browser) -> bool:
    """Whether the first sensitive page asks who one is."""
    browser.get(SENSITIVE)
    return "reauthenticate" in browser.location


def test_a_password_that_was_just_given_is_not_asked_for(sqlite_instance: Instance):
    browser = sign_in(confirmed(opened(sqlite_instance)))

    assert not is_asked(browser)
    assert is_asked(aged(browser))


@pytest.mark.parametrize("by", ["app", "recovery code"])
def test_a_password_with_a_second_factor_is_not_asked_for(sqlite_instance: Instance, by: str):
    door = opened(sqlite_instance)
    _, secret, codes = with_app(door)
    browser = sign_in(Browser(door))

    browser.submit("/account/2fa/authenticate/", code=codes[0] if by == "recovery code" else code_of(secret, 1))

    assert not is_asked(browser)
    assert is_asked(aged(browser))


def test_a_passkey_is_not_asked_for(sqlite_instance: Instance):
    door = opened(sqlite_instance)
    confirmed(door)
    passkey = Passkey()
    kept = {"name": "Key 1", "credential": passkey.registration(resident=True), "passwordless": True}
    person = User.objects.get()
    Authenticator.objects.create(user=person, type="webauthn", data=kept)
    browser = Browser(door)
    browser.get("/account/login/")
    options = browser.ask("GET", "/account/2fa/keys/login/", Accept="application/json").json()["request_options"]

    browser.submit("/account/2fa/keys/login/", credential=passkey.answer(options, user_pk_to_url_str(person)))

    assert is_in(browser) and not is_asked(browser)
    assert is_asked(aged(browser))


def test_a_password_alone_is_no_second_factor(sqlite_instance: Instance):
    """A session that is older than the factor: somebody set one up in another browser meanwhile."""
    door = opened(sqlite_instance)
    browser = sign_in(confirmed(door))
    with_app_of("alice", KEY)

    assert is_asked(browser)
    browser.submit("/account/2fa/reauthenticate/", code=code_of(KEY))
    assert SENSITIVE == browser.location


def test_a_factor_that_was_shown_long_ago_is_none(sqlite_instance: Instance):
    door = opened(sqlite_instance)
    browser, *_ = with_app(door)
    assert not is_asked(browser)

    store = SessionStore(browser.cookies["holdfast"])
    past = time.time() - PROOF_SECONDS - 1
    store[AUTHENTICATION_METHODS_SESSION_KEY] = [
        {**one, "at": past} if one["method"] == "mfa" else one for one in store[AUTHENTICATION_METHODS_SESSION_KEY]
    ]
    store.save()

    assert is_asked(browser)


@pytest.mark.parametrize(("methods", "expected"), [(["pwd"], True), (["pwd", "mfa"], False)])
def test_a_provider_counts_with_what_it_saw(
    sqlite_instance: Instance, sso: PeopleIssuer, methods: list[str], expected: bool
):
    """Somebody with a password of their own as well, and, in the end, with a factor set up here meanwhile."""
    sso.person["amr"] = methods
    door = door_to(sqlite_instance, sso, second_factor="theirs")
    come_first(door)
    person = User.objects.get(username="alice")
    person.set_password(PASSWORD)
    person.save()
    browser = Browser(door)
    come(browser)
    assert not is_asked(browser)

    with_app_of("alice", KEY)

    assert expected is is_asked(browser)
