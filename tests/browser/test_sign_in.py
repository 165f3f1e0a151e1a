"""Signing in with an organisation's provider in a real browser: what leads there does so under the strict policy."""

import re
from collections.abc import Iterator

import pytest
from browser.test_account_pages import Instance
from browser.test_public_pages import violations
from people_issuer import SECRET, PeopleIssuer, running_people_issuer
from playwright.sync_api import Page
from processes import starting, wait_for

ALICE = {"sub": "alice-1", "email": "alice@acme.example", "email_verified": True, "preferred_username": "alice"}


@pytest.fixture(scope="module")
def entered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Instance, PeopleIssuer]]:
    """An instance that is entered with Acme, and Acme."""
    folder = tmp_path_factory.mktemp("sign-in")
    (folder / "secret").write_text(SECRET)
    with running_people_issuer() as sso:
        sso.person = dict(ALICE)
        file = folder / "holdfast.toml"
        file.write_text(
            f'[sign_in.acme]\nlabel = "Acme"\nissuer = "{sso.url}"\nclient_id = "holdfast"\n'
            'client_secret_file = "secret"\ndomains = ["acme.example"]\n'
        )
        environ = {
            "HOLDFAST_CONFIG": str(file),
            "HOLDFAST_DATA": str(folder / "data"),
            "HOLDFAST_LISTEN": "127.0.0.1:0",
            "HOLDFAST_UPSTREAM": "none",
        }
        with starting(folder) as start:
            command = start("-m", "holdfast.cli.main", "serve", **environ)
            url = re.search(r"http://127\.0\.0\.1:\d+", command.says("Stop: Ctrl-C"))
            assert url
            instance = Instance(url[0], environ)
            wait_for(instance.is_answering, "the first page of control")
            yield instance, sso


def test_there_and_back_and_a_word_when_it_is_refused(page: Page, entered: tuple[Instance, PeopleIssuer]) -> None:
    instance, sso = entered
    page.goto(f"{instance.url}/account/")
    assert [] == violations(page)
    page.get_by_role("button", name="Sign in with Acme").click()
    page.wait_for_url("**/account/choose-name/")
    assert ([], "alice") == (violations(page), page.get_by_label("User name").input_value())
    page.get_by_role("button", name="Make the account").click()
    page.wait_for_url(re.compile(r"/account/$"))

    page.goto(f"{instance.url}/account/sign-ins/")
    assert [] == violations(page) and page.get_by_role("button", name="Disconnect").is_visible()
    page.context.clear_cookies()
    sso.person["email_verified"] = False
    page.goto(f"{instance.url}/account/login/")
    page.get_by_role("button", name="Sign in with Acme").click()
    page.get_by_text("does not vouch for a mail address").wait_for()
    assert [] == violations(page)


def test_the_page_in_between_can_be_read_and_clicked(page: Page, entered: tuple[Instance, PeopleIssuer]) -> None:
    instance, sso = entered
    page.route(f"{sso.url}/authorize**", lambda route: route.fulfill(status=204))  # a browser stays where it is
    page.goto(f"{instance.url}/account/login/")
    page.get_by_role("button", name="Sign in with Acme").click()

    page.get_by_role("link", name="Go on to Acme").wait_for()

    assert [] == violations(page)
