"""Robots of an organisation: made and disabled by its owners, never signed in, owners of the tokens of CI."""

import re
from dataclasses import replace

import pytest
import wheels
from browsers import Browser
from control.signing_in import signed_in
from control.test_sign_up_and_in import PASSWORD, is_in, sign_in
from django.contrib.auth.hashers import make_password
from doors import Door
from instances import ALICE, OPERATOR, Actor, Instance, Scopes, soon

from holdfast.control.accounts.actor import ACTIONS
from holdfast.control.accounts.models import AuditEvent, User
from holdfast.control.accounts.people import freeze
from holdfast.control.organisations import robots, teams
from holdfast.control.organisations.actions import add_member, create_organisation, delete_organisation, set_place
from holdfast.control.organisations.models import Membership
from holdfast.control.organisations.offers import offer_project
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.tokens.actions import OwnToken, make_own_token
from holdfast.control.tokens.robots import owners_of, robots_of, speaks_for
from holdfast.core.errors import Absent, Refused

IN_PERSON = Scopes(("*",), ("*",), (), True, False, ACTIONS)


def person(name: str) -> Actor:
    return Actor(name, IN_PERSON, credential="session")


@pytest.fixture
def acme(sqlite_instance: Instance) -> Instance:
    """Acme is Alice's; its team ci maintains demo, which it holds."""
    publisher = sqlite_instance.publisher
    sqlite_instance.upload("demo", "1.0")
    create_organisation(publisher, "acme", "Acme", OPERATOR, owner="alice", deadline=soon())
    offer_project(publisher, "main", "demo", OPERATOR, organisation="acme", deadline=soon())
    teams.create_team(publisher, "acme", "ci", OPERATOR, deadline=soon())
    teams.set_team_role(publisher, "acme", "ci", "main", "demo", "maintainer", OPERATOR, deadline=soon())
    return sqlite_instance


def door_of(instance: Instance) -> Door:
    return Door(instance, config=replace(instance.config, two_factor="optional"))


def made(instance: Instance, name: str = "ci") -> str:
    return robots.create_robot(instance.publisher, "acme", name, person("alice"), deadline=soon())


def test_an_owner_makes_a_robot_that_publishes(acme: Instance):
    """All of it on the pages, then an upload by the token."""
    door = door_of(acme)
    User.objects.filter(username="alice").update(password=make_password(PASSWORD))
    alice = signed_in(door)
    page = "/manage/organisations/acme/"
    alice.get(page)
    token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', alice.page.text)[0]

    def deed(do: str, **fields: str) -> str:
        return alice.post(page, {"csrfmiddlewaretoken": token, "do": do, **fields}).text

    assert "The robot acme-ci was made" in deed("create-robot", robot="ci")
    assert "acme-ci is in the team ci now" in deed("add-to-team", team="ci", user="acme-ci")
    alice.get("/manage/tokens/new/?for=acme-ci")
    alice.submit("/account/reauthenticate/", password=PASSWORD)
    assert "For the robot <strong>acme-ci</strong>" in alice.page.text
    fields = {"name": "ci", "reach": "projects", "projects": "main/demo", "actions": "upload", "days": "30"}
    shown = alice.submit(do="make", **fields).text
    text = next(one for one in re.findall(r"<code>([^<]+)</code>", shown) if len(one) > 30)

    answer = door.upload(wheels.twine_body(*wheels.wheel("demo", "2.0")), text)
    assert 200 == answer.status, answer.text
    assert "acme-ci is disabled" in deed("disable-robot", user="acme-ci")
    assert door.upload(wheels.twine_body(*wheels.wheel("demo", "3.0")), text).status in (401, 403)
    assert "acme-ci is enabled again" in deed("enable-robot", user="acme-ci")
    assert 200 == door.upload(wheels.twine_body(*wheels.wheel("demo", "3.0")), text).status
    actions = list(AuditEvent.objects.filter(subject="organisation:acme").values_list("action", flat=True))
    assert ["create-robot", "add-to-team", "disable-robot", "enable-robot"] == actions[-4:]


def test_it_never_signs_in(acme: Instance):
    User.objects.filter(username=made(acme)).update(password=make_password(PASSWORD))

    assert not is_in(sign_in(Browser(door_of(acme)), "acme-ci"))


@pytest.mark.parametrize("place", ["manager", "member"])
def test_only_owners_make_and_disable(acme: Instance, place: str):
    add_member(acme.publisher, "acme", "bob", place, OPERATOR, deadline=soon())  # type: ignore[arg-type]
    robot = made(acme)
    for attempt in (
        lambda: robots.create_robot(acme.publisher, "acme", "mine", person("bob"), deadline=soon()),
        lambda: robots.disable_robot(acme.publisher, "acme", robot, person("bob"), deadline=soon()),
        lambda: robots.enable_robot(acme.publisher, "acme", robot, person("bob"), deadline=soon()),
    ):
        with pytest.raises(Refused):
            attempt()
    with pytest.raises(Absent):
        robots.create_robot(acme.publisher, "acme", "mine", person("charlie"), deadline=soon())
    assert not speaks_for(person("bob"), robot)


def test_its_tokens_are_for_whoever_owns_the_organisation_now(acme: Instance):
    robot = made(acme)
    add_member(acme.publisher, "acme", "bob", "owner", OPERATOR, deadline=soon())
    assert speaks_for(person("bob"), robot) and [robot] == robots_of("bob")
    set_place(acme.publisher, "acme", "alice", "member", OPERATOR, deadline=soon())

    assert not speaks_for(person("alice"), robot) and [] == robots_of("alice")
    assert ["bob"] == owners_of(User.objects.get(username=robot))
    wanted = OwnToken("ci", robot, Scopes(upload_projects=("main/demo",)), None)
    with pytest.raises(Absent):
        make_own_token(acme.publisher, acme.config, wanted, person("alice"), deadline=soon())


def test_a_token_reaches_no_further_than_the_robots_roles(acme: Instance):
    wanted = OwnToken("ci", made(acme), Scopes(upload_projects=("main/demo",)), None)

    with pytest.raises(Refused, match="has no role"):  # it is in no team yet
        make_own_token(acme.publisher, replace(acme.config, token_days_max=0), wanted, person("alice"), deadline=soon())


@pytest.mark.parametrize("name", ["", "Ci", "a b", "-", "x" * 40, "taken"])
def test_a_name_that_cannot_be_had_is_told(acme: Instance, name: str):
    User.objects.create(username="acme-taken")
    with pytest.raises(NotAccepted):
        made(acme, name)


def test_it_stays_a_member(acme: Instance):
    robot = made(acme)
    for put in (set_place, add_member):
        with pytest.raises(NotAccepted, match="is a robot"):
            put(acme.publisher, "acme", robot, "owner", OPERATOR, deadline=soon())
    assert "member" == Membership.objects.get(user__username=robot).role


def test_what_an_administrator_froze_stays_frozen(acme: Instance):
    robot = made(acme)
    freeze(acme.publisher, robot, "it leaked", OPERATOR, deadline=soon())

    with pytest.raises(NotAccepted, match="frozen by an administrator"):
        robots.enable_robot(acme.publisher, "acme", robot, person("alice"), deadline=soon())


def test_it_ends_with_its_organisation(acme: Instance):
    robot = made(acme)
    offer_project(acme.publisher, "main", "demo", OPERATOR, user=ALICE.user, deadline=soon())
    delete_organisation(acme.publisher, "acme", OPERATOR, deadline=soon())

    assert not User.objects.get(username=robot).is_active and not speaks_for(person("alice"), robot)
