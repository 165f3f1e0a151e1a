"""What a person's groups at a provider give them here: brought up to date at every sign-in, beside what hands gave."""

import pytest
from browsers import Browser
from control.going_elsewhere import come, come_first, door_to
from control.signing_in import signed_in
from instances import OPERATOR, Actor, Instance, Scopes, soon
from people_issuer import PeopleIssuer

from holdfast.config import SignIn
from holdfast.control.accounts.actions import authenticate, create_token
from holdfast.control.accounts.administrators import set_administrator
from holdfast.control.accounts.models import AuditEvent, User
from holdfast.control.accounts.people import delete_person, set_moderator
from holdfast.control.organisations import teams
from holdfast.control.organisations.actions import add_member, create_organisation, set_place
from holdfast.control.organisations.models import Membership, Organisation, Team
from holdfast.control.sign_in.binding import follow_groups
from holdfast.control.sign_in.models import Given

RIGHTS = (
    ("admins", "admin"),
    ("guards", "moderator"),
    ("people", "member:acme"),
    ("heads", "manager:acme"),
    ("leads", "owner:acme"),
    ("ml", "team:acme/ml"),
)
SSO = SignIn("acme", "https://sso.acme.example", "Acme", rights=RIGHTS)


@pytest.fixture
def acme(sqlite_instance: Instance) -> Instance:
    """An organisation with a team, and Alice, who has nothing yet."""
    User.objects.create(username="alice")
    create_organisation(sqlite_instance.publisher, "acme", "Acme", OPERATOR, owner="boss", deadline=soon())
    teams.create_team(sqlite_instance.publisher, "acme", "ml", OPERATOR, deadline=soon())
    return sqlite_instance


def signs_in(instance: Instance, *groups: str, provider: SignIn = SSO) -> None:
    user = User.objects.get(username="alice")
    follow_groups(instance.publisher, user, provider, groups, OPERATOR, deadline=soon())


def has() -> dict[str, object]:
    alice = User.objects.get(username="alice")
    place = Membership.objects.filter(user=alice).values_list("role", flat=True).first() or ""
    seats = list(alice.teams.values_list("name", flat=True))
    return {"admin": alice.is_superuser, "moderator": alice.is_staff, "place": place, "seats": seats}


NOTHING = {"admin": False, "moderator": False, "place": "", "seats": []}


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ((), {}),
        (("others",), {}),
        (("admins",), {"admin": True}),
        (("guards",), {"moderator": True}),
        (("people",), {"place": "member"}),
        (("people", "leads", "heads"), {"place": "owner"}),
        (("ml",), {"place": "member", "seats": ["ml"]}),
        (("ml", "heads"), {"place": "manager", "seats": ["ml"]}),
    ],
)
def test_groups_give_rights_and_take_them_along(acme: Instance, groups: tuple[str, ...], expected: dict[str, object]):
    signs_in(acme, *groups)
    assert NOTHING | expected == has()
    events = AuditEvent.objects.count()

    signs_in(acme, *groups)
    assert (NOTHING | expected, events) == (has(), AuditEvent.objects.count())

    signs_in(acme)
    assert NOTHING == has() and not Given.objects.exists()
    verbs = list(AuditEvent.objects.filter(action__in=("give-right", "end-right")).values_list("action", flat=True))
    assert bool(expected) is bool(verbs) and verbs.count("give-right") <= 2


def test_it_works_on_each_engine(instance: Instance):
    User.objects.create(username="alice")
    create_organisation(instance.publisher, "acme", "Acme", OPERATOR, owner="boss", deadline=soon())
    teams.create_team(instance.publisher, "acme", "ml", OPERATOR, deadline=soon())

    signs_in(instance, "admins", "ml", "leads")
    assert {"admin": True, "moderator": False, "place": "owner", "seats": ["ml"]} == has()
    signs_in(instance, "people")

    assert NOTHING | {"place": "member"} == has()


def test_what_hands_gave_before_stays(acme: Instance):
    User.objects.filter(username="alice").update(is_superuser=True)
    set_moderator(acme.publisher, "alice", True, OPERATOR, deadline=soon())
    add_member(acme.publisher, "acme", "alice", "manager", OPERATOR, deadline=soon())
    teams.add_to_team(acme.publisher, "acme", "ml", "alice", OPERATOR, deadline=soon())
    before = has()

    signs_in(acme, "admins", "guards", "people", "ml")
    signs_in(acme)

    assert before == has()


