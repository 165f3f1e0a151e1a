"""Where this instance asks for a second factor, nothing can be changed before there is one: on no page at all."""

import re
from dataclasses import replace

import pytest
from browsers import Browser
from control.signing_in import signed_in
from control.test_page_matrix import PARTS
from django.contrib.auth.hashers import make_password
from django.urls import reverse
from doors import Door
from instances import OPERATOR, Instance, Scopes, soon
from rights_world import routes

from holdfast.control.accounts.models import User
from holdfast.control.organisations.actions import create_organisation
from holdfast.control.organisations.grants import Grantee, grant_index
from holdfast.control.urls import urlpatterns
from holdfast.control.web.second_factor import OPEN
from holdfast.core.page_paths import is_control_page

TO_SET_UP = "/account/2fa/"


def door_of(instance: Instance, setting: str = "publishers") -> Door:
    return Door(instance, config=replace(instance.config, two_factor=setting))


def test_every_page_is_closed_but_those_that_are_named(sqlite_instance: Instance):
    sqlite_instance.upload("demo", "1.0")
    alice = signed_in(door_of(sqlite_instance), password=make_password("correct horse battery staple"))
    named = {reverse(name) for name in OPEN if "from_key" not in name and name not in _WITH_PARTS}
    wrong = []

    for _method, route in routes(urlpatterns):
        if not is_control_page(f"/{route}"):
            continue
        path = re.sub(r"<\w+:(\w+)>|\(\?P<(\w+)>[^)]*\)", lambda part: PARTS[part[1] or part[2]], f"/{route}")
        path = re.sub(r"[$^]", "", path)
        answer = alice.ask("GET", path)
        is_sent_away = (answer.status, answer.headers.get("location")) == (302, TO_SET_UP)
        is_open = path in named or any(part in path for part in ("let-in", "confirm-email/", "reset/key/", "sign-in/"))
        if is_sent_away is is_open:
            wrong.append(path)

    assert [] == wrong


_WITH_PARTS = ("account_let_in", "account_confirm_email", "account_sign_in", "account_sign_in_callback")


@pytest.mark.parametrize(
    "path", ["/account/email/", "/account/password/change/", "/account/delete/", "/manage/", "/manage/tokens/new/"]
)
def test_what_is_sent_to_a_closed_page_changes_nothing(sqlite_instance: Instance, path: str):
    sqlite_instance.upload("demo", "1.0")
    alice = signed_in(door_of(sqlite_instance))
    alice.get("/account/logout/")  # a page with a form, for its token
    token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', alice.page.text)[0]

    answer = alice.ask("POST", path, f"csrfmiddlewaretoken={token}&email=x%40example.org&action_add=1".encode())

    assert (302, TO_SET_UP) == (answer.status, answer.headers["location"])


def is_sent_to_set_up(browser: Browser) -> bool:
    answer = browser.ask("GET", "/manage/")
    return (answer.status, answer.headers.get("location")) == (302, TO_SET_UP)


def test_whoever_can_publish_is_asked_for_one(sqlite_instance: Instance):
    """By a role, by an organisation, by a grant to create projects, or by a token they were given."""
    door = door_of(sqlite_instance)
    people = {name: signed_in(door, name) for name in ("alice", "bob", "carol", "dora", "eve", "frank")}
    people["root"] = signed_in(door, "root", is_superuser=True)
    people["guard"] = signed_in(door, "guard", is_staff=True)
    sqlite_instance.upload("demo", "1.0")
    create_organisation(sqlite_instance.publisher, "acme", "Acme", OPERATOR, owner="bob", deadline=soon())
    grant_index(sqlite_instance.publisher, "main", "create", Grantee("carol"), OPERATOR, deadline=soon())
    door.token("dora", Scopes(upload=("main",), create_projects=True))
    door.token("frank", Scopes(read=("main",)))

    asked = {name for name, browser in people.items() if is_sent_to_set_up(browser)}

    assert {"alice", "bob", "carol", "dora", "root", "guard"} == asked


@pytest.mark.parametrize(("setting", "expected"), [("all", True), ("publishers", False), ("optional", False)])
def test_whom_the_setting_means(sqlite_instance: Instance, setting: str, expected: bool):
    assert expected is is_sent_to_set_up(signed_in(door_of(sqlite_instance, setting), "reader"))
    assert User.objects.filter(username="reader").exists()
