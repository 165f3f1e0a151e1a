"""Signing in with an organisation's own OpenID Connect provider, against a real one on loopback."""

import time
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from browsers import Browser
from control.going_elsewhere import begin, come, come_first, door_to, there_and_back
from control.test_sign_up_and_in import is_in
from instances import Instance
from issuer import rsa_key
from people_issuer import PeopleIssuer

from holdfast.control.accounts.models import AuditEvent, User
from holdfast.control.mail.models import Mail


def test_who_comes_first_chooses_a_name_and_comes_in(instance: Instance, sso: PeopleIssuer):
    door = door_to(instance, sso)
    browser = Browser(door)
    page = come(browser)
    assert ("/account/choose-name/", True) == (browser.location, 'value="alice-smith"' in page.text)
    browser.submit("/account/choose-name/", username="alice")

    assert is_in(browser) and "/account/" == browser.location
    user = User.objects.get()
    assert ("alice", "alice@acme.example", False) == (user.username, user.email, user.has_usable_password())
    address = EmailAddress.objects.get()
    assert ("alice@acme.example", True, True) == (address.email, address.verified, address.primary)
    assert [(sso.url, "alice-1", {})] == list(SocialAccount.objects.values_list("provider", "uid", "extra_data"))

    again = Browser(door, "198.51.100.9")
    come(again)
    assert is_in(again) and "/account/" == again.location
    actions = list(AuditEvent.objects.order_by("pk").values_list("actor", "action"))
    assert [("alice", "sign-up"), ("alice", "sign-in"), ("alice", "sign-in")] == actions
    assert 1 == Mail.objects.filter(kind="new-sign-in").count()


def test_the_secret_goes_as_the_provider_takes_it(sqlite_instance: Instance, sso: PeopleIssuer):
    sso.secret_methods = ("client_secret_post", "client_secret_basic")

    assert is_in(come_first(door_to(sqlite_instance, sso)))


def test_one_goes_on_to_the_page_one_came_from(sqlite_instance: Instance, sso: PeopleIssuer):
    browser = Browser(door_to(sqlite_instance, sso))
    come(browser, "/account/login/?next=/account/sessions/")
    browser.submit("/account/choose-name/", username="alice")

    assert "/account/sessions/" == browser.location


def test_no_other_site_is_gone_on_to(sqlite_instance: Instance, sso: PeopleIssuer):
    browser = Browser(door_to(sqlite_instance, sso))
    come(browser, "/account/login/?next=https://evil.example/")
    browser.submit("/account/choose-name/", username="alice")

    assert "/account/" == browser.location and is_in(browser)


# What is not let in


def refused(browser: Browser) -> str:
    assert (403, False) == (browser.page.status, is_in(browser)), browser.page.text
    return browser.page.text


@pytest.mark.parametrize(
    ("person", "settings", "words"),
    [
        ({"email_verified": False}, {}, "does not vouch for a mail address"),
        ({"email_verified": None}, {}, "does not vouch for a mail address"),
        ({"email": "alice@acme.example.evil.example"}, {}, "does not vouch for a mail address"),
        ({"email": "alice@sub.acme.example"}, {}, "does not vouch for a mail address"),
        ({"email": "evil@evil.example,alice@acme.example"}, {}, "does not vouch for a mail address"),
        ({}, {"groups": ("admins",)}, "none of the groups"),
        ({"groups": {"python": True}}, {"groups": ("python",)}, "as a list"),
        ({"groups": None, "_claim_names": {"groups": "src1"}}, {"groups": ("python",)}, "does not list your groups"),
        ({"sub": None}, {}, "does not say who you are"),
        ({"sub": 7}, {}, "does not say who you are"),
        ({}, {"create": False}, "no account here for you yet"),
    ],
)
def test_whom_the_settings_do_not_let_in_is_told(
    sqlite_instance: Instance, sso: PeopleIssuer, person: dict[str, Any], settings: dict[str, Any], words: str
):
    sso.person |= person
    browser = Browser(door_to(sqlite_instance, sso, **settings))

    come(browser)

    assert words in refused(browser)
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"nonce": "another"}, "cannot be trusted"),
        ({"nonce": None}, "cannot be trusted"),
        ({"nonce": "\ud800"}, "cannot be trusted"),
        ({"aud": "another-client"}, "cannot be trusted"),
        ({"aud": ["holdfast", "another-client"]}, "cannot be trusted"),
        ({"iss": "https://evil.example"}, "cannot be trusted"),
        ({"iat": int(time.time()) - 4000, "exp": int(time.time()) - 3700}, "cannot be trusted"),
    ],
)
def test_a_token_of_another_sign_in_opens_nothing(
    sqlite_instance: Instance, sso: PeopleIssuer, changes: dict[str, Any], words: str
):
    sso.token_changes = changes
    browser = Browser(door_to(sqlite_instance, sso))

    come(browser)

    assert words in refused(browser)


