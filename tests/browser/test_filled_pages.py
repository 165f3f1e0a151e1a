"""Every page of control's, filled and in trouble, is one that everybody can use: see judging.py for what that is."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from browser.filled import LONGEST, PASSWORD, SOLID, TOOL, Filled, filled
from browser.judging import PHONE, faults, invalid
from browser.pages_list import unseen
from browser.refusals import REFUSALS
from browser.shots import FOLDER, keep
from browser.states import STATES, State, at_acme, with_a_token
from people_issuer import PeopleIssuer, running_people_issuer
from playwright.sync_api import Browser, Page, Response

SEEN: set[str] = set()  # paths that were looked at
STOPS_MAX = 80  # of the Tab key on the way to something
FOCUSED = "((one) => (one.labels?.[0] ?? one).textContent.trim())(document.activeElement)"
XAVIER = {"sub": "x-1", "email": "xavier@acme.example", "email_verified": True, "preferred_username": "xavier"}


@pytest.fixture(scope="session")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Filled, PeopleIssuer]]:
    """The instance and its provider. Made before any browser: Django is not asked beside an event loop."""
    with running_people_issuer() as sso, filled(tmp_path_factory.mktemp("filled"), sso) as made:
        sso.person = dict(XAVIER)
        yield made, sso


def come_in(page: Page, there: Filled, who: str) -> None:
    """Be that person from here on."""
    if who:
        known = {"holdfast": there.cookies[who], "holdfast_me": "1"}
        page.context.add_cookies([{"name": name, "value": value, "url": there.url} for name, value in known.items()])


def pages_sent(page: Page) -> list[Response]:
    """Grows by every page that is sent from now on."""
    sent: list[Response] = []
    page.on("response", lambda one: sent.append(one) if one.request.is_navigation_request() else None)
    return sent


LOOKED_AT = {**STATES, **REFUSALS} if FOLDER else STATES


@pytest.mark.parametrize("state", LOOKED_AT.values(), ids=LOOKED_AT.keys())
def test_everybody_can_use_the_page(
    page: Page, there: tuple[Filled, PeopleIssuer], state: State, request: pytest.FixtureRequest
) -> None:
    """No serious violation light and dark, wide and narrow; nothing sideways at 320; all of it by keyboard; valid."""
    made, _sso = there
    come_in(page, made, state.who)
    sent = pages_sent(page)
    page.goto(made.url + state.path)
    state.steps(page)
    page.wait_for_load_state()
    SEEN.add(urlsplit(page.url).path)
    keep(page, request.node.callspec.id)

    not_valid = [] if state.leads_away else invalid(sent[-1].body())
    assert ([], []) == (not_valid, faults(page))


def test_there_and_back_and_a_word_when_it_is_refused(page: Page, there: tuple[Filled, PeopleIssuer]) -> None:
    """Somebody comes with a provider of their organisation; the strict policy lets what leads there through."""
    made, sso = there
    sso.person = {**XAVIER, "sub": "yvonne", "email": "yvonne@acme.example", "preferred_username": "yvonne"}
    page.goto(f"{made.url}/account/")
    at_acme(page)
    assert "yvonne" == page.get_by_label("User name").input_value()
    page.get_by_role("button", name="Make the account").click()
    page.wait_for_url(re.compile(r"/account/$"))
    page.goto(f"{made.url}/account/sign-ins/")
    page.get_by_role("button", name="Disconnect").wait_for()

    page.context.clear_cookies()
    sso.person["email_verified"] = False
    page.goto(f"{made.url}/account/login/")
    page.get_by_role("button", name="Sign in with Acme").click()
    page.get_by_text("does not vouch for a mail address").wait_for()
    assert [] == faults(page)
    SEEN.add(urlsplit(page.url).path)


def test_without_script_somebody_signs_in_makes_a_token_and_yanks(
    chromium: Browser, there: tuple[Filled, PeopleIssuer]
) -> None:
    made, _sso = there
    context = chromium.new_context(java_script_enabled=False, viewport=PHONE)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{made.url}/manage/tokens/new/")
    page.get_by_label("User name or address").fill("bob")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    with_a_token(page)
    assert page.locator("pre code").first.inner_text().startswith("holdfast_")

    page.goto(f"{made.url}/manage/projects/main/{TOOL}/")
    page.locator("summary", has_text="Yank").first.click()
    page.get_by_label("Reason, for everybody to read").first.fill("Without a script")
    page.get_by_role("button", name="Yank it").first.click()
    page.get_by_text("Without a script").wait_for()

    page.locator("summary", has_text="Give your role up").click()
    page.get_by_label(f"Type {TOOL} to confirm").fill("another name")
    page.get_by_role("button", name="Give your role up").click()
    page.get_by_role("alert").get_by_role("link", name=f"Type {TOOL} to confirm.").click()
    assert "another name" == page.evaluate("document.activeElement.value"), "the way to what is wrong leads into it"
    context.close()


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what is called so has the focus."""
    told = []
    for _ in range(STOPS_MAX):
        page.keyboard.press("Tab")
        told.append(page.evaluate(FOCUSED))
        if told[-1] == name:
            return
    raise AssertionError(f"{name} is not reached: {told}")


def test_by_keyboard_alone_somebody_signs_in_and_yanks(page: Page, there: tuple[Filled, PeopleIssuer]) -> None:
    """Tab, Enter and letters: to a field, through a form, into what unfolds."""
    made, _sso = there
    page.goto(f"{made.url}/account/login/?next=/manage/projects/main/{SOLID}/")
    tab_to(page, "User name or address")
    page.keyboard.type(LONGEST)
    tab_to(page, "Password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")

    page.get_by_role("heading", name=SOLID).wait_for()
    tab_to(page, "Yank 1.0")
    page.keyboard.press("Enter")
    tab_to(page, "Reason, for everybody to read optional")
    page.keyboard.type("By keyboard")
    tab_to(page, "Yank it")
    page.keyboard.press("Enter")

    page.get_by_text("By keyboard").wait_for()


def test_every_page_was_looked_at() -> None:
    """What the list of pages says; the tests above do it."""
    assert [] == unseen(SEEN)
