"""A restored database gives nobody back what was lost since: accounts shut, administering, sessions, tokens."""

from datetime import timedelta
from pathlib import Path

import pytest
from instances import ALICE, OPERATOR, Actor, Instance, Scopes, soon

from holdfast.clock import SystemClock
from holdfast.control.accounts import people
from holdfast.control.accounts.actions import create_token
from holdfast.control.accounts.administrators import set_administrator
from holdfast.control.accounts.models import AuditEvent, Invitation, Session, Token, User
from holdfast.control.accounts.standing import SHUT_SINCE, Standings
from holdfast.control.backup import Restored, backup, restore
from holdfast.control.projects.models import Project
from holdfast.control.publication.changes import token_issued
from holdfast.control.publication.documents import record_of
from holdfast.control.publication.reconcile import reconcile
from holdfast.control.publication.transaction import write_transaction
from holdfast.tree import addresses
from holdfast.tree.record import encode_record

CLOCK = SystemClock()
EVERYBODY = ("ada", "bob", "charlie", "dora", "eve")


@pytest.fixture
def saved(instance: Instance, tmp_path: Path) -> Path:
    """A backup from when all were in good standing: Ada administers, Dora moderates, Eve does both."""
    for name in EVERYBODY:
        User.objects.create(username=name, is_superuser=name in ("ada", "eve"), is_staff=name in ("dora", "eve"))
    write_down(instance)
    return backup(instance.config, tmp_path / "saved.tar", CLOCK)


def write_down(instance: Instance) -> bool:
    return Standings(instance.store, CLOCK, instance.publisher.instance).write_when_changed()


def put_back(instance: Instance, saved: Path) -> Restored:
    return restore(instance.config, instance.store, saved, CLOCK)


def standing_of(*names: str) -> list[tuple[bool, bool, bool]]:
    """(active, administers, moderates) of each."""
    columns = ("username", "is_active", "is_superuser", "is_staff")
    found = {name: tuple(rest) for name, *rest in User.objects.values_list(*columns)}
    return [found[name] for name in names]


def test_who_was_frozen_deleted_or_ended_since_is_so_after_a_restore(instance: Instance, saved: Path) -> None:
    publisher = instance.publisher
    people.freeze(publisher, "bob", "abuse", OPERATOR, deadline=soon())
    person = Actor("charlie", Scopes(), credential="session")
    people.delete_person(publisher, User.objects.get(username="charlie"), person, deadline=soon())
    set_administrator(publisher, "ada", False, OPERATOR, deadline=soon())
    people.set_moderator(publisher, "dora", False, OPERATOR, deadline=soon())
    assert write_down(instance)

    done = put_back(instance, saved)

    shut, open_ = (False, False, False), (True, False, False)
    assert [open_, shut, shut, open_, (True, True, True)] == standing_of(*EVERYBODY)
    assert (
        "ada no longer administers",
        "bob is frozen",
        "charlie is frozen",
        "dora no longer moderates",
    ) == done.ended.accounts
    assert {SHUT_SINCE} == set(User.objects.filter(is_active=False).values_list("frozen_reason", flat=True))
    told = AuditEvent.objects.filter(credential="machine").order_by("id").values_list("action", flat=True)
    assert ["set-administrator", "freeze-person", "freeze-person", "set-moderator", "restore"] == list(told)[-5:]


def test_who_was_frozen_and_administered_no_more_does_neither(instance: Instance, saved: Path) -> None:
    set_administrator(instance.publisher, "eve", False, OPERATOR, deadline=soon())
    people.freeze(instance.publisher, "eve", "abuse", OPERATOR, deadline=soon())
    write_down(instance)

    put_back(instance, saved)

    assert [(False, False, True)] == standing_of("eve")


def test_what_the_backup_itself_says_is_left_alone(instance: Instance, tmp_path: Path) -> None:
    """The word in the tree is older than the backup: work had no time to write down what came between."""
    User.objects.create(username="ada")
    people.set_moderator(instance.publisher, "ada", True, OPERATOR, deadline=soon())
    people.set_moderator(instance.publisher, "ada", False, OPERATOR, deadline=soon())
    User.objects.create(username="bob", is_staff=True)
    write_down(instance)
    people.set_moderator(instance.publisher, "ada", True, OPERATOR, deadline=soon())
    later = backup(instance.config, tmp_path / "later.tar", CLOCK)

    done = put_back(instance, later)

    assert ((), [(True, False, True)]) == (done.ended.accounts, standing_of("ada"))


