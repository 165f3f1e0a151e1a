"""Every page of control's in the states it can be in: who opens which address, and what they do there first."""

from collections.abc import Callable
from dataclasses import dataclass

from browser.filled import ACME, LONGEST, PASSWORD, SOLID, TOOL
from playwright.sync_api import Page

Steps = Callable[[Page], None]


def nothing(_page: Page) -> None:
    pass


@dataclass(frozen=True)
class State:
    """`who` is a name of `Filled.cookies`, "" for a visitor."""

    who: str
    path: str
    steps: Steps = nothing
    leads_away: bool = False  # so that what was sent cannot be read again; control's lane holds that it is valid


def filled_in(button: str, **fields: str) -> Steps:
    """A form filled in and sent, by the names of its fields."""

    def steps(page: Page) -> None:
        for name, value in fields.items():
            page.locator(f"main input[name={name}]:visible").last.fill(value)
        page.get_by_role("button", name=button, exact=True).click()

    return steps


def unfolded(page: Page) -> None:
    """Whatever can be unfolded."""
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")


def followed(link: str) -> Steps:
    return lambda page: page.get_by_role("link", name=link).first.click()


def at_acme(page: Page) -> None:
    """Back from the provider, for the first time."""
    page.get_by_role("button", name="Sign in with Acme").click()
    page.wait_for_url("**/account/choose-name/")


def with_a_name_that_is_taken(page: Page) -> None:
    at_acme(page)
    filled_in("Make the account", username="alice")(page)


def on_the_way_to_acme(page: Page) -> None:
    """The page that leads there, in a browser that stays where it is."""
    page.route("**/authorize**", lambda route: route.fulfill(status=204))
    page.get_by_role("button", name="Sign in with Acme").click()
    page.get_by_role("link", name="Go on to Acme").wait_for()


def with_a_token(page: Page) -> None:
    page.get_by_label("Every project of yours in index main").check()
    filled_in("Make the token", name="laptop")(page)
    page.get_by_role("heading", name="Your new token").wait_for()


def switched_off(page: Page) -> None:
    page.get_by_label("What", exact=True).select_option("new-projects")
    filled_in("Switch it off", reason="A flood of fake projects since this morning; we are looking into it")(page)
    page.get_by_role("button", name="Switch new-projects on").wait_for()
    unfolded(page)


def refused_in_a_fold(page: Page) -> None:
    page.locator("summary", has_text="Delete the project").click()
    filled_in("Delete it", confirm="another name")(page)
    page.get_by_role("link", name="to confirm.").wait_for()


def refused_beside_where(page: Page) -> None:
    page.get_by_label("What", exact=True).select_option("search")
    filled_in("Switch it off", scope="main/acme-*", reason="A flood")(page)
    page.get_by_role("alert").wait_for()


def refused_as_a_whole(page: Page) -> None:
    """By what the page is about, and with a long name in the sentence."""
    page.locator("summary", has_text="Delete the organisation").click()
    filled_in("Delete it", confirm=ACME)(page)
    page.get_by_role("alert").get_by_role("link", name="still holds").wait_for()


PROJECT, HELD = f"/manage/projects/main/{TOOL}/", f"/manage/projects/main/{SOLID}/"
OPERATED = f"/admin/projects/main/{TOOL}/"
NO_KEY = "no-such-key"