def test_a_place_that_a_group_raised_falls_back_to_the_hands(acme: Instance):
    add_member(acme.publisher, "acme", "alice", "member", OPERATOR, deadline=soon())

    signs_in(acme, "leads")
    assert "owner" == has()["place"]
    signs_in(acme, "heads")
    assert "manager" == has()["place"]
    signs_in(acme, "people")
    assert "member" == has()["place"]
    signs_in(acme)

    assert "member" == has()["place"]


def test_what_hands_give_meanwhile_is_theirs(acme: Instance):
    signs_in(acme, "admins", "guards", "people", "ml")

    set_administrator(acme.publisher, "alice", True, OPERATOR, deadline=soon())
    set_moderator(acme.publisher, "alice", True, OPERATOR, deadline=soon())
    set_place(acme.publisher, "acme", "alice", "member", OPERATOR, deadline=soon())
    teams.add_to_team(acme.publisher, "acme", "ml", "alice", OPERATOR, deadline=soon())
    signs_in(acme)

    assert {"admin": True, "moderator": True, "place": "member", "seats": ["ml"]} == has()


def test_the_last_owner_by_a_group_goes_too(acme: Instance):
    """An administrator names another one; the directory's word on who left is not put off."""
    signs_in(acme, "leads")
    Membership.objects.filter(user__username="boss").delete()

    signs_in(acme)

    assert NOTHING == has()


def test_an_administrators_own_tokens_end_with_the_right(acme: Instance):
    before = create_token(acme.publisher, "before", "alice", Scopes(admin=True), None, OPERATOR, deadline=soon())
    signs_in(acme, "admins")
    clock = acme.publisher.clock
    during = create_token(acme.publisher, "during", "alice", Scopes(admin=True), None, OPERATOR, deadline=soon())
    other = create_token(acme.publisher, "other", "alice", Scopes(read=("main",)), None, OPERATOR, deadline=soon())

    signs_in(acme)

    in_force = [authenticate(token.text, clock) is not None for token in (before, during, other)]
    assert [True, False, True] == in_force


def test_what_is_not_there_gives_nothing(acme: Instance):
    rights = (("a", "member:nowhere"), ("a", "team:acme/none"), ("a", "moderator"))
    provider = SignIn("acme", "https://sso.acme.example", "Acme", rights=rights)

    signs_in(acme, "a", provider=provider)

    assert NOTHING | {"moderator": True, "place": "member"} == has()


def test_a_team_and_an_organisation_that_end_take_their_rows_along(acme: Instance):
    signs_in(acme, "ml")
    Team.objects.all().delete()
    Organisation.objects.all().delete()

    signs_in(acme)

    assert NOTHING == has() and not Given.objects.exists()


def test_another_provider_does_not_end_what_this_one_gave(acme: Instance):
    signs_in(acme, "guards")

    signs_in(acme, provider=SignIn("other", "https://other.example", "Other", rights=(("x", "moderator"),)))

    assert has()["moderator"]


def test_who_deletes_the_account_leaves_nothing(acme: Instance):
    signs_in(acme, "guards", "people")
    alice = User.objects.get(username="alice")
    delete_person(acme.publisher, alice, Actor("alice", credential="session"), deadline=soon())

    assert not Given.objects.exists() and not User.objects.get(username="alice").is_staff


def test_signing_in_brings_them_up_to_date(sqlite_instance: Instance, sso: PeopleIssuer):
    settings = {"rights": (("admins", "admin"),), "config_two_factor": "optional"}
    door = door_to(sqlite_instance, sso, **settings)
    sso.person["groups"] = ["python", "admins"]
    browser = come_first(door)
    assert 200 == browser.ask("GET", "/admin/").status

    sso.person["groups"] = ["python"]
    come(Browser(door))

    assert 404 == browser.ask("GET", "/admin/").status  # also where they were signed in already
    assert 404 == signed_in(door, "alice").ask("GET", "/admin/").status


def test_who_is_in_no_group_that_comes_in_keeps_no_right_of_one(sqlite_instance: Instance, sso: PeopleIssuer):
    """The provider was asked and has said it: being turned away is no way of keeping what one had."""
    settings = {"rights": (("admins", "admin"),), "groups": ("python",), "config_two_factor": "optional"}
    door = door_to(sqlite_instance, sso, **settings)
    sso.person["groups"] = ["python", "admins"]
    browser = come_first(door)
    assert 200 == browser.ask("GET", "/admin/").status

    sso.person["groups"] = []
    refused = come(Browser(door))

    assert 403 == refused.status and "in none of the groups" in refused.text
    assert 404 == browser.ask("GET", "/admin/").status
    assert not User.objects.get(username="alice").is_superuser