def test_a_token_that_another_key_signed_opens_nothing(sqlite_instance: Instance, sso: PeopleIssuer):
    sso.key = rsa_key(1)
    browser = Browser(door_to(sqlite_instance, sso))

    come(browser)

    assert "signature does not hold" in refused(browser)


@pytest.mark.parametrize(
    ("code", "words"), [("access_denied", "you said no there"), ("server_error", "(server_error)")]
)
def test_what_went_wrong_there_is_told(sqlite_instance: Instance, sso: PeopleIssuer, code: str, words: str):
    sso.refusal = code
    browser = Browser(door_to(sqlite_instance, sso))

    come(browser)

    assert words in refused(browser)


def test_nothing_from_outside_is_repeated(sqlite_instance: Instance, sso: PeopleIssuer):
    sso.refusal = "<b>evil</b>"
    browser = Browser(door_to(sqlite_instance, sso))

    come(browser)

    assert "evil" not in refused(browser)


def test_only_the_browser_that_began_comes_back_and_once(sqlite_instance: Instance, sso: PeopleIssuer):
    """Whoever is given somebody else's way back is not signed in as them (login CSRF, code injection)."""
    door = door_to(sqlite_instance, sso)
    come_first(door)
    alice = Browser(door)
    back = there_and_back(begin(alice))

    for other in (Browser(door), Browser(door)):
        other.get(back)
        assert "not begun in this browser" in other.page.text and not is_in(other)
    eve = Browser(door)
    begin(eve)  # she has a cookie of her own, with another state
    eve.get(back)
    assert not is_in(eve)
    alice.get(back)
    assert is_in(alice)
    alice.get("/account/logout/")
    alice.submit("/account/logout/")
    alice.get(back)
    assert not is_in(alice)


def test_a_mixed_up_answer_is_refused(sqlite_instance: Instance, sso: PeopleIssuer):
    browser = Browser(door_to(sqlite_instance, sso))
    back = there_and_back(begin(browser)).replace("iss=http", "iss=https")

    browser.get(back)

    assert "Another provider answered" in refused(browser)


def test_a_link_begins_nothing(sqlite_instance: Instance, sso: PeopleIssuer):
    browser = Browser(door_to(sqlite_instance, sso))
    browser.get("/account/sign-in/acme/")

    assert "/account/login/" == browser.location and not sso.asked
    assert 403 == browser.post("/account/sign-in/acme/", {"purpose": "sign-in"}).status  # no form of ours
    assert 404 == browser.get("/account/sign-in/other/callback/?code=x&state=y").status


# Trouble of the provider


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/.well-known/openid-configuration", (500, b"")),
        ("/.well-known/openid-configuration", (200, b"[]")),
        ("/.well-known/openid-configuration", (200, b'{"issuer": "https://other.example"}')),
        ("/.well-known/openid-configuration", (200, b" " * 100_000)),
        ("/token", (502, b"")),
        ("/token", (200, b"not json")),
        ("/token", (200, b" " * 300_000)),
        ("/keys", (500, b"")),
    ],
)
def test_a_provider_in_trouble_is_503_and_signs_nobody_in(
    sqlite_instance: Instance, sso: PeopleIssuer, path: str, answer: tuple[int, bytes]
):
    sso.answers[path] = answer
    browser = Browser(door_to(sqlite_instance, sso))
    browser.get("/account/login/")
    shown = browser.submit("/account/sign-in/acme/")
    if shown.status == 200:
        shown = come(browser)

    assert (503, False) == (shown.status, is_in(browser))
    assert "Acme" in shown.text or "cannot be asked" in shown.text
    assert "its discovery document" not in shown.text, "which of a provider's documents fails is for the log"
    assert "Retry-After".lower() in shown.headers


def test_a_code_that_is_not_redeemed_is_no_trouble_of_ours(sqlite_instance: Instance, sso: PeopleIssuer):
    browser = Browser(door_to(sqlite_instance, sso))
    back = there_and_back(begin(browser))
    sso.codes.clear()

    browser.get(back)

    assert "did not confirm your sign-in" in refused(browser)


def test_without_its_secret_nobody_is_asked(sqlite_instance: Instance, sso: PeopleIssuer):
    door = door_to(sqlite_instance, sso)
    browser = Browser(door)
    back = there_and_back(begin(browser))
    (sqlite_instance.config.data / "sso-secret").unlink()

    assert 503 == browser.get(back).status and "lacks its secret" in browser.page.text


def test_what_the_token_leaves_out_is_asked_for(sqlite_instance: Instance, sso: PeopleIssuer):
    sso.userinfo = dict(sso.person)
    sso.token_changes = dict.fromkeys(("email", "email_verified", "groups"))

    assert is_in(come_first(door_to(sqlite_instance, sso, groups=("python",))))


def test_what_is_said_of_somebody_else_does_not_count(sqlite_instance: Instance, sso: PeopleIssuer):
    sso.userinfo = {**sso.person, "sub": "bob-1"}
    sso.token_changes = dict.fromkeys(("email", "email_verified"))
    browser = Browser(door_to(sqlite_instance, sso))

    come(browser)

    assert "please try again" in refused(browser)
