"""Organisations, teams, invitations and transfers: what each gives, and that none of it outlives its reason."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from doors import Door
from instances import OPERATOR, Actor, Instance, Scopes, soon

from holdfast.control.accounts.models import AuditEvent, User
from holdfast.control.database import close_connection
from holdfast.control.mail.models import Mail
from holdfast.control.organisations import actions, invitations, offers, teams
from holdfast.control.organisations.effective import people_of, place_in, role_on
from holdfast.control.organisations.models import Invitation, Membership, Offer, Organisation, TeamRole
from holdfast.control.projects import actions as projects
from holdfast.control.projects import standing
from holdfast.control.projects.models import Project
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.staging.models import StagingSession
from holdfast.core.errors import Absent, Refused


def session(user: str) -> Actor:
    return Actor(user, Scopes(), credential="session")


ALICE, BOB, CHARLIE, DORA = (session(name) for name in ("alice", "bob", "charlie", "dora"))


def with_organisation(instance: Instance) -> Instance:
    """Alice owns `acme`, Bob manages it, Charlie is in it; Alice's `tool` belongs to it. Dora is nobody there."""
    publisher = instance.publisher
    for name in ("alice", "bob", "charlie", "dora"):
        User.objects.get_or_create(username=name)
    actions.create_organisation(publisher, "acme", "Acme", ALICE, deadline=soon())
    actions.add_member(publisher, "acme", "bob", "manager", OPERATOR, deadline=soon())
    actions.add_member(publisher, "acme", "charlie", "member", OPERATOR, deadline=soon())
    instance.upload("tool", "1.0")
    assert offers.offer_project(publisher, "main", "tool", ALICE, organisation="acme", deadline=soon()).taken
    return instance


def tool() -> Project:
    return Project.objects.get(index="main", name="tool")


def test_places_in_the_organisation_are_roles_on_its_projects(instance: Instance):
    with_organisation(instance)

    assert people_of(tool()) == {"alice": "owner", "bob": "maintainer"}
    projects.yank_release(instance.publisher, "main", "tool", "1.0", "bad", BOB, deadline=soon())
    with pytest.raises(Refused, match="'bob' is not owner"):
        projects.delete_project(instance.publisher, "main", "tool", BOB, deadline=soon())
    with pytest.raises(Absent):
        projects.yank_release(instance.publisher, "main", "tool", "1.0", "bad", CHARLIE, deadline=soon())


def test_readers_are_told_the_organisation_and_none_of_its_people(sqlite_instance: Instance):
    with_organisation(sqlite_instance)

    reader = sqlite_instance.reader()
    entry = reader.find("main", "tool")
    assert entry is not None
    record = reader.record(entry)

    assert (record.organisation, record.roles) == ("acme", ())


def test_a_teams_role_counts_for_its_members_and_ends_with_their_membership(instance: Instance):
    publisher = with_organisation(instance).publisher
    teams.create_team(publisher, "acme", "release", BOB, deadline=soon())
    teams.add_to_team(publisher, "acme", "release", "charlie", BOB, deadline=soon())
    teams.set_team_role(publisher, "acme", "release", "main", "tool", "maintainer", ALICE, deadline=soon())
    assert role_on(tool(), "charlie") == "maintainer"

    actions.remove_member(publisher, "acme", "charlie", BOB, deadline=soon())

    assert role_on(tool(), "charlie") is None
    with pytest.raises(NotAccepted, match="not in the organisation"):
        teams.add_to_team(publisher, "acme", "release", "dora", ALICE, deadline=soon())


