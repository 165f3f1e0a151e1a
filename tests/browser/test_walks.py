"""Whole ways through the pages, in a real browser over a running instance: somebody who publishes, and an operator."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import wheels
from browser.conftest import DESKTOP, PHONE
from browser.pages_list import unseen
from browser.test_account_pages import PASSWORD, Instance, code_of
from browser.test_public_pages import violations
from playwright.sync_api import Browser, Page
from processes import starting, wait_for

from tests.clients.person import Person
from tests.clients.toolbox import ToolMissing, tool

SEEN: set[str] = set()  # paths that were looked at
KEY = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def twine() -> Path:
    """The real program."""
    try:
        return tool("twine") / "twine"
    except ToolMissing as problem:
        pytest.skip(str(problem))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """An instance with its defaults: who is invited may sign up."""
    folder = tmp_path_factory.mktemp("walks")
    environ = {
        "HOLDFAST_DATA": str(folder / "data"),
        "HOLDFAST_LISTEN": "127.0.0.1:0",
        "HOLDFAST_UPSTREAM": "none",
        "HOLDFAST_TWO_FACTOR": "optional",  # so that not everybody has to set one up before they are on their way
    }
    with starting(folder) as start:
        command = start("-m", "holdfast.cli.main", "serve", **environ)
        found = re.search(r"http://127\.0\.0\.1:(\d+)", command.says("Stop: Ctrl-C"))
        assert found
        instance = Instance(f"http://localhost:{found[1]}", environ)
        wait_for(instance.is_answering, "the first page of control")
        instance.holdfast("org", "grant", "create", "--everybody")
        yield instance


def seen(page: Page, name: str) -> None:
    """No serious fault and no sideways scrolling, wide in light and narrow in dark."""
    faults = []
    for size, scheme in ((PHONE, "dark"), (DESKTOP, "light")):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        faults += [f"{name} {size['width']} {scheme}: {fault}" for fault in violations(page)]
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        faults += [f"{name} {size['width']}: {wider} pixels have to be scrolled to sideways"] if wider else []
    SEEN.add(urlsplit(page.url).path)
    assert [] == faults


def at(page: Page, running: Instance, path: str) -> None:
    """Open a page, see that everybody can use it, and prove who one is where that is asked."""
    page.goto(running.url + path)
    if "reauthenticate" in page.url:
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Go on").click()
        page.wait_for_url(f"**{path}")
    seen(page, path)


def with_a_password(page: Page, running: Instance, link: str) -> None:
    """Set the password behind an operator's link, and sign in."""
    name = link.split(maxsplit=1)[0]
    page.goto(running.link(link))
    page.get_by_label("New password").first.fill(PASSWORD)
    for again in page.get_by_label("again").all():
        again.fill(PASSWORD)
    page.locator("main form button").first.click()
    page.goto(f"{running.url}/account/login/")
    page.get_by_label("User name or address").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("heading", name=name).wait_for()


def upload(twine: Path, running: Instance, folder: Path, token: str, name: str) -> subprocess.CompletedProcess[str]:
    """`twine upload` of a new release, as somebody would."""
    filename, content = wheels.wheel(name, "1.0")
    (folder / filename).write_bytes(content)
    person = Person(folder)
    secret = {"TWINE_USERNAME": "__token__", "TWINE_PASSWORD": token}
    place = running.url.replace("localhost", "127.0.0.1") + "/legacy/"
    return person.run(
        twine, "upload", "--verbose", "--non-interactive", "--repository-url", place, filename, env=secret, check=False
    )


def other(chromium: Browser) -> Page:
    """Somebody else's browser."""
    return chromium.new_context(viewport=DESKTOP).new_page()  # type: ignore[arg-type]


def new_token(page: Page, running: Instance) -> str:
    at(page, running, "/manage/tokens/new/")
    page.get_by_label("Name", exact=True).fill("release job")
    page.get_by_label("Every project of yours in index main").check()
    page.get_by_role("button", name="Make the token").click()
    page.get_by_role("heading", name="Your new token").wait_for()
    seen(page, "the token")
    return page.locator("pre code").first.inner_text()


