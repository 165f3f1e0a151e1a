"""What a stranger learns of people by asking: nothing that tells a known address or name from an unknown one."""

import re
from dataclasses import replace

import pytest
from allauth.account.models import EmailAddress
from browsers import Browser
from control.signing_in import signed_in
from control.test_outside_forms import PASSWORD
from django.contrib.auth.hashers import make_password
from doors import Door
from instances import Instance

from holdfast.control.accounts.models import Session, User


@pytest.fixture
def door(sqlite_instance: Instance) -> Door:
    """An instance that anybody may sign up at, with alice, whose address is confirmed."""
    alice = User.objects.create(username="alice", email="alice@x.example", password=make_password(PASSWORD))
    EmailAddress.objects.create(user=alice, email="alice@x.example", verified=True, primary=True)
    config = replace(sqlite_instance.config, sign_up="open", two_factor="optional", breached_passwords="off")
    return Door(replace(sqlite_instance, config=config))


def told(door: Door, target: str, **fields: str) -> tuple[int, str, str]:
    """Status, place and text of what follows a form, without what differs by chance and without what was typed."""
    browser = Browser(door)
    browser.get(target)
    answer = browser.submit(target, **fields)
    text = re.sub(r'value="[^"]*"', "", answer.text)
    for typed in fields.values():
        text = text.replace(typed, "-")
    return answer.status, browser.location, text


def test_a_wrong_password_is_answered_like_a_wrong_name(door: Door):
    page = "/account/login/"

    answers = {told(door, page, login=who, password="wrong") for who in ("alice", "nobody", "no@x.example")}

    assert 1 == len(answers)


def test_a_reset_is_answered_alike_for_every_address(door: Door):
    page = "/account/password/reset/"

    answers = {told(door, page, email=address) for address in ("alice@x.example", "nobody@x.example")}

    assert ["/account/password/reset/done/"] == [place for _status, place, _text in answers]


def test_signing_up_with_a_taken_address_is_answered_like_any_other(door: Door):
    page, new = "/account/signup/", {"password1": "a quite different sentence"}

    known = told(door, page, username="eve", email="alice@x.example", **new)
    unknown = told(door, page, username="eva", email="eva@x.example", **new)

    assert known == unknown
    assert "/account/confirm-email/" == known[1]
    assert not User.objects.filter(username="eve").exists() and User.objects.filter(username="eva").exists()


def test_an_id_of_somebody_elses_is_answered_like_one_of_nobody(door: Door):
    """Sessions and keys: what is alice's is not there for bob, and stays."""
    signed_in(door, "alice")
    bob = signed_in(door, "bob", just_now=True, password=make_password(PASSWORD))
    hers = Session.objects.get(user__username="alice").session_key

    answers = []
    for number in (hers, "0" * 64):
        bob.get("/account/sessions/")
        answers.append(bob.submit(session=number).status)

    assert [404, 404] == answers
    assert Session.objects.filter(session_key=hers).exists()
