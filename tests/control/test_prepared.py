"""Statements that are written once answer what the queryset itself would, on each engine, for whatever values."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from instances import Instance

from holdfast.control.accounts.models import AuditEvent, Token, User
from holdfast.control.database import connection, database_guard
from holdfast.control.prepared import Prepared, PreparedDelete, PreparedUpdate, insert
from holdfast.control.projects.models import Intent, Project, Release

NOW = datetime(2026, 11, 26, 12, 30, 15, 123456, tzinfo=UTC)


def _projects(*names: str) -> list[Project]:
    made = [Project(index="main", name=name, display=name, created=NOW) for name in names]
    for project in made:
        insert(project)
    return made


def test_a_row_of_a_model_is_the_one_that_the_queryset_gives(instance: Instance):
    _projects("alpha", "beta")
    by_name = Prepared(lambda index, name: Project.objects.filter(index=index, name=name))

    for name in ("alpha", "beta", "alpha"):
        found, wanted = by_name.first("main", name), Project.objects.get(index="main", name=name)

        assert found is not None
        assert {**vars(found), "_state": None} == {**vars(wanted), "_state": None}
        found.display = name.upper()
        found.save(update_fields=["display"])  # it is an instance like any other
    assert by_name.first("main", "gamma") is None
    assert by_name.first("main", "alpha' OR 1=1 --") is None


def test_columns_come_as_their_fields_give_them_across_relations(instance: Instance):
    person = User.objects.create(username="alice")
    Token.objects.create(id="a" * 12, digest="d", name="t", user=person, reads=["main", "ü"], created=NOW, admin=True)
    columns = ("digest", "user__username", "reads", "admin", "expires", "created", "note__actions")
    query = Prepared(lambda key: Token.objects.filter(id=key, user__is_active=True).values_list(*columns))

    assert query.first("a" * 12) == ("d", "alice", ["main", "ü"], True, None, NOW, None)
    assert query.all("b" * 12) == []


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_sequence_may_have_any_length(instance: Instance, count: int):
    made = _projects("alpha", "beta", "gamma", "delta")
    query = Prepared(
        lambda names, index: Project.objects.filter(name__in=names, index=index).values_list("pk", flat=True)
    )
    wanted = made[:count]

    for _ in range(2):
        assert sorted(query.all([project.name for project in wanted], "main")) == [project.pk for project in wanted]
        assert query.any(tuple(project.name for project in wanted), "main") == bool(count)
    assert query.all([project.name for project in wanted], "other") == []


def test_times_and_patterns_are_bound_as_django_binds_them(instance: Instance):
    (project,) = _projects("alpha")
    for version, later in (("1.0", 0), ("1.0.0", 1), ("1_0%", 2), ("10", 3)):
        insert(Release(project=project, version=version, created=NOW + timedelta(microseconds=later)))
    since = Prepared(
        lambda when: Release.objects.filter(created__gt=when).order_by("created").values_list("version", flat=True)
    )
    alike = Prepared(
        lambda stem, other: Release.objects.filter(Q(version__startswith=stem) | Q(version=other)).order_by("pk")
    )

    assert since.all(NOW) == ["1.0.0", "1_0%", "10"]
    assert since.all(NOW.astimezone(tz=None) + timedelta(microseconds=2)) == ["10"]
    assert [row.version for row in alike.all("1.0", "10")] == ["1.0", "1.0.0", "10"]
    assert [row.version for row in alike.all("1_0%", "-")] == ["1_0%"], "wildcards are no wildcards"
    assert alike.all("%", "_") == []


def test_an_insert_leaves_the_row_that_django_would(instance: Instance):
    detail = {"before": {"size": 3, "name": "ü", "gone": None}, "list": [1, 2.5, True]}
    event = AuditEvent(created=NOW, actor="alice", action="a-verb", subject="main/alpha", detail=detail)

    insert(event)

    found = AuditEvent.objects.get(pk=event.pk)
    assert found.detail == detail
    assert {**vars(found), "_state": None} == {**vars(event), "_state": None}
    assert not event._state.adding


def test_an_insert_that_breaks_a_rule_of_the_table_is_an_integrity_error(instance: Instance):
    _projects("alpha")

    with pytest.raises(IntegrityError), database_guard(), transaction.atomic():
        _projects("alpha")

    assert Project.objects.count() == 1


def test_updates_and_deletes_tell_how_many_rows_they_met(instance: Instance):
    made = _projects("alpha", "beta", "gamma")
    stamp = PreparedUpdate(lambda ids, by: (Project.objects.filter(pk__in=ids), {"last_serial": F("last_serial") + by}))
    forget = PreparedDelete(lambda ids: Intent.objects.filter(pk__in=ids))
    for digest in ("a", "b"):
        insert(Intent(sha256=digest, created=NOW, lease_until=NOW))

    assert stamp([made[0].pk, made[1].pk], 7) == 2
    assert stamp([made[0].pk], 1) == 1
    assert stamp([], 9) == 0
    assert forget([intent.pk for intent in Intent.objects.filter(sha256="a")]) == 1
    assert forget([]) == 0

    assert list(Project.objects.order_by("name").values_list("last_serial", flat=True)) == [8, 7, 0]
    assert list(Intent.objects.values_list("sha256", flat=True)) == ["b"]


def test_rows_that_others_refer_to_are_not_deleted_past_django(instance: Instance):
    with pytest.raises(AssertionError, match="refer"):
        PreparedDelete(lambda ids: Project.objects.filter(pk__in=ids))([1])


def test_nothing_is_kept_of_an_answer(instance: Instance):
    (project,) = _projects("alpha")
    query = Prepared(lambda key: Project.objects.filter(pk=key).values_list("status", flat=True))
    assert query.first(project.pk) == "active"

    Project.objects.filter(pk=project.pk).update(status="archived")

    assert query.first(project.pk) == "archived"


def test_the_sql_is_written_once(instance: Instance):
    built: list[Any] = []

    def build(name: Any) -> Any:
        built.append(name)
        return Project.objects.filter(name=name)

    query = Prepared(build)

    for name in ("alpha", "beta", "gamma"):
        query.first(name)

    assert len(built) == 1
    assert connection().vendor in ("sqlite", "postgresql")
