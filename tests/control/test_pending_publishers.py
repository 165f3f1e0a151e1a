"""Pending publishers: a name that is not in use yet, whoever registered it first, and the rules it is held to."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from allauth.account.models import EmailAddress
from doors import FakeUpstreams
from instances import OPERATOR, Actor, Instance, Scopes, soon
from issuer import WIDGETS, Issuer, running_issuer
from trusting import mint, opened, release

from holdfast.control.accounts.models import AuditEvent, User
from holdfast.control.mail.models import Mail
from holdfast.control.organisations.grants import Grantee, grant_index, revoke_index_grant
from holdfast.control.projects.models import Project, Role
from holdfast.control.publishers.actions import add_pending, list_pending
from holdfast.control.publishers.models import Publisher


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with running_issuer() as running:
        yield running


PENDING = {"provider": "ci", "claims": WIDGETS, "name": "Widgets"}


def test_a_pending_publisher_creates_the_project_and_its_registrant_owns_it(instance: Instance, issuer: Issuer):
    door = opened(instance, issuer)
    alice, bob = door.token("alice"), door.token("bob")
    made = door.api("POST", "publishers/pending", alice, PENDING)
    EmailAddress.objects.create(
        user=User.objects.get(username="bob"), email="bob@people.example", verified=True, primary=True
    )
    other = {"owner": "bob", "repository": "w", "workflow": "r.yml"}
    door.api("POST", "publishers/pending", bob, {**PENDING, "claims": other})

    token = mint(door, issuer.token()).json()["token"]
    uploaded = door.upload(release("1.0"), token)

    assert (made.status, made.json()["name"], made.json()["pending"], made.json()["user"]) == (
        201,
        "widgets",
        True,
        "alice",
    )
    assert uploaded.status == 200, uploaded.text
    assert list(Role.objects.values_list("user__username", "role")) == [("alice", "owner")]
    row = Publisher.objects.get()  # Bob's is gone
    assert (row.project.name if row.project else "", row.registrant) == ("widgets", None)
    assert AuditEvent.objects.filter(action="end-publisher", detail__user="bob").count() == 1
    assert list(Mail.objects.values_list("to", "subject")) == [
        ("bob@people.example", "widgets was published by somebody else")
    ]
    assert door.upload(release("1.1"), token).status == 200
    assert door.api("GET", "publishers/pending", alice).json() == {"publishers": []}


def test_whoever_uploads_first_ends_what_is_pending(sqlite_instance: Instance, issuer: Issuer):
    door = opened(sqlite_instance, issuer)
    door.api("POST", "publishers/pending", door.token("bob"), PENDING)
    token = mint(door, issuer.token()).json()["token"]

    assert door.upload(release("1.0"), door.token("alice")).status == 200
    assert Publisher.objects.count() == 0
    assert door.upload(release("1.1"), token).status == 401


def test_a_pending_publisher_is_held_to_the_rules_of_new_names(sqlite_instance: Instance, issuer: Issuer):
    upstreams = FakeUpstreams("upstream/widgets")
    door = opened(sqlite_instance, issuer, upstreams=upstreams)
    config = replace(
        door.parts.config, indexes=(replace(door.parts.config.indexes[0], layers=("upstream",)),), upstreams=()
    )
    door.parts = replace(door.parts, config=config)
    door.api("POST", "publishers/pending", door.token("alice"), PENDING)
    token = mint(door, issuer.token()).json()["token"]

    refused = door.upload(release("1.0"), token)

    assert (refused.status, "exists in upstream" in refused.text) == (403, True)
    assert Project.objects.count() == 0


def test_pending_publishers_are_bounded_and_ones_own(sqlite_instance: Instance, issuer: Issuer):
    door = opened(sqlite_instance, issuer)
    alice, bob = door.token("alice"), door.token("bob")
    reader = door.token("rita", Scopes(("main",)))
    narrow = door.token("alice", Scopes((), (), ("main/widgets",)))
    made = [door.api("POST", "publishers/pending", alice, {**PENDING, "name": f"w{number}"}) for number in range(6)]

    assert [201] * 5 + [400] == [answer.status for answer in made]
    assert door.api("POST", "publishers/pending", reader, PENDING).status == 403
    assert door.api("POST", "publishers/pending", narrow, PENDING).status == 403
    assert door.api("POST", "publishers/pending", bob, {**PENDING, "user": "alice"}).status == 400
    assert door.api("POST", "publishers/pending", bob, {**PENDING, "name": "w0"}).status == 400
    number = made[0].json()["id"]
    assert door.api("DELETE", f"publishers/pending/{number}", bob).status == 404
    assert door.api("DELETE", f"publishers/pending/{number}", alice).status == 200
    assert len(door.api("GET", "publishers/pending", alice).json()["publishers"]) == 4
    assert door.api("GET", "publishers/pending", bob).json() == {"publishers": []}


def test_a_pending_publisher_counts_while_its_registrant_may_create_projects(sqlite_instance: Instance, issuer: Issuer):
    """What somebody registered does not outlive their right to: the grant is looked at when the workflow comes."""
    publisher = sqlite_instance.publisher
    User.objects.create(username="alice")
    grant_index(publisher, "main", "create", Grantee("alice"), OPERATOR, deadline=soon())
    door = opened(sqlite_instance, issuer)
    facts = (publisher, "main", "widgets", issuer.provider(), WIDGETS, "alice")
    add_pending(*facts, Actor("alice", Scopes(), credential="session"), deadline=soon())
    before = mint(door, issuer.token()).json()["token"]

    revoke_index_grant(publisher, "main", "create", Grantee("alice"), OPERATOR, deadline=soon())
    minted, uploaded = mint(door, issuer.token()), door.upload(release("1.0"), before)
    assert (422, 403) == (minted.status, uploaded.status), uploaded.text
    assert "may not create projects any more" in minted.text
    assert [False] == [one.in_force for one in list_pending(Actor("alice", Scopes(), credential="session"))]

    grant_index(publisher, "main", "create", Grantee("alice"), OPERATOR, deadline=soon())
    assert 200 == door.upload(release("1.0"), before).status
