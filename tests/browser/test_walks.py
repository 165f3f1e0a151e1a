"""Whole ways through the pages, in a real browser over a running instance: somebody who publishes, and an operator."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import wheels
from browser.judging import DESKTOP, PHONE, faults
from browser.running import PASSWORD, Instance, code_of, with_a_key
from playwright.sync_api import Browser, Page
from processes import starting, wait_for

from tests.clients.person import Person
from tests.clients.toolbox import ToolMissing, tool


@pytest.fixture(scope="module")
def twine() -> Path:
    """The real program."""
    try:
        return tool("twine") / "twine"
    except ToolMissing as problem:
        pytest.skip(str(problem))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """An instance that everybody may sign up to."""
    folder = tmp_path_factory.mktemp("walks")
    environ = {
        "HOLDFAST_DATA": str(folder / "data"),
        "HOLDFAST_LISTEN": "127.0.0.1:0",
        "HOLDFAST_UPSTREAM": "none",
        "HOLDFAST_SIGN_UP": "open",
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


def at(page: Page, running: Instance, path: str) -> None:
    """Open a page, and prove who one is where that is asked."""
    page.goto(running.url + path)
    if "reauthenticate" in page.url:
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Go on").click()
        page.wait_for_url(f"**{path}")


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
    return page.locator("pre code").first.inner_text()


def sign_up(page: Page, running: Instance, name: str, mail: str) -> None:
    """Make an account, confirm its address by the mail's link, and sign in."""
    page.goto(f"{running.url}/account/signup/")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Mail address").fill(mail)
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Make the account").click()
    page.get_by_text("too short").wait_for()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    page.get_by_role("heading", name="Confirm your address").wait_for()
    mails = running.holdfast("mail", "list", "--show")
    page.goto(running.link(mails[mails.index(mail) :]))
    page.get_by_role("button", name="Confirm the address").click()
    page.get_by_label("User name or address").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("heading", name=name).wait_for()


def set_factors_up(page: Page, running: Instance) -> list[str]:
    """An app and a passkey; the recovery codes."""
    at(page, running, "/account/2fa/totp/activate/")
    page.get_by_label("Code").fill(code_of(page.locator("pre code").inner_text()))
    page.get_by_role("button", name="Set up", exact=True).click()
    page.get_by_role("heading", name="Recovery codes").wait_for()
    codes = page.locator("pre code").inner_text().split()
    at(page, running, "/account/2fa/keys/add/")
    page.get_by_label("Sign in with it alone").check()
    page.get_by_role("button", name="Add the key").click()
    page.get_by_role("heading", name="Passkeys and security keys").wait_for()
    return codes


def test_somebody_signs_up_publishes_gives_away_and_leaves(
    page: Page, chromium: Browser, running: Instance, twine: Path, tmp_path: Path
) -> None:
    """On a telephone, in the dark."""
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.emulate_media(color_scheme="dark")
    with_a_key(page)
    sign_up(page, running, "alice", "alice@people.example")
    set_factors_up(page, running)

    at(page, running, "/manage/organisations/new/")
    page.get_by_label("Short name").fill("acme")
    page.get_by_role("button", name="Make it").click()
    page.get_by_role("heading", name="acme").wait_for()

    done = upload(twine, running, tmp_path, new_token(page, running), "tool")
    assert 0 == done.returncode, done.stdout

    bob = other(chromium)
    with_a_password(bob, running, "bob " + running.holdfast("user", "create", "bob", "--email", "bob@people.example"))
    at(page, running, "/manage/projects/main/tool/")
    page.get_by_label("User name or mail address").fill("bob")
    page.get_by_role("button", name="Invite", exact=True).click()
    page.get_by_text("bob was invited").wait_for()
    at(bob, running, "/manage/")
    bob.get_by_role("button", name="Accept main/tool").click()
    bob.get_by_role("link", name="tool", exact=True).wait_for()
    at(page, running, "/manage/projects/main/tool/")
    page.get_by_role("button", name="Make bob owner").wait_for()

    page.locator("summary", has_text="Yank").click()
    page.get_by_label("Reason, for everybody to read").first.fill("Leaks <file> handles")
    page.get_by_role("button", name="Yank it").click()
    page.get_by_text("Leaks <file> handles", exact=True).wait_for()

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


def test_somebody_signs_in_with_a_passkey_and_with_a_recovery_code(page: Page, running: Instance) -> None:
    with_a_key(page)
    sign_up(page, running, "anna", "anna@people.example")
    codes = set_factors_up(page, running)
    page.goto(f"{running.url}/account/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="anna").wait_for()  # as the script says

    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.get_by_role("heading", name="anna").wait_for()

    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("User name or address").fill("anna@people.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("heading", name="Second factor").wait_for()
    assert ([], []) == (faults(page), page.complaints)  # type: ignore[attr-defined]
    page.get_by_label("Code").fill(codes[0])
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("heading", name="anna").wait_for()


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
    at(page, running, "/admin/projects/main/bad/")
    page.locator("summary", has_text="End the quarantine").click()
    page.get_by_role("button", name="End it").click()
    page.locator("summary", has_text="Quarantine").wait_for()
