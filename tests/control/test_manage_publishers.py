"""Trusted publishers on the pages of management: owners add and remove them, and people wait for names of their own."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from browsers import Browser
from control.signing_in import signed_in
from doors import Answered, Door
from instances import OPERATOR, Instance, soon
from issuer import WIDGETS, Issuer, running_issuer
from trusting import mint, opened, release

from holdfast.control.accounts.models import User
from holdfast.control.organisations.grants import Grantee, grant_index
from holdfast.control.projects.models import Role
from holdfast.control.publishers.models import Publisher

PROJECT = "/manage/projects/main/widgets/"
FILLED_IN = {"provider": "ci", **{f"ci-{name}": value for name, value in WIDGETS.items()}}


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with running_issuer() as running:
        yield running


@pytest.fixture
def door(sqlite_instance: Instance, issuer: Issuer) -> Door:
    """An instance with alice's project; it asks for no second factors."""
    sqlite_instance.upload("widgets", "1.0")
    return opened(replace(sqlite_instance, config=replace(sqlite_instance.config, two_factor="optional")), issuer)


def do(browser: Browser, page: str, deed: str, **fields: str) -> Answered:
    """Open a page and send one of its deeds with the page's own token against forgery."""
    browser.get(page)
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', browser.page.text)
    assert found is not None, browser.page.text
    return browser.post(page, {"csrfmiddlewaretoken": found[1], "do": deed, **fields})


def test_an_owner_adds_a_publisher_that_publishes_and_removes_it(door: Door, issuer: Issuer):
    alice = signed_in(door)
    assert "No trusted publishers" in alice.get(PROJECT).text

    added = do(alice, PROJECT, "add-publisher", **FILLED_IN)

    assert (200, True) == (added.status, "repository: widgets" in added.text)
    token = mint(door, issuer.token()).json()["token"]
    assert 200 == door.upload(release("2.0"), token).status
    assert "owner_id: 11" in alice.get(PROJECT).text
    removed = do(alice, PROJECT, "remove-publisher", publisher=str(Publisher.objects.get().pk))
    assert (200, True) == (removed.status, "No trusted publishers" in removed.text)
    assert 401 == door.upload(release("3.0"), token).status


def test_every_field_of_the_service_is_asked_for(door: Door):
    page = signed_in(door).get(PROJECT).text

    for name in ("owner", "repository", "workflow", "environment", "owner_id", "repository_id"):
        assert f'name="ci-{name}"' in page


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (FILLED_IN | {"ci-owner": "<b>"}, "Owner is not as ci has them; a good one: acme."),
        (FILLED_IN | {"ci-workflow": ""}, "Workflow is not as ci has them"),
        (FILLED_IN | {"provider": "other"}, "This form is not of this page"),
        ({}, "The field provider is empty"),
    ],
)
def test_a_wrong_description_is_told_on_the_page(door: Door, fields: dict[str, str], said: str):
    page = do(signed_in(door), PROJECT, "add-publisher", **fields)

    assert (400, True) == (page.status, said in page.text)
    assert not Publisher.objects.exists()


def test_a_maintainer_neither_sees_nor_sets_publishers(door: Door):
    alice, bob = signed_in(door), signed_in(door, "bob")
    do(alice, PROJECT, "add-publisher", **FILLED_IN)
    row = Publisher.objects.get()
    Role.objects.create(project=row.project, user=User.objects.get(username="bob"), role="maintainer")

    page = bob.get(PROJECT)
    refused = do(bob, PROJECT, "remove-publisher", publisher=str(row.pk))

    assert (200, False) == (page.status, "Trusted publishers" in page.text)
    assert (403, True) == (refused.status, Publisher.objects.exists())


def test_a_publisher_of_another_project_is_absent(door: Door):
    door.instance.upload("gadgets", "1.0")
    alice = signed_in(door)
    do(alice, "/manage/projects/main/gadgets/", "add-publisher", **FILLED_IN)

    absent = do(alice, PROJECT, "remove-publisher", publisher=str(Publisher.objects.get().pk))

    assert (404, True) == (absent.status, Publisher.objects.exists())


def test_without_a_provider_the_page_says_nothing_of_publishers(sqlite_instance: Instance):
    sqlite_instance.upload("widgets", "1.0")
    config = replace(sqlite_instance.config, two_factor="optional")
    alice = signed_in(Door(replace(sqlite_instance, config=config)))

    assert "Trusted publishers" not in alice.get(PROJECT).text
    assert "Pending publishers" not in alice.get("/manage/").text


def test_who_may_create_projects_registers_one_for_a_new_name(door: Door, issuer: Issuer):
    root = signed_in(door, "root")
    User.objects.filter(username="root").update(is_superuser=True)

    made = do(root, "/manage/", "add-publisher", index="main", name="Fresh.Thing", **FILLED_IN)

    row = Publisher.objects.get()
    assert (200, True, True) == (made.status, "<small>in main</small>" in made.text, "first publish" in made.text)
    assert ("fresh-thing", None, "root") == (row.name, row.project, row.registrant and row.registrant.username)
    do(root, "/manage/", "remove-publisher", publisher=str(row.pk))
    assert not Publisher.objects.exists()


def test_a_private_index_is_neither_named_nor_open_to_who_may_not_read_it(door: Door):
    """Else anybody who is signed in could publish into it by a workflow of theirs."""
    bob = signed_in(door, "bob")
    assert '<option value="main">' not in bob.get("/manage/").text  # to create projects there is granted
    grant_index(door.instance.publisher, "main", "create", Grantee("bob"), OPERATOR, deadline=soon())
    grant_index(door.instance.publisher, "team", "create", Grantee("bob"), OPERATOR, deadline=soon())

    page = bob.get("/manage/")
    refused = do(bob, "/manage/", "add-publisher", index="team", name="fresh", **FILLED_IN)

    assert '<option value="main">' in page.text and '<option value="team">' not in page.text
    assert (400, False) == (refused.status, Publisher.objects.exists())