def test_a_transfer_leaves_no_right_of_the_hands_before(instance: Instance):
    """Teams, members, direct roles, invitations and other offers: nothing of theirs is left when the project moved."""
    publisher = with_organisation(instance).publisher
    teams.create_team(publisher, "acme", "release", ALICE, deadline=soon())
    teams.add_to_team(publisher, "acme", "release", "charlie", ALICE, deadline=soon())
    teams.set_team_role(publisher, "acme", "release", "main", "tool", "owner", ALICE, deadline=soon())
    standing.add_role(publisher, "main", "tool", "bob", "maintainer", OPERATOR, deadline=soon())
    invited = invitations.invite_to_project(publisher, "main", "tool", "bob", "owner", ALICE, deadline=soon())
    offered = offers.offer_project(publisher, "main", "tool", ALICE, user="dora", deadline=soon())
    assert not offered.taken

    offers.take_project(publisher, offered.id, DORA, deadline=soon())

    assert people_of(tool()) == {"dora": "owner"}
    assert not TeamRole.objects.exists()
    for actor in (ALICE, BOB, CHARLIE):
        with pytest.raises(Absent):
            projects.yank_release(publisher, "main", "tool", "1.0", "bad", actor, deadline=soon())
    with pytest.raises(Absent):
        invitations.accept_invitation(publisher, invited.id, BOB, deadline=soon())
    with pytest.raises(Absent):
        teams.set_team_role(publisher, "acme", "release", "main", "tool", "owner", ALICE, deadline=soon())


def test_a_release_under_way_ends_with_the_hands_that_staged_it(sqlite_instance: Instance):
    """Its preview has an address that the old hands know."""
    door = Door(sqlite_instance)
    sqlite_instance.upload("tool", "1.0")
    User.objects.get_or_create(username="dora")
    opened = door.api("POST", "sessions/main", door.token("alice"), {"name": "tool", "version": "2.0"})
    assert opened.status == 201, opened.text

    offered = offers.offer_project(sqlite_instance.publisher, "main", "tool", ALICE, user="dora", deadline=soon())
    offers.take_project(sqlite_instance.publisher, offered.id, DORA, deadline=soon())

    assert list(StagingSession.objects.values_list("status", flat=True)) == ["canceled"]


def test_a_teams_row_that_was_left_behind_counts_for_nothing(sqlite_instance: Instance):
    """Even if a row survived a transfer, it is worth nothing while another holds the project."""
    publisher = with_organisation(sqlite_instance).publisher
    teams.create_team(publisher, "acme", "release", ALICE, deadline=soon())
    teams.add_to_team(publisher, "acme", "release", "charlie", ALICE, deadline=soon())
    offered = offers.offer_project(publisher, "main", "tool", ALICE, user="dora", deadline=soon())
    offers.take_project(publisher, offered.id, DORA, deadline=soon())

    TeamRole.objects.create(team=Organisation.objects.get().teams.get(), project=tool(), role="owner")

    assert role_on(tool(), "charlie") is None
    assert people_of(tool()) == {"dora": "owner"}


def test_what_an_organisation_holds_is_given_away_by_its_owners_alone(sqlite_instance: Instance):
    publisher = with_organisation(sqlite_instance).publisher
    standing.add_role(publisher, "main", "tool", "dora", "owner", ALICE, deadline=soon())

    with pytest.raises(Refused, match="belongs to the organisation 'acme'"):
        offers.offer_project(publisher, "main", "tool", DORA, user="dora", deadline=soon())


def test_an_offer_is_the_other_sides_to_take_and_its_makers_to_have_made(sqlite_instance: Instance):
    publisher = sqlite_instance.publisher
    for name in ("alice", "bob", "dora"):
        User.objects.get_or_create(username=name)
    sqlite_instance.upload("tool", "1.0")
    standing.add_role(publisher, "main", "tool", "bob", "owner", OPERATOR, deadline=soon())
    offered = offers.offer_project(publisher, "main", "tool", BOB, user="dora", deadline=soon())

    with pytest.raises(Absent):
        offers.take_project(publisher, offered.id, BOB, deadline=soon())
    standing.remove_role(publisher, "main", "tool", "bob", ALICE, deadline=soon())
    with pytest.raises(NotAccepted, match="'bob' does not own the project any more"):
        offers.take_project(publisher, offered.id, DORA, deadline=soon())
    assert people_of(tool()) == {"alice": "owner"}


