"""Accounts and who signs in to them with a provider: bound by who is signed in, made for newcomers, let go."""

from dataclasses import replace

import pytest
from allauth.socialaccount.models import SocialAccount
from browsers import Browser
from control.going_elsewhere import come, come_first, door_to
from control.signing_in import aged, signed_in
from control.test_sign_up_and_in import confirmed, is_in, sign_in
from control.test_sign_up_stopped import switched_off
from doors import Door
from instances import OPERATOR, Instance, soon
from people_issuer import PeopleIssuer, running_people_issuer

from holdfast.control.accounts.invitations import invite
from holdfast.control.accounts.models import AuditEvent, User
from holdfast.control.accounts.people import create_person, freeze
from holdfast.control.mail.models import Mail


def refused(browser: Browser) -> str:
    assert (403, False) == (browser.page.status, is_in(browser)), browser.page.text
    return browser.page.text


def test_an_equal_address_takes_no_account_over(sqlite_instance: Instance, sso: PeopleIssuer):
    door = door_to(sqlite_instance, sso)
    create_person(sqlite_instance.publisher, "boss", "alice@acme.example", True, False, OPERATOR, deadline=soon())
    browser = Browser(door)

    come(browser)

    assert "has the address alice@acme.example already" in refused(browser)
    assert not SocialAccount.objects.exists()


def connected(door: Door) -> Browser:
    """Alice, with a password, connects her account to the provider."""
    browser = sign_in(confirmed(door))
    browser.get("/account/sign-ins/")
    assert "/account/sign-ins/" == browser.location
    come(browser, "/account/sign-ins/")
    return browser


def test_who_is_signed_in_connects_and_lets_go(sqlite_instance: Instance, sso: PeopleIssuer):
    door = door_to(sqlite_instance, sso, config_sign_up="open")
    browser = connected(door)
    assert "Your account is connected" in browser.page.text

    other = Browser(door)
    come(other)
    assert is_in(other) and "alice" in other.page.text
    browser.get("/account/sign-ins/")
    browser.submit("/account/sign-ins/")
    assert "It is disconnected" in browser.page.text and not SocialAccount.objects.exists()
    told = list(Mail.objects.filter(kind="two-factor-changed").values_list("text", flat=True))
    assert 2 == len(told) and "was connected" in told[0] and "was removed" in told[1]
    actions = set(AuditEvent.objects.values_list("action", flat=True))
    assert {"connect-sign-in", "disconnect-sign-in"} <= actions


def test_connecting_asks_first_who_it_is(sqlite_instance: Instance, sso: PeopleIssuer):
    door = door_to(sqlite_instance, sso, config_sign_up="open")
    browser = aged(sign_in(confirmed(door)))
    browser.get("/account/sign-ins/")
    assert "/account/reauthenticate/?next=%2Faccount%2Fsign-ins%2F" == browser.location
    token = browser.page.text.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]

    answer = browser.post("/account/sign-in/acme/", {"purpose": "connect", "csrfmiddlewaretoken": token})

    assert "Is it still you?" in answer.text and not sso.asked


def test_somebody_elses_person_cannot_be_connected(sqlite_instance: Instance, sso: PeopleIssuer):
    door = door_to(sqlite_instance, sso, config_sign_up="open")
    come_first(door, "carol")
    sso.person |= {"email": None}
    door = door_to(sqlite_instance, sso, config_sign_up="open", domains=())
    browser = connected(door)

    assert "has another account here" in browser.page.text
    assert ["carol"] == list(SocialAccount.objects.values_list("user__username", flat=True))


def test_the_last_way_in_stays(sqlite_instance: Instance, sso: PeopleIssuer):
    browser = come_first(door_to(sqlite_instance, sso))
    browser.get("/account/sign-ins/")

    page = browser.submit("/account/sign-ins/", connection=str(SocialAccount.objects.get().pk))

    assert "only way into this account" in page.text and SocialAccount.objects.exists()


def test_a_frozen_account_stays_shut(sqlite_instance: Instance, sso: PeopleIssuer):
    door = door_to(sqlite_instance, sso)
    come_first(door)
    freeze(sqlite_instance.publisher, "alice", "left", OPERATOR, deadline=soon())
    browser = Browser(door)

    come(browser)

    assert not is_in(browser) and "/account/inactive/" == browser.location


@pytest.mark.parametrize("name", ["root", "Alice", "a b", "", "taken", "x" * 40])
def test_a_name_that_cannot_be_had_is_told(sqlite_instance: Instance, sso: PeopleIssuer, name: str):
    User.objects.create(username="Taken")
    browser = Browser(door_to(sqlite_instance, sso))
    come(browser)

    page = browser.submit("/account/choose-name/", username=name)

    assert 400 == page.status and 1 == User.objects.count()


def test_an_invitation_opens_where_newcomers_get_nothing(sqlite_instance: Instance, sso: PeopleIssuer):
    url = invite(
        sqlite_instance.publisher, "alice@acme.example", True, 7, "x", "http://127.0.0.1:8000/account/invitation/",
        OPERATOR, deadline=soon(),
    )  # fmt: skip
    browser = Browser(door_to(sqlite_instance, sso, create=False, only=True))
    browser.get(url.removeprefix("http://127.0.0.1:8000"))
    assert "/account/login/" == browser.location
    browser.submit("/account/sign-in/acme/")
    come(browser)
    browser.submit("/account/choose-name/", username="alice")

    assert is_in(browser) and User.objects.get().is_superuser


def test_accounts_are_bound_to_the_issuer_and_not_to_its_name_here(sqlite_instance: Instance, sso: PeopleIssuer):
    come_first(door_to(sqlite_instance, sso))

    with running_people_issuer() as another:
        another.person = {**sso.person, "email": "mallory@acme.example"}
        browser = Browser(door_to(sqlite_instance, another))
        come(browser)

    assert not is_in(browser) and "Choose a user name" in browser.page.text


def test_with_only_a_password_opens_nothing_any_more(sqlite_instance: Instance, sso: PeopleIssuer):
    connected(door_to(sqlite_instance, sso, config_sign_up="open"))
    create_person(sqlite_instance.publisher, "keeper", "", True, False, OPERATOR, deadline=soon())
    door = door_to(sqlite_instance, sso, config_sign_up="open", only=True)

    browser = sign_in(Browser(door))
    assert not is_in(browser) and "Your account is entered with Acme alone" in browser.page.text
    assert "No new accounts" in Browser(door).get("/account/signup/").text
    come(browser)
    assert is_in(browser)
    browser.get("/account/sign-ins/")
    assert "stays connected" in browser.submit("/account/sign-ins/").text
    assert is_in(signed_in(door, "keeper"))  # whoever is not connected is not touched


def test_the_switch_for_sign_up_stops_newcomers_alone(sqlite_instance: Instance, sso: PeopleIssuer):
    door = door_to(sqlite_instance, sso)
    come_first(door)
    switched_off(sqlite_instance, "sign-up")
    door = door_to(replace(sqlite_instance, publisher=sqlite_instance.another_publisher()), sso)
    sso.person |= {"sub": "bob-1", "email": "bob@acme.example"}
    browser = Browser(door)
    come(browser)
    assert "there are no new ones just now" in refused(browser)
    sso.person |= {"sub": "alice-1", "email": "alice@acme.example"}
    come(browser)
    assert is_in(browser)


def test_the_page_of_a_name_is_for_newcomers(sqlite_instance: Instance, sso: PeopleIssuer):
    browser = Browser(door_to(sqlite_instance, sso))
    browser.get("/account/choose-name/")

    assert "/account/login/" == browser.location
