"""The pages of operators: to whom they are there, what they show, and that their forms do what the actions allow."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from browsers import Browser
from control.signing_in import signed_in
from django.contrib.auth.hashers import make_password
from doors import Answered, Door
from instances import Instance, soon

from holdfast.control.accounts.audit import append
from holdfast.control.accounts.models import AuditEvent, Invitation, Session, User
from holdfast.control.database import held_transaction
from holdfast.control.moderation.models import Report
from holdfast.control.projects.models import Project
from holdfast.control.publication.models import Event
from holdfast.tree.overrides import newest
from holdfast.tree.switches import Switch

PASSWORD = "correct horse battery staple"
PAGES = (
    "", "stuck/", "switches/", "bans/", "people/", "people/alice/", "invite/", "projects/", "projects/main/tool/",
    "moderation/", "audit/",
)  # fmt: skip
FOR_MODERATORS = ("", "projects/", "projects/main/tool/", "moderation/")
PROJECT = "/admin/projects/main/tool/"


@pytest.fixture
def door(sqlite_instance: Instance) -> Door:
    """An instance with one project, which is alice's; it asks for no second factors and lets people be invited."""
    sqlite_instance.upload("tool", "1.0")
    config = replace(sqlite_instance.config, two_factor="optional", sign_up="invited")
    return Door(replace(sqlite_instance, config=config))


def somebody(door: Door, name: str, **facts: bool) -> Browser:
    """Signed in, and just asked who they are."""
    User.objects.update_or_create(username=name, defaults={"password": make_password(PASSWORD), **facts})
    browser = signed_in(door, name)
    browser.get("/manage/tokens/new/")
    if browser.location.startswith("/account/reauthenticate/"):
        browser.submit("/account/reauthenticate/", password=PASSWORD)
    return browser


@pytest.fixture
def root(door: Door) -> Browser:
    return somebody(door, "root", is_superuser=True)


@pytest.fixture
def moderator(door: Door) -> Browser:
    return somebody(door, "mona", is_staff=True)


def token_of(page: Answered) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert found is not None, page.text
    return found[1]


def do(browser: Browser, page: str, deed: str, **fields: str) -> Answered:
    """Open a page and send one of its deeds with the page's own token against forgery."""
    return browser.post(page, {"csrfmiddlewaretoken": token_of(browser.get(page)), "do": deed, **fields})


def switches(browser: Browser) -> tuple[Switch, ...]:
    """As they stand in the tree."""
    return newest(browser.door.parts.store).switches


def report(reporter: str = "charlie") -> Report:
    project = Project.objects.get(name="tool")
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Report.objects.create(project=project, kind="malware", text="<b>bad</b>", reporter=reporter, created=now)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_there_for_operators_alone(door: Door, root: Browser, moderator: Browser, path: str):
    """Whoever else asks gets the very answer that an address gives which nobody made."""
    alice, visitor = somebody(door, "alice"), Browser(door)
    nowhere = visitor.ask("GET", "/admin/no-such-page/")

    for stranger in (alice, visitor):
        answer = stranger.ask("GET", f"/admin/{path}")
        assert (404, nowhere.text) == (answer.status, answer.text)
    assert 200 == root.ask("GET", f"/admin/{path}").status
    assert (200 if path in FOR_MODERATORS else 404) == moderator.ask("GET", f"/admin/{path}").status


def test_what_a_stranger_sends_is_answered_alike_everywhere(door: Door):
    """A form with a good token against forgery, and one without."""
    alice = somebody(door, "alice")
    token = token_of(alice.get("/manage/tokens/new/"))
    fields = {"csrfmiddlewaretoken": token, "do": "freeze", "reason": "x"}

    signed = {alice.post(f"/admin/{path}", fields).status for path in (*PAGES, "no-such-page/")}
    bare = {Browser(door).post(f"/admin/{path}", {"do": "off"}).status for path in (*PAGES, "no-such-page/")}

    assert ({404}, {403}) == (signed, bare)
    assert User.objects.get(username="alice").is_active


def test_an_operator_without_the_second_factor_is_sent_to_set_it_up(sqlite_instance: Instance):
    root = signed_in(Door(sqlite_instance), "root", is_superuser=True)

    root.get("/admin/")

    assert "/account/2fa/" == root.location


