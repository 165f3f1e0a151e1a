"""A round that looks only at whom something was done to writes what a look at everybody would write."""

import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from instances import OPERATOR, Actor, Instance, Scopes, soon

from holdfast.clock import ManualClock, SystemClock
from holdfast.control.accounts.models import AuditEvent, AuditHead, User
from holdfast.control.accounts.people import delete_person
from holdfast.control.organisations import actions, teams
from holdfast.control.organisations.offers import offer_project, take_project
from holdfast.control.organisations.robots import create_robot
from holdfast.control.people_pages import LOOK_SECONDS, PeoplePages
from holdfast.control.people_touched import ROWS_MAX
from holdfast.control.projects import actions as projects
from holdfast.control.projects import standing
from holdfast.control.projects.models import Project, Role
from holdfast.control.publication.models import Counter
from holdfast.core.errors import Outcome
from holdfast.tree.person import read_person

PEOPLE = ("alice", "bob", "carol", "dave", "erin")
ORGANISATIONS = ("acme", "umbra")
TEAMS = ("makers", "testers")
STEPS = 80
OFTEN = (
    "upload",
    "upload",
    "upload",
    "role",
    "member",
    "hire",
    "team",
    "grant",
    "grant",
    "to-org",
    "to-org",
    "to-user",
)
DEEDS = "upload role unrole member unmember place team unteam hire fire grant to-org to-user delete robot go".split()


def writer(instance: Instance, clock: Any = None) -> PeoplePages:
    return PeoplePages(instance.config, instance.store, clock or SystemClock())


def hand_over(instance: Instance, project: str, **to: str) -> None:
    made = offer_project(instance.publisher, "main", project, OPERATOR, deadline=soon(), **to)
    if not made.taken:
        take_project(instance.publisher, made.id, OPERATOR, deadline=soon())


def deed(instance: Instance, chance: random.Random, number: int) -> None:
    """One action of an administrator, on somebody and something; many are refused."""
    publisher, project = instance.publisher, f"tool-{chance.randrange(4)}"
    user, acme, team = chance.choice(PEOPLE), chance.choice(ORGANISATIONS), chance.choice(TEAMS)
    role, place = chance.choice(["owner", "maintainer"]), chance.choice(["owner", "manager", "member"])
    root = OPERATOR, soon()
    where = (publisher, "main", project)
    does: dict[str, Callable[[], object]] = {
        "upload": lambda: instance.upload(project, f"1.{number}", actor=Actor(user, OPERATOR.scopes)),
        "role": lambda: standing.add_role(*where, user, role, root[0], deadline=root[1]),  # type: ignore[arg-type]
        "unrole": lambda: standing.remove_role(*where, user, root[0], deadline=root[1]),
        "member": lambda: actions.add_member(publisher, acme, user, place, root[0], deadline=root[1]),  # type: ignore[arg-type]
        "unmember": lambda: actions.remove_member(publisher, acme, user, root[0], deadline=root[1]),
        "place": lambda: actions.set_place(publisher, acme, user, place, root[0], deadline=root[1]),  # type: ignore[arg-type]
        "team": lambda: teams.create_team(publisher, acme, team, root[0], deadline=root[1]),
        "unteam": lambda: teams.delete_team(publisher, acme, team, root[0], deadline=root[1]),
        "hire": lambda: teams.add_to_team(publisher, acme, team, user, root[0], deadline=root[1]),
        "fire": lambda: teams.remove_from_team(publisher, acme, team, user, root[0], deadline=root[1]),
        "grant": lambda: teams.set_team_role(
            publisher,
            acme,
            team,
            "main",
            project,
            chance.choice(["owner", "maintainer", "none"]),
            root[0],
            deadline=root[1],
        ),
        "to-org": lambda: hand_over(instance, project, organisation=acme),
        "to-user": lambda: hand_over(instance, project, user=user),
        "delete": lambda: projects.delete_project(*where, root[0], deadline=root[1]),
        "robot": lambda: create_robot(publisher, acme, f"ci{number}", root[0], deadline=root[1]),
        "go": lambda: delete_person(
            publisher,
            User.objects.get(username="erin"),
            Actor("erin", Scopes(), credential="session"),
            deadline=root[1],
        ),
    }
    assert set(DEEDS) == set(does)
    with suppress(Outcome, Role.DoesNotExist):
        does[chance.choice([*DEEDS, *OFTEN])]()


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_was_done_the_pages_are_those_of_a_look_at_everybody(sqlite_instance: Instance, seed: int) -> None:
    chance, pages, publisher = random.Random(seed), writer(sqlite_instance), sqlite_instance.publisher
    for acme in ORGANISATIONS:
        actions.create_organisation(publisher, acme, acme, OPERATOR, owner="alice", deadline=soon())
        teams.create_team(publisher, acme, "makers", OPERATOR, deadline=soon())
        for name in ("bob", "carol"):
            actions.add_member(publisher, acme, name, "member", OPERATOR, deadline=soon())
            teams.add_to_team(publisher, acme, "makers", name, OPERATOR, deadline=soon())
    for number, acme in enumerate((*ORGANISATIONS, *ORGANISATIONS)):
        sqlite_instance.upload(f"tool-{number}", "1.0", actor=Actor("alice", OPERATOR.scopes))
        hand_over(sqlite_instance, f"tool-{number}", organisation=acme)
    for name in PEOPLE:
        User.objects.get_or_create(username=name)
    pages.write_when_changed()
    wrong = []

    for number in range(STEPS):
        deed(sqlite_instance, chance, number)
        if chance.random() < 0.4:
            pages.write_when_changed()
            wrong += writer(sqlite_instance).outdated()
            assert [] == wrong, (seed, number, AuditEvent.objects.latest("pk").action)

    for last in (
        lambda: teams.delete_team(publisher, "acme", "makers", OPERATOR, deadline=soon()),
        lambda: actions.remove_member(publisher, "umbra", "bob", OPERATOR, deadline=soon()),
    ):
        with suppress(Outcome):
            last()
        pages.write_when_changed()
        assert [] == writer(sqlite_instance).outdated()
    done = set(AuditEvent.objects.values_list("action", flat=True))
    assert {"transfer-project", "set-team-role", "add-role", "delete-team"} <= done, done


