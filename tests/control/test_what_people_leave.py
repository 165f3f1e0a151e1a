"""What somebody set going ends with them: offers, robots, tokens of whoever is frozen, deleted or lost a right."""

from dataclasses import replace

import pytest
from instances import ALICE, OPERATOR, UPLOADER, Actor, Instance, Scopes, soon

from holdfast.clock import SystemClock
from holdfast.control.accounts.actions import NewToken, authenticate, create_token
from holdfast.control.accounts.actor import ACTIONS
from holdfast.control.accounts.models import AuditEvent, User
from holdfast.control.accounts.people import delete_person, freeze, unfreeze
from holdfast.control.hooks.actions import Wanted, list_webhooks, make_webhook
from holdfast.control.hooks.models import Delivery
from holdfast.control.organisations import robots
from holdfast.control.organisations.actions import add_member, create_organisation, set_place
from holdfast.control.organisations.grants import Grantee, grant_index, revoke_index_grant
from holdfast.control.organisations.offers import offer_project, take_project
from holdfast.control.projects.models import Role
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.projects.standing import add_role
from holdfast.control.secret_key import make_key, read_keys
from holdfast.control.tokens.actions import OwnToken, make_own_token
from holdfast.control.tokens.robots import give_robot

PERSON = replace(UPLOADER, actions=ACTIONS)
DORA = Actor("dora", PERSON)
IN_PERSON = Scopes(("*",), ("*",), (), True, False, ACTIONS)


def person(name: str) -> Actor:
    return Actor(name, IN_PERSON, credential="session")


def frozen(instance: Instance, name: str) -> None:
    freeze(instance.publisher, name, "stolen", OPERATOR, deadline=soon())


def own_token(instance: Instance, name: str, user: str = "", index: str = "main") -> NewToken:
    config = replace(instance.config, token_days_max=0)
    wanted = OwnToken("ci", user or name, Scopes((index,), actions=("upload",)), None)
    return make_own_token(instance.publisher, config, wanted, person(name), deadline=soon())


def works(made: NewToken) -> bool:
    return authenticate(made.text, SystemClock()) is not None


def is_told(instance: Instance, made: NewToken) -> bool:
    """Whether fronts let it read."""
    return instance.reader().token(made.id) is not None


def test_an_offer_of_somebody_frozen_since_gives_nothing(sqlite_instance: Instance):
    """Whoever stole an account may have offered its projects to themselves, days before anybody noticed."""
    User.objects.create(username="dora")
    sqlite_instance.upload("demo", "1.0")
    thief = replace(ALICE, scopes=PERSON)
    made = offer_project(sqlite_instance.publisher, "main", "demo", thief, user="dora", deadline=soon())
    frozen(sqlite_instance, "alice")

    with pytest.raises(NotAccepted, match="'alice' does not own the project any more, or is frozen"):
        take_project(sqlite_instance.publisher, made.id, DORA, deadline=soon())
    assert [("alice", "owner")] == list(Role.objects.values_list("user__username", "role"))

    unfreeze(sqlite_instance.publisher, "alice", OPERATOR, deadline=soon())
    take_project(sqlite_instance.publisher, made.id, DORA, deadline=soon())
    assert [("dora", "owner")] == list(Role.objects.values_list("user__username", "role"))


def test_a_token_of_somebody_frozen_is_never_told_to_readers_again(sqlite_instance: Instance):
    """A grant that is taken back has tokens told anew, narrower: not those that no reader should know."""
    publisher = sqlite_instance.publisher
    User.objects.create(username="alice")
    for index in ("team", "main"):
        grant_index(publisher, index, "read", Grantee("alice"), OPERATOR, deadline=soon())
    config = replace(sqlite_instance.config, token_days_max=0)
    wanted = OwnToken("both", "alice", Scopes(("main", "team")), None)
    made = make_own_token(publisher, config, wanted, person("alice"), deadline=soon())
    frozen(sqlite_instance, "alice")

    revoke_index_grant(publisher, "main", "read", Grantee("alice"), OPERATOR, deadline=soon())
    given = create_token(publisher, "late", "alice", Scopes(("team",)), None, OPERATOR, deadline=soon())

    assert [False, False] == [is_told(sqlite_instance, one) for one in (made, NewToken("", given.id, 0))]


