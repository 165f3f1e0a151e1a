"""More states of control's pages, refused forms above all, which a person looks at (shots.py) and no program judges.

What a program finds is in states.py already, once for each kind of form; these show the words of every single one.
"""

from browser.filled import ACME, LONGEST, TOOL
from browser.states import OPERATED, PROJECT, State, Steps
from playwright.sync_api import Page

ORGANISATION = f"/manage/organisations/{ACME}/"
BY_GITHUB = {"github-owner": "acme", "github-repository": "x y", "github-workflow": "release"}


def in_fold(summary: str, button: str, **fields: str) -> Steps:
    """The first fold of that name unfolded, filled in and sent."""

    def steps(page: Page) -> None:
        fold = page.locator("details", has=page.locator("summary", has_text=summary)).first
        fold.locator("summary").click()
        for name, value in fields.items():
            fold.locator(f"input[name={name}]").fill(value)
        fold.get_by_role("button", name=button, exact=True).click()
        page.get_by_role("alert").wait_for()

    return steps


def in_form(button: str, **fields: str) -> Steps:
    """The form with that button filled in and sent."""

    def steps(page: Page) -> None:
        form = page.locator("form.form", has=page.get_by_role("button", name=button, exact=True)).last
        for name, value in fields.items():
            form.locator(f"[name={name}]").fill(value)
        form.get_by_role("button", name=button, exact=True).click()
        page.get_by_role("alert").wait_for()

    return steps


REFUSALS = {
    "manage, no such invitation": State("alice", "/manage/", in_form("Accept", invitation="999", secret="not it")),
    "manage, no name for a publisher": State(
        "alice", "/manage/", in_fold("Add a publisher", "Trust it", name="///", **BY_GITHUB)
    ),
    "token for nobody's projects": State("nobody-yet", "/manage/tokens/new/"),
    "new organisation, taken": State("nobody-yet", "/manage/organisations/new/", in_form("Make it", name=ACME)),
    "organisation, nobody to invite": State("alice", ORGANISATION, in_form("Invite", to="no such person")),
    "organisation, no team": State("alice", ORGANISATION, in_form("Make the team", team="Not A Team")),
    "organisation, no robot": State("alice", ORGANISATION, in_form("Make the robot", robot="Not A Robot!")),
    "organisation, nobody for the team": State("alice", ORGANISATION, in_fold("Change who", "Add", user="nobody")),
    "project, no release deleted": State("alice", PROJECT, in_fold("Delete 2.1.1", "Delete it", confirm="2.1")),
    "project, offered to nobody": State("alice", PROJECT, in_fold("Give the project", "Offer it", to="nobody")),
    "project, not left": State("alice", PROJECT, in_fold("Give your role", "Give your role up", confirm="x")),
    "project, no publisher": State("alice", PROJECT, in_fold("Add a publisher", "Trust it", **BY_GITHUB)),
    "person, not frozen": State("oper", "/admin/people/bob/", in_fold("Freeze", "Freeze it", reason=" ")),
    "person, factors kept": State(
        "oper", "/admin/people/alice/", in_fold("Reset second factors", "Forget them", confirm="x")
    ),
    "person, no administrator": State(
        "oper", "/admin/people/bob/", in_fold("Make administrator", "Make administrator", confirm="x")
    ),
    "person, oneself": State("oper", "/admin/people/oper/"),
    "person, nobody": State("oper", "/admin/people/nobody/"),
    "one project, not quarantined": State("oper", OPERATED, in_fold("Quarantine", "Quarantine it", reason=" ")),
    "one project, no file chosen": State(
        "oper", OPERATED, in_fold("Take bytes down", "Take them down", reason="It held a key", confirm=TOOL)
    ),
    "moderation, not taken down": State(
        "oper", "/admin/moderation/", in_fold("Take down", "Take it down", reason="Steals", confirm="remove")
    ),
    "moderation, a moderator's": State("mona", "/admin/moderation/"),
    "invite, no address": State("oper", "/admin/invite/", in_form("Invite", email="x@y")),
    "bans, no network": State("oper", "/admin/bans/", in_form("Ban it", network="not one", reason="A flood")),
    "bans, oneself": State("oper", "/admin/bans/", in_form("Ban it", network="127.0.0.1", reason="A flood")),
    "bans, no name": State("oper", "/admin/bans/", in_form("Prohibit it", pattern="***", reason="Never")),
    "switches, no reason": State("oper", "/admin/switches/", in_form("Switch it off", reason=" ", banner="Soon back")),
    "projects, none": State("oper", "/admin/projects/?q=zzz&status=quarantined"),
    "audit, none": State("oper", "/admin/audit/?who=zzz"),
    "audit, narrowed": State("oper", "/admin/audit/?who=alice&to=main/acme"),
    "absent for who has no role": State(LONGEST, "/manage/projects/main/markup/"),
}
