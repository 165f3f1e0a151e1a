"""A database that is restored from before a project changed hands: reconcile gives the old hands nothing back."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from instances import ALICE, BOB, OPERATOR, Actor, Instance, Scopes, soon

from holdfast.clock import SystemClock
from holdfast.config import IndexConfig
from holdfast.control.accounts.models import AuditEvent, Token, User
from holdfast.control.backup import backup, restore
from holdfast.control.hooks.models import Webhook
from holdfast.control.organisations import actions, teams
from holdfast.control.organisations.effective import people_of
from holdfast.control.organisations.grants import Grantee, grant_index
from holdfast.control.organisations.hands import clear_rights, hand_over
from holdfast.control.organisations.models import Invitation, Organisation
from holdfast.control.organisations.offers import offer_project
from holdfast.control.people_pages import PeoplePages
from holdfast.control.projects import standing
from holdfast.control.projects.models import Project
from holdfast.control.publication.reconcile import Reconciled, reconcile
from holdfast.control.publication.transaction import current_serial, write_transaction
from holdfast.control.publishers.models import Publisher
from holdfast.control.tokens.actions import OwnToken, make_own_token
from holdfast.core.errors import Refused
from holdfast.tree.person import put_person, read_person
from holdfast.tree.reader import TreeReader

CLOCK = SystemClock()


@pytest.fixture
def saved(instance: Instance, tmp_path: Path) -> Path:
    """A backup from when `tool` was Alice's: with an invitation, a trusted publisher and a webhook of hers."""
    instance.upload("tool", "1.0")
    project, now = Project.objects.get(name="tool"), CLOCK.now()
    charlie = User.objects.create(username="charlie")
    Invitation.objects.create(project=project, role="owner", user=charlie, created=now, expires=now + timedelta(days=7))
    Publisher.objects.create(
        index="main", name="tool", project=project, provider="ci", lookup="alice/tool", created_by="alice", created=now
    )
    Webhook.objects.create(project=project, url="https://hooks.example/tool", created=now)
    return backup(instance.config, tmp_path / "saved.tar", CLOCK)


def rights_of_old() -> tuple[int, int, int]:
    return Invitation.objects.filter(ended=None).count(), Publisher.objects.count(), Webhook.objects.count()


def test_what_the_old_hands_had_stays_over(instance: Instance, saved: Path) -> None:
    bob = User.objects.get_or_create(username="bob")[0]
    with write_transaction(instance.publisher, OPERATOR, soon()) as tx:
        hand_over(tx, Project.objects.get(name="tool"), bob)
    assert (0, 0, 0) == rights_of_old()

    restore(instance.config, instance.store, saved, CLOCK)
    done = reconcile(instance.publisher, OPERATOR, soon(30))

    assert ((0, 0, 0), ["main/tool"]) == (rights_of_old(), done.handed)
    assert AuditEvent.objects.filter(action="end-publisher", subject="main/tool").exists()
    with pytest.raises(Refused):
        instance.upload("tool", "1.1", actor=ALICE)
    assert not instance.upload("tool", "1.1", actor=BOB).existing


def test_what_hands_had_that_stayed_comes_back(instance: Instance, saved: Path) -> None:
    standing.add_role(instance.publisher, "main", "tool", "bob", "owner", ALICE, deadline=soon())

    restore(instance.config, instance.store, saved, CLOCK)
    done = reconcile(instance.publisher, OPERATOR, soon(30))

    assert ((1, 1, 1), []) == (rights_of_old(), done.handed)


def test_a_name_that_was_given_up_is_nobodys(instance: Instance, saved: Path) -> None:
    with write_transaction(instance.publisher, OPERATOR, soon()) as tx:
        project = Project.objects.get(name="tool")
        project.deleted, project.owned = tx.now, False
        project.save()
        clear_rights(tx, project)
        tx.changed(project)

    restore(instance.config, instance.store, saved, CLOCK)
    done = reconcile(instance.publisher, OPERATOR, soon(30))

    assert ((0, 0, 0), ["main/tool"]) == (rights_of_old(), done.handed)


def with_acme(instance: Instance) -> None:
    """`acme` of Alice holds `tool`; Bob manages it, Charlie is in a team that maintains it, Dora owns it with Alice."""
    publisher, alice = instance.publisher, Actor("alice", Scopes(), credential="session")
    instance.upload("tool", "1.0")
    actions.create_organisation(publisher, "acme", "Acme", alice, deadline=soon())
    for name, place in (("bob", "manager"), ("charlie", "member"), ("dora", "owner"), ("eve", "manager")):
        actions.add_member(publisher, "acme", name, place, OPERATOR, deadline=soon())  # type: ignore[arg-type]
    offer_project(publisher, "main", "tool", alice, organisation="acme", deadline=soon())
    teams.create_team(publisher, "acme", "makers", alice, deadline=soon())
    teams.add_to_team(publisher, "acme", "makers", "charlie", alice, deadline=soon())
    teams.set_team_role(publisher, "acme", "makers", "main", "tool", "maintainer", alice, deadline=soon())
    PeoplePages(instance.config, instance.store, CLOCK).write_when_changed()