def test_an_offer_can_be_declined_taken_back_and_runs_out(sqlite_instance: Instance):
    publisher = sqlite_instance.publisher
    User.objects.create(username="dora")
    sqlite_instance.upload("tool", "1.0")

    def offer() -> int:
        return offers.offer_project(publisher, "main", "tool", ALICE, user="dora", deadline=soon()).id

    offers.decline_project(publisher, offer(), DORA, deadline=soon())
    offers.revoke_offer(publisher, offer(), ALICE, deadline=soon())
    late = offer()
    Offer.objects.filter(pk=late).update(expires=publisher.clock.now() - timedelta(seconds=1))
    with pytest.raises(Absent):
        offers.take_project(publisher, late, DORA, deadline=soon())
    assert offers.expire_offers(publisher.clock) == 1
    assert list(Offer.objects.order_by("pk").values_list("outcome", flat=True)) == ["declined", "revoked", "expired"]


def test_a_manager_sees_to_members_and_never_to_owners(sqlite_instance: Instance):
    """Nobody raises themselves: not by an invitation, not by a place, not through a team that owns something."""
    publisher = with_organisation(sqlite_instance).publisher
    teams.create_team(publisher, "acme", "owners", BOB, deadline=soon())
    invitations.invite_to_organisation(publisher, "acme", "dora", "member", BOB, deadline=soon())

    refused: list[Callable[[], object]] = [
        lambda: invitations.invite_to_organisation(publisher, "acme", "dora", "owner", BOB, deadline=soon()),
        lambda: invitations.invite_to_organisation(publisher, "acme", "dora", "manager", BOB, deadline=soon()),
        lambda: invitations.invite_to_organisation(publisher, "acme", "dora", "member", CHARLIE, deadline=soon()),
        lambda: actions.set_place(publisher, "acme", "bob", "owner", BOB, deadline=soon()),
        lambda: actions.remove_member(publisher, "acme", "alice", BOB, deadline=soon()),
        lambda: teams.set_team_role(publisher, "acme", "owners", "main", "tool", "owner", BOB, deadline=soon()),
        lambda: actions.delete_organisation(publisher, "acme", BOB, deadline=soon()),
    ]
    for act in refused:
        with pytest.raises(Refused):
            act()
    teams.set_team_role(publisher, "acme", "owners", "main", "tool", "owner", ALICE, deadline=soon())
    with pytest.raises(Refused, match="a team that owns a project"):
        teams.add_to_team(publisher, "acme", "owners", "bob", BOB, deadline=soon())


def test_an_organisation_is_absent_to_whoever_is_not_in_it(sqlite_instance: Instance):
    publisher = with_organisation(sqlite_instance).publisher

    for name in ("acme", "nothing"):
        with pytest.raises(Absent, match=f"there is no organisation '{name}' that you are in"):
            teams.create_team(publisher, name, "mine", DORA, deadline=soon())


def test_the_last_owner_stays(sqlite_instance: Instance):
    publisher = with_organisation(sqlite_instance).publisher

    for act in (
        lambda: actions.leave_organisation(publisher, "acme", ALICE, deadline=soon()),
        lambda: actions.set_place(publisher, "acme", "alice", "member", ALICE, deadline=soon()),
        lambda: actions.remove_member(publisher, "acme", "alice", OPERATOR, deadline=soon()),
    ):
        with pytest.raises(NotAccepted, match="'alice' is the last owner"):
            act()
    actions.leave_organisation(publisher, "acme", CHARLIE, deadline=soon())
    with pytest.raises(NotAccepted, match="still holds main/tool"):
        actions.delete_organisation(publisher, "acme", ALICE, deadline=soon())


