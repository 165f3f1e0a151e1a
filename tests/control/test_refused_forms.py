"""A form that is refused, wherever it stands on its page: told beside it and on top, and what was typed stays."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from browsers import Browser
from control.signing_in import signed_in
from django.contrib.auth.hashers import make_password
from doors import Door
from instances import new_instance
from markup import Element, Markup

from holdfast.control.accounts.models import User
from holdfast.control.database import close_connection
from holdfast.control.organisations.models import Membership, Organisation, Team
from holdfast.control.publication.models import Instance as InstanceRow
from holdfast.control.web import environment
from holdfast.control.web.refused import SECRETS

PROJECT, ACME = "/manage/projects/main/tool/", "/manage/organisations/acme/"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Alice's, who owns a project and an organisation, and administers. One for all: a refusal changes nothing."""
    made = new_instance(tmp_path_factory.mktemp("refused") / "data")
    for version in ("1.0", "2.0"):
        made.upload("tool", version)
    User.objects.filter(username="alice").update(is_superuser=True, password=make_password("x"))
    acme = Organisation.objects.create(name="acme", display="Acme", created=datetime.now(UTC))
    Membership.objects.create(organisation=acme, user=User.objects.get(username="alice"), role="owner")
    Team.objects.create(organisation=acme, name="crew", created=acme.created)
    door = Door(replace(made, config=replace(made.config, two_factor="optional")))
    yield signed_in(door, just_now=True)
    close_connection()


@dataclass(frozen=True)
class Case:
    """What is sent; the id of the field that the top leads to and of the text that this field names; what is kept."""

    page: str
    sent: dict[str, str]
    leads_to: str
    says: str
    status: int = 400
    kept: dict[str, str] = field(default_factory=dict)  # by the end of the field's id
    is_folded: bool = False


