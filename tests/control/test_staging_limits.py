"""How much may wait in publishing sessions: bytes by the quotas, sessions by who opens them."""

import hashlib

import pytest
from doors import Door
from instances import OPERATOR, Instance, Scopes, soon
from sessions import SDIST, WHEEL, ask, opened, stage

from holdfast.config import IndexConfig
from holdfast.control.accounts.actor import Actor, Identity
from holdfast.control.accounts.models import Attempts
from holdfast.control.projects.actions import remove_bytes
from holdfast.control.projects.models import Project
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.publishers.models import Publisher
from holdfast.control.retention.quotas import set_quota
from holdfast.control.staging import sessions
from holdfast.control.staging.models import StagedFile, StagingSession
from holdfast.control.staging.sessions import LIVE_MAX

SIZES = len(WHEEL[1]), len(SDIST[1])


@pytest.mark.parametrize("name", ["demo-pkg", ""], ids=["of the project", "of the index"])
def test_what_waits_counts_towards_a_quota(sqlite_instance: Instance, name: str):
    door = Door(sqlite_instance)
    alice = door.token("alice")
    set_quota(sqlite_instance.publisher, "main", name, sum(SIZES) - 1, OPERATOR, deadline=soon())
    session, other = opened(door, alice), opened(door, alice, version="2.0")

    assert stage(door, alice, session, WHEEL).status == 200
    refused = stage(door, alice, session, SDIST)

    assert refused.status == 400
    assert f"past the quota of {'project' if name else 'index'}" in refused.text
    assert StagedFile.objects.count() == 1
    assert stage(door, alice, session, WHEEL).status == 200, "what is there already takes no more room"
    assert ask(door, alice, session, "DELETE").status == 200
    assert StagingSession.objects.get(pk=other).is_live
    again = opened(door, alice)
    assert stage(door, alice, again, SDIST).status == 200


def test_publishers_do_not_use_up_each_others_sessions(sqlite_instance: Instance):
    """A publisher has no user: all of them together would be one that opens too many."""
    now = sqlite_instance.publisher.clock.now()
    actors = []
    for name in ("tool", "other"):
        sqlite_instance.upload(name, "1.0")
        project = Project.objects.get(name=name)
        row = Publisher.objects.create(index="main", name=name, project=project, by_operator=True, created=now)
        who = Identity("ci", "github", "https://ci.example", f"ci:acme/{name}", (), (row.pk,))
        actors.append(Actor("", Scopes(upload_projects=(f"main/{name}",)), "t", credential="publisher", identity=who))

    def open_for(actor: Actor, name: str, version: str) -> str:
        return sessions.open_session(sqlite_instance.publisher, "main", name, name, version, actor, deadline=soon())

    first = StagingSession.objects.get(pk=open_for(actors[0], "tool", "2.0"))
    more = [{**values_of(first), "id": f"{number}", "version_key": f"3.{number}"} for number in range(1, LIVE_MAX)]
    StagingSession.objects.bulk_create(StagingSession(**values) for values in more)

    with pytest.raises(NotAccepted, match="'ci:acme/tool' has 200 sessions open"):
        open_for(actors[0], "tool", "2.1")
    assert open_for(actors[1], "other", "2.0")


def values_of(session: StagingSession) -> dict[str, object]:
    return {field.attname: getattr(session, field.attname) for field in StagingSession._meta.concrete_fields}


def test_a_session_that_is_not_published_costs_no_new_project(sqlite_instance: Instance):
    """However often it is tried. What is published counts once."""
    door = Door(sqlite_instance).among(IndexConfig("main", rules="public"))
    alice = door.token("alice")
    session = opened(door, alice)
    for made in (WHEEL, SDIST):
        assert stage(door, alice, session, made).status == 200
    digest = hashlib.sha256(WHEEL[1]).hexdigest()
    remove_bytes(sqlite_instance.publisher, (digest,), "a key inside", False, OPERATOR, deadline=soon())

    refused = [ask(door, alice, session, "POST", "publish").status for _ in range(3)]

    assert (refused, counted()) == ([409] * 3, [])
    assert ask(door, alice, session, "DELETE", f"files/{WHEEL[0]}").status == 200
    assert ask(door, alice, session, "POST", "publish").status == 200
    assert [1] == counted()


def counted() -> list[int]:
    return [count for count in Attempts.objects.values_list("count", flat=True) if count]
