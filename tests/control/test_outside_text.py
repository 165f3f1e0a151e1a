"""Text of strangers on every page of control: it is shown as text, and never becomes an element or an attribute.

Everything that people can write and that a page shows is written here with an element in it, then every page is read
as a browser reads it.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import msgspec
import pytest
from allauth.account.models import EmailAddress
from browsers import Browser
from control.signing_in import signed_in
from control.test_outside_forms import PASSWORD
from django.contrib.auth.hashers import make_password
from doors import Door
from instances import ALICE, OPERATOR, UPLOADER, new_instance, soon
from markup import Markup
from rights_world import routes

from holdfast.config import ProviderConfig
from holdfast.control.accounts.models import Session, Token, User
from holdfast.control.accounts.people import freeze
from holdfast.control.database import close_connection
from holdfast.control.hooks.models import Webhook
from holdfast.control.mail.models import Mail
from holdfast.control.organisations.models import Holding, Invitation, Membership, Organisation, Team
from holdfast.control.projects import actions
from holdfast.control.projects.models import Project, Release
from holdfast.control.publishers.models import Publisher
from holdfast.control.switches.switching import switch_off
from holdfast.control.urls import urlpatterns
from holdfast.core.page_paths import is_control_page
from holdfast.tree.switches import new_switch

NOW = datetime.now(UTC)
EVIL = "\"'></textarea></title></option></script><pwn-x data-pwn onclick=pwn() style=pwn>{{ 7*7 }}&lt;pwn-y&gt;\u202e"
SHORT = '"><pwn-x data-pwn onclick=pwn()>'  # where a field takes fewer characters
LINK = "javascript:pwn()//https://x.example/"
NAMES = {"organisations": "acme", "projects": "tool", "people": "alice"}  # by the segment before it


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    made = new_instance(tmp_path_factory.mktemp("hostile") / "data")
    config = replace(
        made.config, two_factor="optional", sign_up="invited", providers=(ProviderConfig("ci", "https://i.example"),)
    )
    door = Door(replace(made, config=config))
    fill(door)
    yield door
    close_connection()


def fill(door: Door) -> None:
    """Hostile text everywhere: what actions take by actions, what they refuse (older rows, other sources) as rows."""
    publisher = door.instance.publisher
    door.instance.upload("tool", "1.0")
    door.instance.upload("tool", "2.0")
    actions.yank_release(publisher, "main", "tool", "1.0", EVIL, ALICE, deadline=soon())
    actions.set_status(publisher, "main", "tool", "deprecated", EVIL, ALICE, deadline=soon())
    project = Project.objects.get(name="tool")
    Release.objects.filter(project=project, version="2.0").update(yanked_reason=EVIL, yanked=True)
    people = {name: User.objects.get_or_create(username=name)[0] for name in ("alice", "root", "eve", "fred")}
    User.objects.update(password=make_password(PASSWORD), first_name=SHORT, last_name=SHORT)
    freeze(publisher, "fred", EVIL, OPERATOR, deadline=soon())
    User.objects.filter(username="alice").update(frozen_reason=EVIL)
    for name in ("alice", "fred"):
        EmailAddress.objects.create(user=people[name], email=f"{SHORT}@x.example", verified=False)
    EmailAddress.objects.create(user=people["alice"], email="alice@x.example", verified=True, primary=True)
    organisation(people, project)
    Publisher.objects.create(
        index="main", name="tool", project=project, provider=SHORT, claims={SHORT: EVIL}, pinned={SHORT: EVIL},
        identity="x", created_by=SHORT, created=NOW,
    )  # fmt: skip
    Publisher.objects.create(
        index="main", name="new-tool", registrant=people["alice"], provider="ci", claims={SHORT: EVIL},
        identity="y", created_by=SHORT, created=NOW,
    )  # fmt: skip
    Webhook.objects.create(
        project=project, url=LINK, salt="s", key="k", created=NOW, created_by=SHORT, stopped_why=EVIL
    )
    Mail.objects.create(
        to=SHORT, kind=SHORT, subject=EVIL, text=EVIL, created=NOW, due=NOW, dead=NOW, error=EVIL, priority=1
    )
    report = {"kind": "malware", "text": EVIL}
    assert door.api("POST", "projects/main/tool/reports", door.token("eve"), report).status == 201
    door.token("alice", replace(UPLOADER, upload_projects=(f"main/{SHORT}",)))
    Token.objects.update(name=EVIL)
    off = new_switch(
        "search", scope="*", reason="x", status_url="https://x.example/", banner=None, until=None, by="o", now=NOW
    )
    told = {"reason": EVIL, "banner": EVIL, "status_url": LINK, "by": SHORT}
    switch_off(door.instance.store, msgspec.structs.replace(off, **told))


def organisation(people: dict[str, User], project: Project) -> None:
    made = Organisation.objects.create(name="acme", display=EVIL, created=NOW)
    Membership.objects.create(organisation=made, user=people["alice"], role="owner")
    Membership.objects.create(organisation=made, user=people["eve"], role="member")
    Team.objects.create(organisation=made, name=SHORT, created=NOW).members.add(people["eve"])
    Holding.objects.create(project=project, organisation=made)
    ends = NOW + timedelta(days=1)
    for place in ({"organisation": made}, {"project": project}):
        Invitation.objects.create(
            **place, email=f"{SHORT}@x.example", role="member", invited_by=people["eve"], created=NOW, expires=ends
        )
        Invitation.objects.create(
            **place, user=people["alice"], role="owner", invited_by=people["eve"], created=NOW, expires=ends
        )


@pytest.fixture(scope="module")
def people(door: Door) -> dict[str, Browser]:
    """Browsers whose own names are hostile, too, and who proved a moment ago who they are."""
    agents = {
        "alice": signed_in(door, "alice"),
        "root": signed_in(door, "root"),
    }
    User.objects.filter(username="root").update(is_superuser=True)
    for name, browser in agents.items():
        browser.cookies.clear()
        browser.agent = EVIL.encode("ascii", "ignore").decode()
        page = browser.get("/account/login/")
        assert page.status == 200
        browser.submit("/account/login/", login=name, password=PASSWORD)
        browser.get("/account/reauthenticate/")
        browser.submit("/account/reauthenticate/", password=PASSWORD)
        assert name == browser.ask("GET", "/_/me").json()["user"]
    Session.objects.update(agent=EVIL)
    return agents


def addresses() -> list[str]:
    """Every page's address, of things that are there."""
    served = sorted({route for _method, route in routes(urlpatterns) if is_control_page(f"/{route}")})
    return [address_of(route) for route in served if not route.startswith("_")]