def test_places_that_had_ended_stay_over_where_the_tree_tells(instance: Instance, tmp_path: Path) -> None:
    with_acme(instance)
    publisher, alice = instance.publisher, Actor("alice", Scopes(), credential="session")
    saved = backup(instance.config, tmp_path / "saved.tar", CLOCK)
    actions.remove_member(publisher, "acme", "bob", alice, deadline=soon())
    actions.set_place(publisher, "acme", "dora", "manager", alice, deadline=soon())
    teams.remove_from_team(publisher, "acme", "makers", "charlie", alice, deadline=soon())
    instance.upload("tool", "1.1")
    PeoplePages(instance.config, instance.store, CLOCK).write_when_changed()

    restore(instance.config, instance.store, saved, CLOCK)
    done = reconcile(publisher, OPERATOR, soon(30))

    assert [
        "bob, manager of acme",
        "charlie, in team makers of acme",
        "dora, owner of acme (a manager now)",
    ] == sorted(done.left)
    assert {"alice": "owner", "dora": "maintainer", "eve": "maintainer"} == people_of(Project.objects.get())
    places = dict(Organisation.objects.get().memberships.values_list("user__username", "role"))
    assert {"alice": "owner", "charlie": "member", "dora": "manager", "eve": "manager"} == places


def test_whom_the_tree_says_nothing_new_of_keeps_a_place(instance: Instance, tmp_path: Path) -> None:
    with_acme(instance)
    saved = backup(instance.config, tmp_path / "saved.tar", CLOCK)
    instance.upload("tool", "1.1")
    PeoplePages(instance.config, instance.store, CLOCK).write_when_changed()

    restore(instance.config, instance.store, saved, CLOCK)
    done = reconcile(instance.publisher, OPERATOR, soon(30))

    assert ([], 5) == (done.left, Organisation.objects.get().memberships.count())


def with_paul(instance: Instance) -> None:
    """A member of `acme` in no team."""
    with_acme(instance)
    actions.add_member(instance.publisher, "acme", "paul", "member", OPERATOR, deadline=soon())
    PeoplePages(instance.config, instance.store, CLOCK).write_when_changed()


def without(instance: Instance, name: str, saved: Path, *, members: bool = True) -> Reconciled:
    """Take somebody out of `acme`, then restore a database of before. `members`: `work` knows of members' digests."""
    actions.remove_member(instance.publisher, "acme", name, OPERATOR, deadline=soon())
    instance.upload("tool", "1.1")
    PeoplePages(instance.config, instance.store, CLOCK).write_when_changed()
    if not members:
        acme = read_person(instance.store, "org", "acme")
        put_person(instance.store, "org", msgspec.structs.replace(acme, members=None), current_serial())
    restore(instance.config, instance.store, saved, CLOCK)
    return reconcile(instance.publisher, OPERATOR, soon(30))


def test_a_plain_member_who_had_left_does_not_come_back(instance: Instance, tmp_path: Path) -> None:
    with_paul(instance)
    saved = backup(instance.config, tmp_path / "saved.tar", CLOCK)

    done = without(instance, "paul", saved)

    assert ["paul, member of acme"] == done.left
    assert 5 == Organisation.objects.get().memberships.count()
    assert AuditEvent.objects.filter(action="end-right", subject="organisation:acme", detail__user="paul").exists()


def test_an_organisations_document_of_the_release_before_ends_nothing(instance: Instance, tmp_path: Path) -> None:
    with_paul(instance)
    saved = backup(instance.config, tmp_path / "saved.tar", CLOCK)

    assert [] == without(instance, "paul", saved, members=False).left


def test_what_a_token_reached_by_a_place_that_had_ended_it_reaches_no_more(instance: Instance, tmp_path: Path) -> None:
    """The database of before gave the place, the index and the token; the tree hears of what is left."""
    with_paul(instance)
    grant_index(instance.publisher, "hidden", "read", Grantee(organisation="acme"), OPERATOR, deadline=soon())
    paul = Actor("paul", Scopes(), credential="session")
    ends = CLOCK.now() + timedelta(days=1)
    wanted = OwnToken("laptop", "paul", Scopes(("hidden",), (), actions=()), ends)
    private = replace(instance.config, indexes=(*instance.config.indexes, IndexConfig("hidden", private=True)))
    token = make_own_token(instance.publisher, private, wanted, paul, deadline=soon())
    saved = backup(instance.config, tmp_path / "saved.tar", CLOCK)

    done = without(instance, "paul", saved)

    assert ["paul, member of acme"] == done.left
    reader = TreeReader(instance.store, CLOCK, instance.publisher.instance)
    reader.load()
    told = reader.token(token.id)
    assert told is not None and ([], ()) == (Token.objects.get(pk=token.id).reads, told.reads)