def test_sessions_and_open_invitations_end_with_every_restore(instance: Instance, tmp_path: Path) -> None:
    """Somebody may have signed out of a stolen browser since, and used an invitation: nobody knows."""
    now, user = CLOCK.now(), User.objects.create(username="ada")
    later = now + timedelta(days=3)
    Session.objects.create(session_key="1" * 64, session_data="", expire_date=later, user=user, seen=now)
    Invitation.objects.create(digest="2" * 64, email="new@people.example", by="ada", created=now, expires=later)
    saved = backup(instance.config, tmp_path / "saved.tar", CLOCK)

    done = put_back(instance, saved)

    assert (1, 1) == (done.ended.sessions, done.ended.invitations)
    assert (0, 0) == (Session.objects.count(), Invitation.objects.filter(expires__gt=CLOCK.now()).count())


def test_a_word_is_written_when_something_changed_and_the_newest_two_are_kept(instance: Instance) -> None:
    standings = Standings(instance.store, CLOCK, instance.publisher.instance)
    assert not standings.write_when_changed(), "nobody is there"
    User.objects.create(username="ada")
    written = []
    for number in range(4):
        people.set_moderator(instance.publisher, "ada", number % 2 == 0, OPERATOR, deadline=soon())
        written += [standings.write_when_changed(), standings.write_when_changed()]

    assert [True, False] * 4 == written
    keys = [info.key for info in instance.store.list(addresses.STANDING_PREFIX)]
    assert [addresses.standing(3), addresses.standing(4)] == keys
    assert b"ada" not in instance.store.get(keys[0])


def test_a_damaged_word_leaves_the_one_before_it(instance: Instance, saved: Path) -> None:
    people.freeze(instance.publisher, "bob", "abuse", OPERATOR, deadline=soon())
    write_down(instance)
    instance.store.put(addresses.standing(7), b"{")

    assert ("bob is frozen",) == put_back(instance, saved).ended.accounts


def test_a_deleted_accounts_roles_leave_the_records_at_once(instance: Instance) -> None:
    """Else database and tree disagree until somebody uploads, and a restore gives the roles back."""
    instance.upload("tool", "1.0")
    project = Project.objects.get(name="tool")
    bob = User.objects.create(username="bob")
    with write_transaction(instance.publisher, OPERATOR, soon()) as tx:
        project.roles.create(user=bob, role="maintainer")
        tx.changed(project)

    person = Actor("bob", Scopes(), credential="session")
    people.delete_person(instance.publisher, bob, person, deadline=soon())

    entry = instance.reader().find("main", "tool")
    assert entry is not None and entry.record == encode_record(record_of(Project.objects.get())).digest


@pytest.fixture
def token(instance: Instance) -> str:
    """Alice's, which reads `main` and uploads there."""
    scopes = Scopes(read=("main",), upload=("main",))
    return create_token(instance.publisher, "ci", "alice", scopes, None, OPERATOR, deadline=soon()).id


def test_tokens_of_who_was_frozen_and_is_open_again_go_on(instance: Instance, token: str, tmp_path: Path) -> None:
    """Readers were told that they are in force again; a row that says revoked could never be revoked for them."""
    saved = backup(instance.config, tmp_path / "saved.tar", CLOCK)
    people.freeze(instance.publisher, "alice", "a mistake", OPERATOR, deadline=soon())
    people.unfreeze(instance.publisher, "alice", OPERATOR, deadline=soon())

    put_back(instance, saved)
    reconcile(instance.publisher, OPERATOR, soon(30))

    assert Token.objects.get(pk=token).revoked is None


def test_tokens_of_who_is_still_frozen_stay_over(instance: Instance, token: str, tmp_path: Path) -> None:
    saved = backup(instance.config, tmp_path / "saved.tar", CLOCK)
    people.freeze(instance.publisher, "alice", "abuse", OPERATOR, deadline=soon())

    put_back(instance, saved)
    reconcile(instance.publisher, OPERATOR, soon(30))

    assert Token.objects.get(pk=token).revoked is not None


def test_a_token_that_was_narrowed_since_reaches_no_more_than_it_was_left(
    instance: Instance, token: str, tmp_path: Path
) -> None:
    saved = backup(instance.config, tmp_path / "saved.tar", CLOCK)
    with write_transaction(instance.publisher, OPERATOR, soon()) as tx:
        Token.objects.filter(pk=token).update(reads=[], upload_indexes=[])
        tx.tell(token_issued(token))

    put_back(instance, saved)
    reconcile(instance.publisher, ALICE, soon(30))

    row = Token.objects.get(pk=token)
    assert ([], []) == (row.reads, row.upload_indexes)