def address_of(route: str) -> str:
    name = next((name for place, name in NAMES.items() if f"/{place}/" in f"/{route}"), "x")
    parts = {"index": "main", "name": name}
    path = re.sub(r"<\w+:(\w+)>|\(\?P<(\w+)>[^)]*\)", lambda part: parts.get(part[1], "1"), route)
    return "/" + re.sub(r"[$^]", "", path)


PICTURE = "data:image/svg+xml;base64,"  # the QR code of a new key, which no address may ever show (web/pages.py)


def faults_of(page: bytes) -> list[str]:
    """What came out of text: our elements and attributes have none of these names."""
    read = Markup(page)
    own = [f for f in read.faults if "inline" in f or "never closed" in f or "closes" in f]
    for element in read.all():
        if element.tag.startswith("pwn") or any("pwn" in name for name in element.attributes):
            own.append(f"<{element.tag}> came out of text")
        for name in ("href", "src", "action", "formaction"):
            is_picture = element.tag == "img" and element.get(name).startswith(PICTURE)
            if not is_picture and element.get(name).strip().lower().startswith(("javascript", "data:", "vbscript")):
                own.append(f"{name} is a program")
    return own


FIELDS = ("q", "only", "who", "what", "to", "status", "after", "before", "next")
QUERIES = ("", "?" + urlencode(dict.fromkeys(FIELDS, SHORT)))


@pytest.mark.parametrize("who", ["alice", "root"])
def test_no_text_becomes_markup_on_any_page(people: dict[str, Browser], who: str):
    shown: dict[str, int] = {}
    for address in addresses():
        for query in QUERIES:
            answer = people[who].ask("GET", address + query)
            if answer.headers["content-type"].startswith("text/html") and answer.body:
                assert (address, []) == (address, faults_of(answer.body))
                shown[address] = max(shown.get(address, 0), answer.text.count("pwn-x"))

    hostile = {address for address, count in shown.items() if count}
    expected = {"/account/sessions/", "/manage/", "/manage/tokens/", "/manage/organisations/acme/"}
    expected |= {"/manage/projects/main/tool/"} if who == "alice" else set()
    operators = {"/admin/", "/admin/stuck/", "/admin/switches/", "/admin/people/alice/", "/admin/moderation/",
                 "/admin/projects/main/tool/", "/admin/audit/", "/admin/people/"}  # fmt: skip
    assert set() == (expected | (operators if who == "root" else set())) - hostile, "the text is not on these pages"


@pytest.mark.parametrize(
    ("address", "deed", "fields"),
    [
        ("/manage/organisations/new/", "make", {"name": EVIL, "display": EVIL}),
        ("/manage/organisations/acme/", "invite", {"to": EVIL, "place": EVIL}),
        ("/manage/organisations/acme/", "create-team", {"team": EVIL}),
        ("/manage/projects/main/tool/", "yank", {"version": EVIL, "reason": EVIL}),
        ("/manage/projects/main/tool/", "invite", {"to": EVIL, "role": "owner"}),
        ("/manage/projects/main/tool/", "offer", {"to": EVIL, "kind": "user"}),
        ("/manage/projects/main/tool/", "set-role", {"user": EVIL, "role": "owner"}),
        ("/manage/projects/main/tool/", "add-publisher", {"provider": "ci", "ci-sub": EVIL}),
        ("/manage/projects/main/tool/", EVIL, {}),
        ("/manage/tokens/new/", "make", {"name": EVIL, "days": EVIL, "reach": EVIL}),
        ("/manage/tokens/new/", "make", {"name": EVIL, "days": "30", "reach": "read"}),
        ("/admin/invite/", "invite", {"email": EVIL, "days": "1"}),
        ("/admin/switches/", "off", {"capability": EVIL, "reason": EVIL, "scope": EVIL}),
        ("/admin/switches/", "off", {"capability": "uploads", "reason": EVIL, "scope": "main", "banner": EVIL}),
        ("/admin/people/eve/", "freeze", {"reason": EVIL}),
    ],
)
def test_what_a_form_gives_back_is_text(people: dict[str, Browser], address: str, deed: str, fields: dict[str, str]):
    browser = people["root" if address.startswith("/admin") else "alice"]
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', browser.get("/account/logout/").text)
    assert token is not None

    page = browser.post(address, {"csrfmiddlewaretoken": token[1], "do": deed, **fields})

    assert (page.status in (200, 400, 403, 404), []) == (True, faults_of(page.body)), page.status