CASES = {
    "a field that its deed judges": Case(
        PROJECT,
        {"do": "delete-release", "version": "2.0", "confirm": "1.0 <b>"},
        "f-delete-release-2_2e_0-confirm",
        "Type 2.0 to confirm.",
        kept={"f-delete-release-2_2e_0-confirm": "1.0 <b>"},
        is_folded=True,
    ),
    "a field that the action judges": Case(
        PROJECT,
        {"do": "offer", "kind": "organisation", "to": "no-such-organisation"},
        "f-offer-to",
        "There is no organisation",
        kept={"f-offer-to": "no-such-organisation"},
        is_folded=True,
    ),
    "an empty field": Case(
        "/admin/bans/",
        {"do": "ban", "network": "198.51.100.0/24", "days": "90"},
        "f-ban-reason",
        "The field reason is empty",
        kept={"f-ban-network": "198.51.100.0/24", "f-ban-days": "90"},
    ),
    "boxes": Case(
        "/manage/tokens/new/",
        {"do": "make", "name": "laptop", "reach": "index:main", "days": "30"},
        "f-make-actions",
        "Tick at least one thing",
        kept={"f-make-name": "laptop", "f-make-days": "30", "f-make-index_3a_main": "index:main"},
    ),
    "a form as a whole": Case(
        "/admin/switches/",
        {"do": "off", "capability": "search", "reason": "Why", "hours": "6", "status_url": "here", "banner": "A word"},
        "f-off-error",
        "",
        kept={"f-off-reason": "Why", "f-off-hours": "6", "f-off-banner": "A word", "f-off-capability": "search"},
    ),
    "a field of several that the action judges": Case(
        "/admin/switches/",
        {"do": "off", "capability": "search", "scope": "main/x", "reason": "Why", "hours": "6"},
        "f-off-scope",
        "Search is switched off for the whole site only",
        kept={"f-off-scope": "main/x", "f-off-reason": "Why", "f-off-hours": "6"},
    ),
    "a form of one button": Case(
        ACME, {"do": "set-place", "user": "alice", "place": "member"}, "f-set-place-alice-member-error", "owner"
    ),
    "a form of several buttons": Case(
        ACME,
        {"do": "take-out-of-team", "team": "crew", "user": "nobody"},
        "f-add-to-team-crew-user",
        "nobody",
        404,
        {"f-add-to-team-crew-user": "nobody"},
        is_folded=True,
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_form_itself_says_what_is_wrong_and_keeps_what_was_typed(browser: Browser, case: Case):
    page = Markup(_send(browser, case.page, case.sent))

    assert (case.status, []) == (browser.page.status, page.faults)
    link = next(one for one in page.all("a") if one.get("href").startswith("#f-"))
    assert (f"#{case.leads_to}", True) == (link.get("href"), case.says in link.text)
    told = [one for one in page.all("p") if one.get("class") == "error"]
    assert [link.text.strip()] == [one.text.strip() for one in told]
    assert all(told[0].get("id") in one.get("aria-describedby") for one in _wrong(page, case.leads_to))
    kept = {one.get("id"): _value(one) for one in page.all() if one.get("id") in case.kept}
    assert case.kept == kept
    assert case.is_folded == any(one.get("id") == case.leads_to for box in _open(page) for one in box.all())
    assert len(_open(page)) == case.is_folded, "no other form is unfolded"


def test_nothing_secret_comes_back(browser: Browser):
    """Neither the secret of an invitation nor, whatever a form may be given one day, anything else called so."""
    sent = {"do": "accept", "invitation": "4711", **dict.fromkeys(SECRETS, "do-not-repeat")}

    body = _send(browser, "/manage/", sent)

    assert 404 == browser.page.status
    assert b'value="4711"' in body and b"do-not-repeat" not in body


def test_what_cannot_be_done_right_now_is_not_typed_twice(browser: Browser):
    """503 for programs that look; a person sends the same form again in a moment."""
    InstanceRow.objects.update(halted="two databases write to one tree")

    page = Markup(_send(browser, PROJECT, {"do": "invite", "to": "somebody@people.example", "role": "owner"}))
    InstanceRow.objects.update(halted="")

    assert (503, True, []) == (browser.page.status, "retry-after" in browser.page.headers, page.faults)
    kept = {one.get("id"): _value(one) for one in page.all() if one.get("id") in ("f-invite-to", "f-invite-role")}
    assert {"f-invite-to": "somebody@people.example", "f-invite-role": "owner"} == kept
    assert "two databases" in next(one.text for one in page.all("p") if one.get("id") == "f-invite-error")


def test_what_is_of_no_form_of_the_page_is_told_on_top_alone(browser: Browser):
    for sent in ({"do": "no-such-deed"}, {"do": "delete-release", "version": "9.9", "confirm": ""}):
        page = Markup(_send(browser, PROJECT, sent))

        assert (400, []) == (browser.page.status, page.faults)
        assert any(one.get("role") == "alert" and "not done" in one.text for one in page.all("div"))
        assert [] == [one for one in page.all("p") if one.get("class") == "error"]


def test_a_page_that_was_not_refused_says_nothing_of_it(browser: Browser):
    page = Markup(browser.get(PROJECT).body)

    assert [] == [one for one in page.all() if one.get("role") == "alert" or "aria-invalid" in one.attributes]
    assert [] == _open(page)


def _send(browser: Browser, page: str, fields: dict[str, str]) -> bytes:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', browser.get(page).text)
    assert found is not None, browser.page.text
    return browser.post(page, {"csrfmiddlewaretoken": found[1], **fields}).body


def _open(page: Markup) -> list[Element]:
    return [one for one in page.all("details") if "open" in one.attributes]


def _wrong(page: Markup, leads_to: str) -> Iterator[Element]:
    """The field that is wrong; of a form as a whole all of its fields."""
    for one in page.all():
        if one.get("id") == leads_to and one.tag != "p":
            assert one.tag == "fieldset" or one.get("aria-invalid") == "true"
            yield one
        if leads_to.endswith("-error") and one.get("id").startswith(leads_to.removesuffix("error")) and one.tag != "p":
            yield one


def _value(one: Element) -> str:
    if one.tag != "select":
        assert one.get("type") != "radio" or "checked" in one.attributes
        return one.get("value")
    return next(option.get("value") for option in one.all("option") if "selected" in option.attributes)


def test_no_page_draws_a_form_of_its_own():
    """So that no form of these pages is without all of this: each is one of templates/deeds.html."""
    folder = Path(environment.__file__).parent / "templates"
    pages = [*(folder / "manage").glob("*.html"), *(folder / "admin").glob("*.html")]

    assert [] == [page.name for page in pages if 'method="post"' in page.read_text()]
    assert len(pages) > 20