def test_two_owners_who_remove_each_other_at_once_leave_one(instance: Instance):
    publisher = instance.publisher
    for name in ("alice", "bob"):
        User.objects.create(username=name)
    actions.create_organisation(publisher, "acme", "Acme", ALICE, deadline=soon())
    actions.add_member(publisher, "acme", "bob", "owner", OPERATOR, deadline=soon())
    instance.upload("tool", "1.0")
    standing.add_role(publisher, "main", "tool", "bob", "owner", ALICE, deadline=soon())

    def attempt(act: Callable[[], object]) -> str:
        try:
            act()
        except (NotAccepted, Absent, Refused) as error:
            return type(error).__name__
        finally:
            close_connection()
        return "done"

    def remove(pair: tuple[Actor, str]) -> list[str]:
        actor, other = pair
        return [
            attempt(lambda: actions.remove_member(publisher, "acme", other, actor, deadline=soon())),
            attempt(lambda: standing.remove_role(publisher, "main", "tool", other, actor, deadline=soon())),
        ]

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(remove, [(ALICE, "bob"), (BOB, "alice")]))

    assert Membership.objects.filter(role="owner").count() == 1
    assert tool().roles.filter(role="owner").count() == 1
    assert sorted(answers.count("done") for answers in zip(*told, strict=True)) == [1, 1]


def test_an_invitation_is_accepted_declined_revoked_or_runs_out(sqlite_instance: Instance):
    publisher = sqlite_instance.publisher
    for name in ("bob", "charlie", "dora"):
        User.objects.create(username=name)
    sqlite_instance.upload("tool", "1.0")

    def invite(to: str) -> int:
        return invitations.invite_to_project(publisher, "main", "tool", to, "maintainer", ALICE, deadline=soon()).id

    first = invite("bob")
    with pytest.raises(Absent):
        invitations.accept_invitation(publisher, first, CHARLIE, deadline=soon())
    with pytest.raises(Absent):
        invitations.revoke_invitation(publisher, first, BOB, deadline=soon())
    assert invitations.accept_invitation(publisher, first, BOB, deadline=soon()) > 0
    invitations.decline_invitation(publisher, invite("charlie"), CHARLIE, deadline=soon())
    invitations.revoke_invitation(publisher, invite("charlie"), ALICE, deadline=soon())
    late = invite("dora")
    Invitation.objects.filter(pk=late).update(expires=publisher.clock.now())
    with pytest.raises(Absent):
        invitations.accept_invitation(publisher, late, DORA, deadline=soon())
    assert invitations.expire_invitations(publisher.clock) == 1

    outcomes = ["accepted", "declined", "revoked", "expired"]
    assert list(Invitation.objects.order_by("pk").values_list("outcome", flat=True)) == outcomes
    assert people_of(tool()) == {"alice": "owner", "bob": "maintainer"}
    assert AuditEvent.objects.filter(action="add-role", detail__by="invitation").count() == 1


def test_whoever_loses_a_project_to_a_transfer_is_told(sqlite_instance: Instance):
    publisher = with_organisation(sqlite_instance).publisher
    for name in ("alice", "bob", "dora"):
        person = User.objects.get(username=name)
        EmailAddress.objects.create(user=person, email=f"{name}@people.example", verified=True, primary=True)
    offered = offers.offer_project(publisher, "main", "tool", ALICE, user="dora", deadline=soon())
    assert list(Mail.objects.values_list("kind", "to")) == [("project-offered", "dora@people.example")]

    offers.take_project(publisher, offered.id, DORA, deadline=soon())

    told = Mail.objects.filter(kind="project-taken").order_by("to").values_list("to", flat=True)
    assert list(told) == ["alice@people.example", "bob@people.example"]


def test_an_account_that_was_just_recovered_takes_nothing_down(sqlite_instance: Instance):
    """The hook for the cool-off after a recovery: what destroys or gives away waits, what can be undone does not."""
    publisher = with_organisation(sqlite_instance).publisher
    until = publisher.clock.now() + timedelta(hours=1)
    User.objects.filter(username="alice").update(recovered_until=until)

    waiting: list[Callable[[], object]] = [
        lambda: projects.delete_project(publisher, "main", "tool", ALICE, deadline=soon()),
        lambda: standing.add_role(publisher, "main", "tool", "dora", "owner", ALICE, deadline=soon()),
        lambda: offers.offer_project(publisher, "main", "tool", ALICE, user="dora", deadline=soon()),
        lambda: actions.remove_member(publisher, "acme", "bob", ALICE, deadline=soon()),
    ]
    for act in waiting:
        with pytest.raises(Refused, match="the account 'alice' was just recovered"):
            act()
    projects.yank_release(publisher, "main", "tool", "1.0", "bad", ALICE, deadline=soon())
    projects.delete_project(publisher, "main", "tool", OPERATOR, deadline=soon())


