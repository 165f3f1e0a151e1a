"""The pages of management: what each shows to whom, and that their forms do what the actions allow, no more."""

import re
from dataclasses import replace

import pytest
from browsers import Browser
from control.signing_in import signed_in
from django.contrib.auth.hashers import make_password
from doors import Answered, Door
from instances import Instance

from holdfast.control.accounts.models import Token, User
from holdfast.control.organisations.models import Holding, Invitation, Membership, Organisation, Team, TeamRole
from holdfast.control.projects.models import Project, Release, Role

PROJECT = "/manage/projects/main/tool/"
PASSWORD = "correct horse battery staple"


@pytest.fixture
def door(sqlite_instance: Instance) -> Door:
    """An instance with one project, which is alice's; it asks for no second factors."""
    sqlite_instance.upload("tool", "1.0")
    sqlite_instance.upload("tool", "2.0")
    return Door(replace(sqlite_instance, config=replace(sqlite_instance.config, two_factor="optional")))


@pytest.fixture
def alice(door: Door) -> Browser:
    User.objects.filter(username="alice").update(password=make_password(PASSWORD))
    return signed_in(door)


def do(browser: Browser, page: str, deed: str, **fields: str) -> Answered:
    """Open a page and send one of its deeds with the page's own token against forgery."""
    browser.get(page)
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', browser.page.text)
    assert found is not None, browser.page.text
    return browser.post(page, {"csrfmiddlewaretoken": found[1], "do": deed, **fields})


def test_an_owner_sees_releases_people_and_what_was_done(alice: Browser):
    page = alice.get(PROJECT)

    assert 200 == page.status
    for shown in ("1.0", "2.0", "Yank 2.0", "Delete 2.0", "Invite somebody", "publish-file"):
        assert shown in page.text


def test_a_yank_with_its_reason_is_made_and_taken_back(alice: Browser):
    yanked = do(alice, PROJECT, "yank", version="1.0", reason="broken <b>here</b>")
    row = Release.objects.get(version="1.0")
    assert (200, True, "broken <b>here</b>") == (yanked.status, row.yanked, row.yanked_reason)
    assert "broken &lt;b&gt;here&lt;/b&gt;" in yanked.text

    do(alice, PROJECT, "unyank", version="1.0")

    assert not Release.objects.get(version="1.0").yanked


def test_a_deletion_needs_its_name_typed(alice: Browser):
    refused = do(alice, PROJECT, "delete-release", version="1.0", confirm="2.0")
    assert (400, True) == (refused.status, "Type 1.0 to confirm." in refused.text)
    assert Release.objects.get(version="1.0").deleted is None

    do(alice, PROJECT, "delete-release", version="1.0", confirm="1.0")

    assert Release.objects.get(version="1.0").deleted is not None


def test_a_deleted_project_leads_back_to_the_overview(alice: Browser):
    page = do(alice, PROJECT, "delete", confirm="tool")

    assert (200, "/manage/") == (page.status, alice.location)
    assert "tool is deleted" in page.text
    assert Project.objects.get(name="tool").deleted is not None


def test_a_maintainer_may_yank_and_sees_no_more(door: Door, alice: Browser):
    bob = signed_in(door, "bob")
    do(alice, PROJECT, "invite", to="bob", role="maintainer")
    do(bob, "/manage/", "accept", invitation=str(Invitation.objects.get().pk))

    page = bob.get(PROJECT)
    refused = do(bob, PROJECT, "delete", confirm="tool")

    assert "Yank 2.0" in page.text and "Delete 2.0" not in page.text and "Invite somebody" not in page.text
    assert 403 == refused.status
    assert Project.objects.get(name="tool").deleted is None
    assert 200 == do(bob, PROJECT, "yank", version="1.0").status