def test_what_is_sensitive_asks_once_more_who_it_is(door: Door):
    root = signed_in(door, "root", is_superuser=True, password=make_password(PASSWORD))

    for path in ("switches/", "bans/", "people/alice/", "invite/", "projects/main/tool/", "moderation/"):
        root.get(f"/admin/{path}")
        assert root.location.startswith("/account/reauthenticate/"), path


def test_the_overview_tells_how_things_are(root: Browser):
    text = root.get("/admin/").text.replace("<wbr>", "")

    for shown in ("Up to date", "1 file", "tool-1.0", "publish-file", "Nothing waits for a verdict"):
        assert shown in text


def test_what_is_stuck_is_shown(root: Browser):
    Event.objects.update(held=True, error="cannot be rendered: <x>")

    assert "published as held" in root.get("/admin/").text
    page = root.get("/admin/stuck/")
    assert "cannot be rendered: &lt;x&gt;" in page.text.replace("<wbr>", "")


def test_a_switch_is_thrown_prolonged_and_taken_back(root: Browser):
    page = "/admin/switches/"

    off = do(root, page, "off", capability="new-projects", scope="main", reason="A <flood>", hours="6")
    assert (200, True) == (off.status, "A &lt;flood&gt;" in off.text)
    (switch,) = switches(root)
    assert ("new-projects", "main", "A <flood>", "root") == (switch.capability, switch.scope, switch.reason, switch.by)

    do(root, page, "extend", capability="new-projects", scope="main", hours="forever")
    do(root, page, "on", capability="new-projects", scope="main")

    done = AuditEvent.objects.filter(actor="root", subject__startswith="new-projects").values_list("action", flat=True)
    assert ["switch-off", "extend-switch", "switch-on"] == list(done)


def test_the_page_that_throws_a_switch_shows_what_is_in_force_now(root: Browser):
    """Banners follow the store within half a second; whoever has just decided something is not shown the old ones."""
    page, banner = "/admin/switches/", 'role="status"><p>Search is switched off'

    thrown = do(root, page, "off", capability="search", reason="A flood", hours="6")
    taken_back = do(root, page, "on", capability="search", scope="*")

    assert (True, False) == (banner in thrown.text, banner in taken_back.text)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"capability": "installs", "reason": "x"}, "no capability"),
        ({"capability": "uploads"}, "The field reason is empty"),
        ({"capability": "uploads", "reason": "x", "scope": "nowhere"}, "There is no index"),
        ({"capability": "sign-up", "reason": "x", "scope": "main"}, "whole site only"),
        ({"capability": "uploads", "reason": "x", "hours": "5"}, "A switch ends after"),
    ],
)
def test_a_switch_that_makes_no_sense_is_refused_and_kept_for_correction(
    root: Browser, fields: dict[str, str], said: str
):
    page = do(root, "/admin/switches/", "off", **fields)

    assert (400, True) == (page.status, said in page.text.replace("&#39;", "'"))
    assert not switches(root)


def test_a_person_is_frozen_and_freed(door: Door, root: Browser):
    somebody(door, "bob")
    page = "/admin/people/bob/"

    frozen = do(root, page, "freeze", reason="spam")
    assert (200, True) == (frozen.status, "bob is frozen" in frozen.text)
    assert not User.objects.get(username="bob").is_active
    assert not Session.objects.filter(user__username="bob").exists()

    do(root, page, "unfreeze")

    assert User.objects.get(username="bob").is_active


def test_nobody_freezes_themselves(root: Browser):
    assert 400 == do(root, "/admin/people/root/", "freeze", reason="x").status
    assert User.objects.get(username="root").is_active


def test_second_factors_are_reset_after_the_name_was_typed(door: Door, root: Browser):
    somebody(door, "bob")

    assert 400 == do(root, "/admin/people/bob/", "reset-factors", confirm="alice").status
    assert 200 == do(root, "/admin/people/bob/", "reset-factors", confirm="bob").status
    assert User.objects.get(username="bob").recovered_until is not None


def test_a_moderator_is_made_and_unmade(door: Door, root: Browser):
    bob = somebody(door, "bob")

    do(root, "/admin/people/bob/", "make-moderator")
    assert 200 == bob.get("/admin/moderation/").status
    do(root, "/admin/people/bob/", "end-moderator")

    assert 404 == bob.get("/admin/moderation/").status