def test_an_invitation_by_mail_needs_its_secret(sqlite_instance: Instance):
    publisher = with_organisation(sqlite_instance).publisher

    made = invitations.invite_to_organisation(publisher, "acme", "d@people.example", "member", BOB, deadline=soon())

    mail = Mail.objects.get(kind="role-offered")
    assert (mail.to, made.secret in mail.text) == ("d@people.example", True)
    assert made.secret not in str(made)
    for secret in ("", "guess", made.secret[:-1]):
        with pytest.raises(Absent):
            invitations.accept_invitation(publisher, made.id, DORA, secret=secret, deadline=soon())
    invitations.accept_invitation(publisher, made.id, DORA, secret=made.secret, deadline=soon())
    assert place_in(Organisation.objects.get(), "dora") == "member"


def test_nobody_is_flooded_with_invitations(sqlite_instance: Instance):
    """What is revoked, or replaced by the next, was mailed all the same."""
    publisher = with_organisation(sqlite_instance).publisher

    def invite(to: str) -> None:
        invitations.invite_to_organisation(publisher, "acme", to, "member", BOB, deadline=soon())

    invite("d@people.example")
    row = Invitation.objects.get()
    copy = {"organisation": row.organisation, "role": "member", "created": row.created, "expires": row.expires}
    ended = copy | {"ended": row.created, "outcome": "revoked"}
    Invitation.objects.bulk_create(Invitation(email="d@people.example", **ended) for _ in range(29))
    with pytest.raises(NotAccepted, match="invited 30 times within an hour"):
        invite("D@people.example")
    invite("e@people.example")
    bob = User.objects.get(username="bob")
    Invitation.objects.bulk_create(
        Invitation(email=f"{number}@people.example", invited_by=bob, **ended) for number in range(98)
    )
    with pytest.raises(NotAccepted, match="you invited 100 times"):
        invite("f@people.example")
    assert Mail.objects.filter(kind="role-offered").count() == 2
    Invitation.objects.update(created=row.created - timedelta(hours=1))
    invite("f@people.example")


def test_nobody_is_flooded_with_offers(sqlite_instance: Instance):
    publisher = with_organisation(sqlite_instance).publisher
    Offer.objects.update(created=publisher.clock.now() - timedelta(hours=2))
    for _ in range(10):
        offers.offer_project(publisher, "main", "tool", ALICE, user="dora", deadline=soon())

    with pytest.raises(NotAccepted, match="offered 10 times within an hour"):
        offers.offer_project(publisher, "main", "tool", ALICE, user="dora", deadline=soon())


def test_an_invitation_does_not_outlive_the_right_of_whoever_invited(sqlite_instance: Instance):
    publisher = with_organisation(sqlite_instance).publisher
    made = invitations.invite_to_organisation(publisher, "acme", "dora", "member", BOB, deadline=soon())
    actions.set_place(publisher, "acme", "bob", "member", ALICE, deadline=soon())

    with pytest.raises(NotAccepted, match="may not give that role any more"):
        invitations.accept_invitation(publisher, made.id, DORA, deadline=soon())


def test_a_rebuilt_index_knows_whose_projects_were(sqlite_instance: Instance):
    """The tree names the organisation, so that a project never comes back as free for the taking."""
    from holdfast.control.publication.absorb import absorb_record

    with_organisation(sqlite_instance)
    reader = sqlite_instance.reader()
    entry = reader.find("main", "tool")
    assert entry is not None
    record = reader.record(entry)
    Organisation.objects.all().delete()

    absorb_record(record, sqlite_instance.publisher.clock.now())

    assert tool().holding.organisation.name == "acme"
    with pytest.raises(Refused):
        sqlite_instance.upload("tool", "2.0")