def crowd(count: int) -> None:
    """So many people with a project each, as rows alone."""
    now = SystemClock().now()
    users = User.objects.bulk_create([User(username=f"u{n}") for n in range(count)])
    rows = [Project(index="main", name=f"p{n}", display=f"p{n}", created=now) for n in range(count)]
    roles = zip(Project.objects.bulk_create(rows), users, strict=True)
    Role.objects.bulk_create([Role(project=project, user=user, role="owner") for project, user in roles])


def test_of_others_nothing_is_read(sqlite_instance: Instance) -> None:
    crowd(50)
    pages = writer(sqlite_instance)
    pages.write_when_changed()
    sqlite_instance.upload("tool", "1.0")

    with CaptureQueriesContext(connection) as queries:
        written = pages.write_when_changed()

    asked = [row["sql"] for row in queries.captured_queries if "JOIN" in row["sql"]]
    assert 1 == written and asked
    assert [] == [sql for sql in asked if " IN (" not in sql], "every one is narrowed to somebody"


@pytest.mark.parametrize("how", ["too much was done", "the database went back", "an earlier release wrote"])
def test_everybody_is_looked_at_when_it_cannot_be_told_whom_it_touches(sqlite_instance: Instance, how: str) -> None:
    crowd(1)
    pages = writer(sqlite_instance)
    pages.write_when_changed()
    sqlite_instance.upload("tool", "1.0")
    pages.write_when_changed()
    Role.objects.filter(user__username="u0").delete()  # behind everybody's back

    now = SystemClock().now()
    event: dict[str, Any] = {"created": now, "actor": "x", "action": "x", "subject": "x"}
    if how == "too much was done":
        head = AuditEvent.objects.latest("position").position or 0
        rows = [AuditEvent(**event, position=head + n + 1) for n in range(ROWS_MAX + 1)]
        AuditEvent.objects.bulk_create(rows)
        AuditHead.objects.update(position=head + len(rows))
    elif how == "the database went back":
        Counter.objects.update(value=0)
    else:
        AuditEvent.objects.create(**event)
        sqlite_instance.upload("tool", "1.1")

    assert 1 == pages.write_when_changed()
    assert () == read_person(sqlite_instance.store, "user", "u0").parts


def test_now_and_then_everybody_is_looked_at_also_when_nothing_new_is_stored(sqlite_instance: Instance) -> None:
    crowd(1)
    clock = ManualClock(SystemClock().now())
    pages = writer(sqlite_instance, clock)
    pages.write_when_changed()
    Role.objects.filter(user__username="u0").delete()
    early = pages.write_when_changed()

    clock.advance(LOOK_SECONDS)

    assert (0, 1) == (early, pages.write_when_changed())