STATES = {
    "sign in": State("", "/account/login/"),
    "sign in, refused": State("", "/account/login/", filled_in("Sign in", login="alice", password="wrong")),
    "second factor": State("", "/account/login/", filled_in("Sign in", login="alice", password=PASSWORD)),
    "sign up": State("", "/account/signup/"),
    "sign up, refused": State(
        "", "/account/signup/", filled_in("Make the account", username="Alice Ä", email="x@y", password1="short")
    ),
    "frozen": State("", "/account/inactive/"),
    "invitation over": State("", f"/account/invitation/{NO_KEY}/"),
    "let in": State("", f"/account/let-in/{NO_KEY}/"),
    "mail on its way": State("", "/account/confirm-email/"),
    "confirm, over": State("", f"/account/confirm-email/{NO_KEY}/"),
    "new password": State("", "/account/password/reset/"),
    "new password, mail": State("", "/account/password/reset/done/"),
    "new password, over": State("", f"/account/password/reset/key/1-{NO_KEY}/"),
    "new password, set": State("", "/account/password/reset/key/done/"),
    "on to a provider": State("", "/account/login/", on_the_way_to_acme, leads_away=True),
    "choose a name": State("", "/account/login/", at_acme),
    "choose a name, taken": State("", "/account/login/", with_a_name_that_is_taken),
    "account": State("alice", "/account/"),
    "account, new": State("nobody-yet", "/account/"),
    "addresses": State("alice", "/account/email/"),
    "addresses, refused": State("alice", "/account/email/", filled_in("Add", email="alice@people.example")),
    "password": State("alice", "/account/password/change/"),
    "password, refused": State(
        "alice",
        "/account/password/change/",
        filled_in("Change the password", oldpassword="x", password1="y", password2="z"),
    ),
    "sessions": State("alice", "/account/sessions/"),
    "sign out": State("alice", "/account/logout/"),
    "delete, not yet": State("alice", "/account/delete/"),
    "delete": State("nobody-yet", "/account/delete/"),
    "delete, refused": State("nobody-yet", "/account/delete/", filled_in("Delete the account", name="nobody")),
    "factors": State("alice", "/account/2fa/"),
    "factors, none": State("nobody-yet", "/account/2fa/"),
    "app": State("nobody-yet", "/account/2fa/totp/activate/"),
    "app, refused": State("nobody-yet", "/account/2fa/totp/activate/", filled_in("Set up", code="000000")),
    "app, away": State("alice", "/account/2fa/totp/deactivate/"),
    "codes": State("alice", "/account/2fa/recovery-codes/"),
    "codes, new": State("alice", "/account/2fa/recovery-codes/generate/"),
    "keys": State("alice", "/account/2fa/keys/"),
    "keys, none": State("nobody-yet", "/account/2fa/keys/"),
    "key": State("alice", "/account/2fa/keys/add/"),
    "key, renamed": State("alice", "/account/2fa/keys/", followed("Rename")),
    "key, away": State("alice", "/account/2fa/keys/", followed("Remove")),
    "providers": State("alice", "/account/sign-ins/"),
    "providers, none": State("nobody-yet", "/account/sign-ins/"),
    "still you": State("unproven", "/account/reauthenticate/"),
    "still you, refused": State("unproven", "/account/reauthenticate/", filled_in("Go on", password="x")),
    "still you, code": State("alice", "/account/2fa/reauthenticate/"),
    "still you, key": State("alice", "/account/2fa/keys/reauthenticate/"),
    "manage": State("alice", "/manage/", unfolded),
    "manage, invited": State("nobody-yet", "/manage/"),
    "manage, offered": State(LONGEST, "/manage/"),
    "what you did": State("alice", "/manage/history/"),
    "tokens": State("alice", "/manage/tokens/"),
    "tokens, none": State("nobody-yet", "/manage/tokens/"),
    "token": State("alice", "/manage/tokens/new/"),
    "token, refused": State("alice", "/manage/tokens/new/", filled_in("Make the token", name="x")),
    "token, made": State("alice", "/manage/tokens/new/", with_a_token),
    "new organisation": State("alice", "/manage/organisations/new/"),
    "new organisation, refused": State("alice", "/manage/organisations/new/", filled_in("Make it", name="Not A Name")),
    "organisation": State("alice", f"/manage/organisations/{ACME}/", unfolded),
    "organisation, refused": State("alice", f"/manage/organisations/{ACME}/", refused_as_a_whole),
    "organisation, as a member": State(LONGEST, f"/manage/organisations/{ACME}/", unfolded),
    "project, unfolded": State("alice", PROJECT, unfolded),
    "project, refused": State("alice", PROJECT, filled_in("Invite", to="no such person")),
    "project, refused where it was folded": State("alice", PROJECT, refused_in_a_fold),
    "project, held": State("alice", HELD),
    "project, as a maintainer": State(LONGEST, HELD, unfolded),
    "project, quarantined": State("alice", "/manage/projects/main/bad/"),
    "nowhere": State("oper", "/admin/no-such-page"),
    "overview": State("oper", "/admin/"),
    "overview, moderator's": State("mona", "/admin/"),
    "moderation": State("oper", "/admin/moderation/", unfolded),
    "projects": State("oper", "/admin/projects/"),
    "one project": State("oper", OPERATED, unfolded),
    "one project, quarantined": State("oper", "/admin/projects/main/bad/"),
    "people": State("oper", "/admin/people/"),
    "people, none": State("oper", "/admin/people/?q=zzz"),
    "person": State("oper", "/admin/people/alice/", unfolded),
    "person, frozen": State("oper", "/admin/people/mallory/"),
    "invite": State("oper", "/admin/invite/"),
    "invited": State("oper", "/admin/invite/", filled_in("Invite", email="somebody@new.example")),
    "bans": State("oper", "/admin/bans/"),
    "stuck": State("oper", "/admin/stuck/"),
    "audit": State("oper", "/admin/audit/"),
    "switches": State("oper", "/admin/switches/"),
    "switches, refused": State("oper", "/admin/switches/", refused_beside_where),
    "switches, off": State("oper", "/admin/switches/", switched_off),
    "overview, off": State("oper", "/admin/"),
}