def test_a_robot_stops_with_the_last_of_its_owners(sqlite_instance: Instance):
    """Its tokens are as good as theirs: whoever stole the account could have made one a moment before."""
    User.objects.create(username="alice")
    User.objects.create(username="machine", is_robot=True)
    give_robot(sqlite_instance.publisher, "machine", "alice", OPERATOR, deadline=soon())
    made = own_token(sqlite_instance, "alice", "machine")

    frozen(sqlite_instance, "alice")
    assert (False, False) == (works(made), is_told(sqlite_instance, made))

    unfreeze(sqlite_instance.publisher, "alice", OPERATOR, deadline=soon())
    assert (True, True) == (works(made), is_told(sqlite_instance, made))
    assert ["machine"] == AuditEvent.objects.get(action="freeze-person").detail["robots"]


def test_a_robot_that_was_frozen_for_itself_stays_so(sqlite_instance: Instance):
    User.objects.create(username="alice")
    User.objects.create(username="machine", is_robot=True)
    give_robot(sqlite_instance.publisher, "machine", "alice", OPERATOR, deadline=soon())
    made = own_token(sqlite_instance, "alice", "machine")

    for name in ("machine", "alice"):
        frozen(sqlite_instance, name)
    unfreeze(sqlite_instance.publisher, "alice", OPERATOR, deadline=soon())

    assert not works(made)


def test_robots_of_an_organisation_go_on_while_one_of_its_owners_can_answer_for_them(sqlite_instance: Instance):
    publisher = sqlite_instance.publisher
    for name in ("alice", "bob"):
        User.objects.create(username=name)
    create_organisation(publisher, "acme", "Acme", OPERATOR, owner="alice", deadline=soon())
    add_member(publisher, "acme", "bob", "owner", OPERATOR, deadline=soon())
    robots.create_robot(publisher, "acme", "ci", person("alice"), deadline=soon())
    made = own_token(sqlite_instance, "alice", "acme-ci")

    frozen(sqlite_instance, "alice")
    assert works(made)
    frozen(sqlite_instance, "bob")
    assert not works(made)
    unfreeze(publisher, "bob", OPERATOR, deadline=soon())

    assert works(made)


def test_whoever_owns_an_organisation_next_lets_its_robots_go_on(sqlite_instance: Instance):
    publisher = sqlite_instance.publisher
    for name in ("alice", "bob"):
        User.objects.create(username=name)
    create_organisation(publisher, "acme", "Acme", OPERATOR, owner="alice", deadline=soon())
    robots.create_robot(publisher, "acme", "ci", person("alice"), deadline=soon())
    made = own_token(sqlite_instance, "alice", "acme-ci")
    frozen(sqlite_instance, "alice")
    add_member(publisher, "acme", "bob", "member", OPERATOR, deadline=soon())
    set_place(publisher, "acme", "bob", "owner", OPERATOR, deadline=soon())
    assert not works(made)

    robots.enable_robot(publisher, "acme", "acme-ci", person("bob"), deadline=soon())

    assert works(made)


def test_a_robot_of_a_deleted_account_stops_until_it_is_given_to_somebody(sqlite_instance: Instance):
    publisher = sqlite_instance.publisher
    for name in ("alice", "bob"):
        User.objects.create(username=name)
    User.objects.create(username="machine", is_robot=True)
    give_robot(publisher, "machine", "alice", OPERATOR, deadline=soon())
    made = own_token(sqlite_instance, "alice", "machine")

    delete_person(publisher, User.objects.get(username="alice"), person("alice"), deadline=soon())
    assert not works(made)
    give_robot(publisher, "machine", "bob", OPERATOR, deadline=soon())

    assert works(made)


def test_webhooks_of_somebody_frozen_tell_nobody_anything_any_more(sqlite_instance: Instance):
    """Whoever stole an account may listen to what its projects publish; owners see why it stopped, and make another."""
    publisher, config = sqlite_instance.publisher, sqlite_instance.config
    for name in ("alice", "bob"):
        User.objects.create(username=name)
    sqlite_instance.upload("demo", "1.0")
    add_role(publisher, "main", "demo", "bob", "owner", OPERATOR, deadline=soon())
    make_key(config)
    wanted, keys = Wanted("main", "demo", "https://thief.example/"), read_keys(config)
    for name in ("alice", "bob"):
        make_webhook(publisher, wanted, keys, Actor(name, PERSON), deadline=soon())
    Delivery.objects.all().delete()

    frozen(sqlite_instance, "alice")
    sqlite_instance.upload("demo", "2.0", actor=Actor("bob", PERSON))

    assert ["bob"] == list(Delivery.objects.values_list("webhook__created_by", flat=True))
    told = {one.id: one.stopped_why for one in list_webhooks(publisher, "main", "demo", Actor("bob", PERSON))}
    assert ["the account of whoever made it was frozen", ""] == [told[pk] for pk in sorted(told)]
