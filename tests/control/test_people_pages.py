"""What the tree says of persons and organisations: as the rows have it, of public indexes alone, and never the past."""

from dataclasses import replace

from instances import ALICE, OPERATOR, Instance, soon

from holdfast.clock import Clock, ManualClock, SystemClock
from holdfast.config import IndexConfig
from holdfast.control.accounts.models import User
from holdfast.control.organisations.models import Holding, Membership, Organisation, Team, TeamRole
from holdfast.control.people_pages import LOOK_SECONDS, READ_AT_ONCE, WRITTEN_AT_ONCE, PeoplePages
from holdfast.control.projects import actions, standing
from holdfast.control.projects.models import Project
from holdfast.control.publication.models import Counter
from holdfast.tree.person import Part, Person, member_digest, put_person, read_person


def writer(instance: Instance, clock: Clock | None = None) -> PeoplePages:
    """A work process that has just started."""
    return PeoplePages(instance.config, instance.store, clock or SystemClock())


def parts(instance: Instance, name: str, kind: str = "user") -> list[tuple[str, str]]:
    """What is told of somebody: projects and roles."""
    return [(part.name, part.role) for part in read_person(instance.store, kind, name).parts]  # type: ignore[arg-type]


def test_roles_are_told_as_they_are(instance: Instance) -> None:
    """Whatever gave them or took them, without any action having to say so."""
    pages = writer(instance)
    instance.upload("tool", "1.0")
    instance.upload("other", "1.0")
    standing.add_role(instance.publisher, "main", "tool", "bob", "maintainer", ALICE, deadline=soon())
    pages.write_when_changed()
    before = (parts(instance, "alice"), parts(instance, "bob"))

    standing.remove_role(instance.publisher, "main", "tool", "bob", ALICE, deadline=soon())
    actions.delete_project(instance.publisher, "main", "other", OPERATOR, deadline=soon())
    pages.write_when_changed()

    assert ([("other", "owner"), ("tool", "owner")], [("tool", "maintainer")]) == before
    assert ([("tool", "owner")], []) == (parts(instance, "alice"), parts(instance, "bob"))


def test_an_organisation_and_its_people_and_teams_are_told(instance: Instance) -> None:
    """A role through a team counts only while its organisation holds the project."""
    instance.upload("tool", "1.0")
    now = instance.publisher.clock.now()
    acme = Organisation.objects.create(name="acme", display="Acme & Sons", created=now)
    Holding.objects.create(project=Project.objects.get(name="tool"), organisation=acme)
    people = {name: User.objects.create(username=name) for name in ("olga", "mia", "tom", "una")}
    for name, role in (("olga", "owner"), ("mia", "manager"), ("tom", "member")):
        Membership.objects.create(organisation=acme, user=people[name], role=role)
    team = Team.objects.create(organisation=acme, name="release", created=now)
    team.members.add(people["tom"])
    TeamRole.objects.create(team=team, project=Project.objects.get(name="tool"), role="maintainer")

    writer(instance).write_when_changed()

    members = tuple(sorted(member_digest("acme", name) for name in ("olga", "mia", "tom")))
    told = Person("acme", "Acme & Sons", (Part("main", "tool", "holder"),), members=members)
    assert told == read_person(instance.store, "org", "acme")
    assert [[("tool", "owner")], [("tool", "maintainer")], [("tool", "maintainer")]] == [
        parts(instance, name) for name in ("olga", "mia", "tom")
    ]


def test_nothing_of_a_private_index_is_written(instance: Instance) -> None:
    instance.upload("tool", "1.0")
    private = replace(instance.config, indexes=(IndexConfig("main", private=True),))

    written = PeoplePages(private, instance.store, SystemClock()).write_when_changed()

    assert 0 == written


def test_what_is_known_already_is_not_written_again(instance: Instance) -> None:
    instance.upload("tool", "1.0")

    first, second = writer(instance).write_when_changed(), writer(instance).write_when_changed()

    assert (1, 0) == (first, second)


def test_a_writer_that_knows_less_writes_nothing(instance: Instance) -> None:
    """Two processes write; the one whose look at the rows is older comes later."""
    newer, older = Person("ann", "ann", (Part("main", "a", "owner"),)), Person("ann", "ann")

    assert put_person(instance.store, "user", newer, 7)
    assert not put_person(instance.store, "user", older, 6)
    assert newer == read_person(instance.store, "user", "ann")
    assert put_person(instance.store, "user", older, 7)
    assert older == read_person(instance.store, "user", "ann")
    for serial in (8, 9, 10):
        put_person(instance.store, "user", Person("ann", f"ann {serial}"), serial)
    assert 2 == len(list(instance.store.list("v1/person/user/~ann/")))


def test_a_writer_that_was_refused_comes_back_to_it(instance: Instance) -> None:
    """A restored database knows less than the tree until it is reconciled; then its word counts, without a restart."""
    instance.upload("tool", "1.0")
    newer = Person("alice", "alice", (Part("main", "gone", "owner"),))
    put_person(instance.store, "user", newer, 100)
    pages = writer(instance)

    before = pages.write_when_changed(), read_person(instance.store, "user", "alice")
    Counter.objects.update(value=100)
    after = pages.write_when_changed(), pages.write_when_changed()

    assert (0, newer) == before
    assert ((1, 0), [("tool", "owner")]) == (after, parts(instance, "alice"))


def test_what_another_writer_wrote_last_is_put_right_in_time(instance: Instance) -> None:
    """Another machine's `work` wrote what it had seen before, and ended: the rows have not changed since."""
    instance.upload("tool", "1.0")
    clock = ManualClock(SystemClock().now())
    pages = writer(instance, clock)
    pages.write_when_changed()
    put_person(instance.store, "user", Person("alice", "alice"), 1)

    early = pages.write_when_changed()
    clock.advance(LOOK_SECONDS)
    late = pages.write_when_changed()

    assert (0, 1, [("tool", "owner")]) == (early, late, parts(instance, "alice"))


def test_what_many_persons_have_is_read_some_at_a_time_before_anything_is_written(sqlite_instance: Instance) -> None:
    """Publication waits its turn in the same process; a look that is cut off takes nobody for gone."""
    sqlite_instance.upload("tool", "1.0")
    for number in range(READ_AT_ONCE + 1):
        put_person(sqlite_instance.store, "user", Person(f"p{number}", "", (Part("main", "tool", "owner"),)), 1)
    pages = writer(sqlite_instance)

    rounds = [pages.write_when_changed() for _ in range(4)]

    assert [0, WRITTEN_AT_ONCE, 2, 0] == rounds
    assert [[], [("tool", "owner")]] == [parts(sqlite_instance, name) for name in ("p200", "alice")]


def test_any_name_can_have_a_page(instance: Instance) -> None:
    for name in ("..", "a/b", "é" * 150, "%2e%2e", " "):
        person = Person(name, name)
        assert put_person(instance.store, "user", person, 1)
        assert person == read_person(instance.store, "user", name)


def test_a_damaged_document_is_written_again(instance: Instance) -> None:
    """It is derived from the rows: nobody has to repair it by hand."""
    instance.upload("tool", "1.0")
    writer(instance).write_when_changed()
    (key,) = [info.key for info in instance.store.list("v1/person/user/~alice/")]
    instance.store.put(key, b"{")

    assert 1 == writer(instance).write_when_changed()
    assert [("tool", "owner")] == parts(instance, "alice")