def test_people_are_found_by_name_address_and_kind(door: Door, root: Browser):
    somebody(door, "bob")
    somebody(door, "mona", is_staff=True)

    assert "/admin/people/mona/" not in root.get("/admin/people/?q=bo").text
    page = root.get("/admin/people/?only=moderators").text
    assert "/admin/people/mona/" in page and "/admin/people/bob/" not in page
    assert "Nobody is found" in root.get("/admin/people/?q=no-such-person").text
    assert 404 == root.get("/admin/people/no-such-person/").status


def test_an_invitation_is_mailed_and_its_link_shown_once(root: Browser):
    page = do(root, "/admin/invite/", "invite", email="new@people.example", days="7")

    assert (200, True) == (page.status, "/account/invitation/" in page.text)
    assert "new@people.example" in root.get("/admin/people/").text
    assert not Invitation.objects.get().admin
    for wrong in ({"email": "nobody", "days": "7"}, {"email": "a@people.example", "days": "91"}):
        assert 400 == do(root, "/admin/invite/", "invite", **wrong).status


def test_a_moderator_quarantines_and_releases(moderator: Browser):
    held = do(moderator, PROJECT, "quarantine", reason="Steals tokens")
    project = Project.objects.get(name="tool")
    assert (200, "quarantined", "Steals tokens") == (held.status, project.status, project.status_reason)
    assert "tool" in moderator.get("/admin/projects/?status=quarantined&q=TOO").text

    do(moderator, PROJECT, "release")

    assert "active" == Project.objects.get(name="tool").status


def test_a_quarantine_has_a_reason(moderator: Browser):
    assert 400 == do(moderator, PROJECT, "quarantine").status
    assert "active" == Project.objects.get(name="tool").status


def test_reports_are_judged_from_the_queue(moderator: Browser):
    first = report()
    page = moderator.get("/admin/moderation/")
    assert "&lt;b&gt;bad&lt;/b&gt;" in page.text

    do(moderator, "/admin/moderation/", "judge", report=str(first.pk), verdict="quarantine", reason="It is")
    assert "quarantined" == Project.objects.get(name="tool").status
    assert "Nothing waits for a verdict" in moderator.get("/admin/moderation/").text

    second = report("bob")
    do(moderator, PROJECT, "judge", report=str(second.pk), verdict="not-malware")

    assert "active" == Project.objects.get(name="tool").status


def test_bytes_are_not_taken_down_by_a_click(moderator: Browser):
    waiting = report()

    assert 400 == do(moderator, "/admin/moderation/", "judge", report=str(waiting.pk), verdict="remove").status


def test_the_audit_trail_is_narrowed_down(root: Browser):
    assert "publish-file" in root.get("/admin/audit/?who=alice&what=publish-file&to=main/tool").text
    assert "Nothing is found" in root.get("/admin/audit/?who=alice&to=team/").text
    first = AuditEvent.objects.order_by("pk").first()
    assert first is not None
    assert "Nothing is found" in root.get(f"/admin/audit/?before={first.pk}").text
    assert 200 == root.get("/admin/audit/?before=x").status


def test_what_the_monitor_publishes_stands_apart_in_the_audit_trail(door: Door, root: Browser):
    """Some hundred lines a day, among which nobody finds the one that counts. What else it does is shown as ever."""
    facts = {"created": datetime.now(UTC), "actor": "holdfast-canary", "credential": "token"}
    with held_transaction(door.parts.clock, soon()):
        subjects = ("canary/holdfast-monitor-0a1b2c3d/x.whl", "main/tool", "canary/acme")
        append([AuditEvent(subject=one, action=f"did-{number}", **facts) for number, one in enumerate(subjects)])

    all_of_it, asked = root.get("/admin/audit/").text, root.get("/admin/audit/?to=canary/").text

    assert [False, True, True] == [f"did-{number}" in all_of_it for number in range(3)]
    assert [True, False, True] == [f"did-{number}" in asked for number in range(3)]
    assert 'href="?to=canary/holdfast-monitor-"' in all_of_it and 'href="?to=canary/holdfast-monitor-"' not in asked