def test_to_an_outsider_a_project_is_absent_whatever_they_send(door: Door):
    charlie = signed_in(door, "charlie")
    charlie.get("/manage/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', charlie.page.text)
    assert token is not None

    there = charlie.get(PROJECT)
    sent = charlie.post(PROJECT, {"csrfmiddlewaretoken": token[1], "do": "yank", "version": "1.0"})
    nowhere = charlie.get("/manage/projects/main/no-such-project/")

    assert (404, 404, 404) == (there.status, sent.status, nowhere.status)
    assert not Release.objects.get(version="1.0").yanked


def test_the_last_owner_stays(alice: Browser):
    refused = do(alice, PROJECT, "leave", confirm="tool")

    assert (400, True) == (refused.status, "last owner" in refused.text)
    assert Role.objects.filter(project__name="tool", role="owner").exists()


def test_giving_ones_role_up_says_who_stays_and_is_confirmed(door: Door, alice: Browser):
    assert "You are its last owner" in alice.get(PROJECT).text
    bob = signed_in(door, "bob")
    Role.objects.create(project=Project.objects.get(name="tool"), user=User.objects.get(username="bob"), role="owner")
    assert "It stays with its owner, alice." in bob.get(PROJECT).text

    refused = do(bob, PROJECT, "leave")

    assert (400, True) == (refused.status, "Type tool to confirm" in refused.text)
    assert "You left tool" in do(bob, PROJECT, "leave", confirm="tool").text
    assert not Role.objects.filter(user__username="bob").exists()


def test_a_role_that_comes_through_an_organisation_is_left_there(door: Door, alice: Browser):
    do(alice, "/manage/organisations/new/", "make", name="acme")
    bob = signed_in(door, "bob")
    user, acme, tool = User.objects.get(username="bob"), Organisation.objects.get(), Project.objects.get(name="tool")
    Membership.objects.create(organisation=acme, user=user, role="member")
    Holding.objects.create(organisation=acme, project=tool)
    team = Team.objects.create(organisation=acme, name="release", created=acme.created)
    team.members.add(user)
    TeamRole.objects.create(team=team, project=tool, role="maintainer")

    page = bob.get(PROJECT)

    assert "you are maintainer" in page.text and "Leaving" not in page.text


def test_leaving_an_organisation_says_who_stays_and_is_confirmed(door: Door, alice: Browser):
    do(alice, "/manage/organisations/new/", "make", name="acme")
    page = "/manage/organisations/acme/"
    assert "You are its last owner" in alice.get(page).text
    bob = signed_in(door, "bob")
    user, acme = User.objects.get(username="bob"), Organisation.objects.get(name="acme")
    Membership.objects.create(organisation=acme, user=user, role="member")
    assert "It stays with its owner, alice." in bob.get(page).text

    refused = do(bob, page, "leave")

    assert (400, True) == (refused.status, "Type acme to confirm" in refused.text)
    assert "You left acme" in do(bob, page, "leave", confirm="acme").text
    assert not Membership.objects.filter(user=user).exists()


def test_nobody_is_given_a_role_unasked(door: Door, alice: Browser):
    signed_in(door, "bob")

    refused = do(alice, PROJECT, "set-role", user="bob", role="owner")

    assert (400, True) == (refused.status, "invite them" in refused.text)


def test_a_form_of_another_page_is_refused(alice: Browser):
    assert 400 == do(alice, PROJECT, "make").status
    assert 403 == alice.post(PROJECT, {"do": "yank", "version": "1.0"}).status


def test_an_organisation_is_made_and_holds_a_project(alice: Browser):
    made = do(alice, "/manage/organisations/new/", "make", name="acme", display="Acme & Sons")
    assert (200, "/manage/organisations/acme/") == (made.status, alice.location)
    assert "Acme &amp; Sons" in made.text

    do(alice, PROJECT, "offer", kind="organisation", to="acme")

    assert "acme" in alice.get(PROJECT).text
    assert Organisation.objects.get(name="acme").holdings.filter(project__name="tool").exists()


def test_teams_are_made_filled_and_emptied(alice: Browser):
    do(alice, "/manage/organisations/new/", "make", name="acme")
    page = "/manage/organisations/acme/"

    assert 200 == do(alice, page, "create-team", team="release").status
    assert "alice is in the team release now." in do(alice, page, "add-to-team", team="release", user="alice").text
    assert "alice is not in the team" in do(alice, page, "take-out-of-team", team="release", user="alice").text
    assert "The team release is gone." in do(alice, page, "delete-team", team="release").text


def new_token(browser: Browser, **fields: str) -> Answered:
    """Make a token, after proving once more who one is."""
    browser.get("/manage/tokens/new/")
    if browser.location.startswith("/account/reauthenticate/"):
        browser.submit("/account/reauthenticate/", password=PASSWORD)
    return do(browser, "/manage/tokens/new/", "make", **fields)


def test_a_token_for_a_project_is_shown_once_and_uploads_there(door: Door, alice: Browser):
    page = new_token(alice, name="release job", reach="projects", projects="main/tool", actions="upload", days="90")
    found = re.search(r"holdfast[A-Za-z0-9_-]{30,}", page.text)

    assert (200, True) == (page.status, found is not None)
    assert found is not None and found[0] not in alice.get("/manage/tokens/").text
    row = Token.objects.get(name="release job")
    assert (["main/tool"], [], False) == (row.upload_projects, row.upload_indexes, row.create_projects)
    assert row.expires is not None


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"reach": "projects", "projects": "main/other", "actions": "upload"}, "has no role on"),
        ({"reach": "projects", "actions": "upload"}, "Tick 1 to"),
        ({"reach": "index:team", "actions": "upload"}, "may not read index"),
        ({"reach": "index:main"}, "Tick at least one thing"),
        ({"reach": "everything", "actions": "upload"}, "Choose what the token reaches"),
        ({"reach": "read", "days": "4000"}, "A token lasts"),
    ],
)
def test_a_token_reaches_no_further_than_its_person(alice: Browser, fields: dict[str, str], said: str):
    page = new_token(alice, **{"name": "x", "days": "7", **fields})

    assert page.status in (400, 403)
    assert said in page.text
    assert not Token.objects.filter(name="x").exists()


def test_a_token_of_ones_own_is_revoked(alice: Browser):
    new_token(alice, name="x", reach="read", days="7")
    row = Token.objects.get(name="x")

    page = do(alice, "/manage/tokens/", "revoke", token=row.id)

    assert (200, True) == (page.status, "was revoked" in page.text)
    assert Token.objects.get(pk=row.pk).revoked is not None


def test_a_token_of_somebody_else_is_absent(door: Door, alice: Browser):
    new_token(alice, name="x", reach="read", days="7")
    row = Token.objects.get(name="x")
    bob = signed_in(door, "bob")
    new_token_page = bob.get("/manage/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', new_token_page.text)
    assert token is not None

    refused = bob.post("/manage/tokens/", {"csrfmiddlewaretoken": token[1], "do": "revoke", "token": row.id})

    assert 404 == refused.status
    assert Token.objects.get(pk=row.pk).revoked is None


def test_who_lacks_the_second_factor_asked_of_them_is_sent_to_set_it_up(sqlite_instance: Instance):
    sqlite_instance.upload("tool", "1.0")
    alice = signed_in(Door(sqlite_instance))

    alice.get(PROJECT)

    assert "/account/2fa/" == alice.location