def test_somebody_signs_up_publishes_gives_away_and_leaves(
    page: Page, chromium: Browser, running: Instance, twine: Path, tmp_path: Path
) -> None:
    console = page.context.new_cdp_session(page)
    console.send("WebAuthn.enable")
    console.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})

    page.goto(running.link(running.holdfast("user", "invite", "alice@people.example")))
    seen(page, "sign-up")
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Mail address").fill("alice@people.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    page.goto(f"{running.url}/account/")
    page.get_by_role("heading", name="alice").wait_for()  # the link came by mail, and so confirmed the address

    at(page, running, "/account/2fa/totp/activate/")
    page.get_by_label("Code").fill(code_of(page.locator("pre code").inner_text()))
    page.get_by_role("button", name="Set up", exact=True).click()
    page.get_by_role("heading", name="Recovery codes").wait_for()
    at(page, running, "/account/2fa/keys/add/")
    page.get_by_role("button", name="Add the key").click()
    page.get_by_role("heading", name="Passkeys and security keys").wait_for()

    at(page, running, "/manage/organisations/new/")
    page.get_by_label("Short name").fill("acme")
    page.get_by_role("button", name="Make it").click()
    page.get_by_role("heading", name="acme").wait_for()
    seen(page, "organisation")

    done = upload(twine, running, tmp_path, new_token(page, running), "tool")
    assert 0 == done.returncode, done.stdout
    at(page, running, "/manage/tokens/")
    at(page, running, "/manage/history/")
    at(page, running, "/manage/")
    at(page, running, "/manage/projects/main/tool/")

    page.locator("summary", has_text="Yank").click()
    page.get_by_label("Reason, for everybody to read").first.fill("Leaks <file> handles")
    seen(page, "a dialog in a row")
    page.get_by_role("button", name="Yank it").click()
    page.get_by_text("Leaks <file> handles", exact=True).wait_for()

    bob = other(chromium)
    with_a_password(bob, running, "bob " + running.holdfast("user", "create", "bob", "--email", "bob@people.example"))
    page.get_by_label("User name or mail address").fill("bob")
    page.get_by_role("button", name="Invite", exact=True).click()
    page.get_by_text("bob was invited").wait_for()
    page.locator("summary", has_text="Give the project away").click()
    page.get_by_label("User name, or the organisation").fill("bob")
    page.get_by_role("button", name="Offer it").click()
    page.get_by_text("Nothing changes until they take it").wait_for()
    at(bob, running, "/manage/")
    bob.get_by_role("button", name="Take over").click()
    bob.get_by_text("The project was taken over").wait_for()
    page.goto(f"{running.url}/manage/projects/main/tool/")
    page.get_by_role("heading", name="Not found").wait_for()
    bob.context.close()

    page.goto(f"{running.url}/manage/organisations/acme/")
    page.locator("summary", has_text="Delete the organisation").click()
    page.get_by_label("Type acme to confirm").fill("acme")
    page.get_by_role("button", name="Delete it").click()
    page.get_by_text("The organisation acme is gone").wait_for()
    at(page, running, "/account/delete/")
    page.get_by_label("Your user name").fill("alice")
    page.get_by_role("button", name="Delete the account").click()
    page.get_by_role("heading", name="The account is deleted").wait_for()


def test_an_operator_stops_a_flood_hides_a_project_and_frees_somebody(
    page: Page, running: Instance, twine: Path, tmp_path: Path
) -> None:
    running.holdfast("user", "create", "mallory")
    token = running.holdfast("token", "create", "flood", "--user", "mallory").strip()
    assert 0 == upload(twine, running, tmp_path, token, "bad").returncode
    running.holdfast("user", "freeze", "mallory", "--reason", "spam")
    with_a_password(page, running, "oper " + running.holdfast("user", "create", "oper", "--admin"))

    at(page, running, "/admin/switches/")
    page.get_by_label("What", exact=True).select_option("new-projects")
    page.get_by_label("Reason, for everybody to read").fill("A flood of fake projects")
    page.get_by_role("button", name="Switch it off").click()
    page.locator("summary", has_text="Prolong").click()
    seen(page, "a switch in force")

    at(page, running, "/admin/projects/main/bad/")
    page.locator("summary", has_text="Quarantine").click()
    page.get_by_label("Reason, for everybody to read").first.fill("Steals tokens")
    page.get_by_role("button", name="Quarantine it").click()
    page.get_by_text("bad is quarantined").wait_for()

    at(page, running, "/admin/people/mallory/")
    page.get_by_role("button", name="Unfreeze").click()
    page.get_by_text("mallory is open again").wait_for()
    refused = upload(twine, running, tmp_path, token, "worse")
    assert (1, True) == (refused.returncode, "A flood of fake projects" in " ".join(refused.stdout.split())), (
        refused.stdout
    )
    for path in ("", "bans/", "stuck/", "people/", "invite/", "projects/", "moderation/", "audit/", "no-such-page"):
        at(page, running, f"/admin/{path}")


def test_every_page_was_looked_at() -> None:
    """What the list says of this file; the two walks above do it."""
    assert [] == unseen("test_walks", SEEN)
