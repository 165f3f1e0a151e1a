"""Pages as an attacker asks them: forged forms, fixed sessions, redirects elsewhere, other hosts, cookies and headers.

What can be made from the URL table is, so that a new page is asked the same questions without anybody thinking of it.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from http.cookies import SimpleCookie
from urllib.parse import quote, urlencode, urljoin, urlsplit

import pytest
from browsers import Browser
from control.signing_in import signed_in
from django.contrib.auth.hashers import make_password
from doors import Answered, Door
from instances import Instance, new_instance
from markup import Markup
from rights_world import routes

from holdfast.control.accounts.models import AuditEvent, Session, User
from holdfast.control.database import close_connection
from holdfast.control.mail.models import Mail
from holdfast.control.urls import urlpatterns
from holdfast.control.web.sessions import SessionStore
from holdfast.core.page_paths import is_control_page

PASSWORD = "correct horse battery staple"
EVIL = "evil.example"
# What stands for the parts of an address; what is there at it is the matrices' business.
PARTS = {
    "key": "no-such-key",
    "pk": "1",
    "uidb36": "1",
    "index": "main",
    "name": "tool",
    "rest": "no-such-page",
    "provider": "no-such-provider",
}
PAGES = sorted({route for _method, route in routes(urlpatterns) if is_control_page(f"/{route}")})


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """One instance with a project of Alice's, for questions that leave nothing behind."""
    made = new_instance(tmp_path_factory.mktemp("outside") / "data")
    made.upload("tool", "1.0")
    yield replace(made, config=replace(made.config, two_factor="optional", sign_up="open"))
    close_connection()


@pytest.fixture
def door(instance: Instance) -> Door:
    return Door(instance)


@pytest.fixture
def root(door: Door) -> Browser:
    """Whoever has every page."""
    return signed_in(door, "root", is_superuser=True, password=make_password(PASSWORD))


def path_of(route: str) -> str:
    """An address of a route."""
    path = re.sub(r"<\w+:(\w+)>|\(\?P<(\w+)>[^)]*\)", lambda part: PARTS[part[1] or part[2]], route)
    return "/" + re.sub(r"[$^]", "", path)


def sign_in(browser: Browser, target: str = "/account/login/", **fields: str) -> Answered:
    """Send the form of the page, and look at its own answer, not at where that leads."""
    browser.get(target)
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', browser.page.text)
    assert token is not None, browser.page.text
    body = {"csrfmiddlewaretoken": token[1], "login": "root", "password": PASSWORD, **fields}
    return browser.ask("POST", target, urlencode(body).encode())


@pytest.mark.parametrize("route", PAGES)
def test_a_form_from_elsewhere_is_refused_at_every_address(root: Browser, route: str):
    """Without the page's token, with another one, and with the right one from another site's page."""
    root.get("/account/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', root.get("/account/logout/").text)
    assert token is not None
    before, path = AuditEvent.objects.count(), path_of(route)
    body = urlencode({"csrfmiddlewaretoken": token[1], "do": "delete"}).encode()

    answers = [
        root.ask("POST", path, b"do=delete"),
        root.ask("POST", path, urlencode({"csrfmiddlewaretoken": "x" * 64, "do": "delete"}).encode()),
        root.ask("POST", path, body, Origin=f"https://{EVIL}"),
        root.ask("POST", path, body, Origin="null"),
        root.ask("POST", path, body, Origin=f"https://{EVIL}", X_Forwarded_Host=EVIL, Host=EVIL),
    ]

    assert [403] * 5 == [answer.status for answer in answers]
    assert all("came from another page" in answer.text for answer in answers)
    assert before == AuditEvent.objects.count()


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_no_other_method_gets_around_the_token(root: Browser, method: str):
    assert {403} == {root.ask(method, path_of(route), b"do=delete").status for route in PAGES}


@pytest.mark.parametrize("route", PAGES)
def test_every_page_is_sealed_for_whoever_asks(door: Door, root: Browser, route: str):
    """One policy without anything inline, no frames, no cache, and nothing of another host that the request names."""
    foreign = {"Host": EVIL, "X_Forwarded_Host": EVIL, "X_Forwarded_Server": EVIL, "Forwarded": f"host={EVIL}"}
    for browser in (Browser(door), root):
        answer = browser.ask("GET", path_of(route), **foreign, X_Forwarded_Proto="https", X_Original_URL=f"//{EVIL}/")

        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert ("DENY", "nosniff") == (answer.headers["x-frame-options"], answer.headers["x-content-type-options"])
        assert {"private", "no-store"} <= set(answer.headers["cache-control"].split(", "))
        assert EVIL not in answer.text + str(answer.headers)
        if answer.headers["content-type"].startswith("text/html") and answer.body:
            faults = Markup(answer.body).faults
            assert [] == [fault for fault in faults if "inline" in fault or "program" in fault]


def test_signing_in_gives_a_key_that_nobody_could_know_before(door: Door, root: Browser):
    """Session fixation: neither a made-up key, nor one of a session that was begun for the victim, is signed in."""
    begun = SessionStore()
    begun["trap"] = "of the attacker"
    begun.save()
    for planted in ("attackersattackersattackersatta", begun.session_key or ""):
        victim, attacker = Browser(door), Browser(door)
        victim.cookies["holdfast"] = attacker.cookies["holdfast"] = planted

        assert 302 == sign_in(victim).status

        assert victim.cookies["holdfast"] != planted
        assert "root" == victim.ask("GET", "/_/me").json()["user"]
        assert attacker.ask("GET", "/_/me").json()["user"] is None


def test_the_token_against_forgery_is_another_after_signing_in(door: Door, root: Browser):
    browser = Browser(door)
    browser.get("/account/login/")
    before = browser.cookies["holdfast-csrf"]

    sign_in(browser)

    assert before != browser.cookies["holdfast-csrf"]


def test_a_key_that_was_signed_out_opens_nothing(door: Door, root: Browser):
    browser = Browser(door)
    sign_in(browser)
    copied = dict(browser.cookies)
    browser.get("/account/logout/")
    browser.submit("/account/logout/")

    browser.cookies = copied

    assert browser.ask("GET", "/_/me").json()["user"] is None


ELSEWHERE = [
    "https://evil.example/",
    "//evil.example",
    "///evil.example",
    "////evil.example/x",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    "http:evil.example",
    "https:///evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,x",
    "//packages@evil.example",
    "http://127.0.0.1:8000@evil.example/",
    "http://127.0.0.1:8000.evil.example/",
    "/account/\r\nLocation: https://evil.example/",
    "\u2028//evil.example",
    "/%09/evil.example",
    "/..//evil.example",
    "//[evil.example",
]


def leads_elsewhere(door: Door, location: str) -> bool:
    """What a browser makes of it: backslashes are slashes, tabs and line ends are nothing (WHATWG URL §4.4)."""
    as_read = re.sub(r"[\t\r\n]", "", location.strip("\x00 \t\r\n")).replace("\\", "/")
    try:
        found = urlsplit(urljoin(door.origin + "/account/login/", as_read))
    except ValueError:
        return True
    return f"{found.scheme}://{found.netloc}" != door.origin


def test_an_address_with_nul_is_answered_before_anything_is_looked_at(door: Door):
    assert 400 == Browser(door).ask("GET", "/account/login/?next=%00//evil.example").status


@pytest.mark.parametrize("target", ELSEWHERE)
def test_signing_in_leads_to_no_other_site(door: Door, root: Browser, target: str):
    """`next` in the address and in the form, and asked again when somebody is signed in already."""
    browser = Browser(door)
    page = browser.get(f"/account/login/?next={quote(target)}")
    if page.status == 200:
        links = Markup(page.body).addresses()
        assert [] == [link for link in links if leads_elsewhere(door, link)]
    answers = [
        sign_in(Browser(door), f"/account/login/?next={quote(target)}"),
        sign_in(Browser(door), next=target),
        sign_in(Browser(door), f"/account/login/?next={quote(target)}", next=target),
        root.ask("GET", f"/account/login/?next={quote(target)}"),
    ]

    assert {302} == {answer.status for answer in answers}
    assert [] == [found for a in answers if leads_elsewhere(door, found := a.headers["location"])]


@pytest.mark.parametrize("route", PAGES)
def test_no_address_leads_to_another_site_by_a_parameter(door: Door, root: Browser, route: str):
    names = ("next", "url", "redirect", "redirect_to", "return_to", "continue", "process", "state")
    for target in ELSEWHERE[:3]:
        query = urlencode(dict.fromkeys(names, target))
        for browser in (Browser(door), root):
            answer = browser.ask("GET", f"{path_of(route)}?{query}")
            assert not leads_elsewhere(door, answer.headers.get("location", "/")), (target, answer.headers)
            is_page = answer.headers["content-type"].startswith("text/html") and answer.body
            links = Markup(answer.body).addresses() if is_page else []
            assert [] == [link for link in links if leads_elsewhere(door, link)]


def test_a_mail_leads_to_this_host_whatever_the_request_says(door: Door, root: Browser):
    from allauth.account.models import EmailAddress

    User.objects.filter(username="root").update(email="root@example.org")
    user = User.objects.get(username="root")
    EmailAddress.objects.get_or_create(user=user, email="root@example.org", verified=True, primary=True)
    browser = Browser(door)
    browser.get("/account/password/reset/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', browser.page.text)
    assert token is not None

    body = urlencode({"csrfmiddlewaretoken": token[1], "email": "root@example.org"}).encode()
    answer = browser.ask("POST", "/account/password/reset/", body, Host=EVIL, X_Forwarded_Host=EVIL)

    sent = Mail.objects.get(to="root@example.org")
    assert (302, True) == (answer.status, f"{door.origin}/account/password/reset/key/" in sent.text)
    assert EVIL not in sent.text


@pytest.mark.parametrize(
    ("public_url", "secure", "prefix"), [("", False, ""), ("https://packages.example", True, "__Host-")]
)
def test_every_cookie_is_as_narrow_as_it_can_be(
    instance: Instance, root: Browser, public_url: str, secure: bool, prefix: str
):
    """HttpOnly but for the one that says nothing, Secure under https, SameSite, this path, and no Domain."""
    config = replace(instance.config, public_url=public_url)
    door = Door(replace(instance, config=config))
    browser, lines = Browser(door), []
    for target in ("/account/login/", "/account/password/reset/"):
        lines += browser.ask("GET", target).set_cookies
    browser.cookies = {}
    answer = sign_in(browser)
    lines += answer.set_cookies + browser.ask("GET", "/account/").set_cookies
    browser.get("/account/sessions/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', browser.page.text)
    assert token is not None
    lines += browser.ask("POST", "/account/sessions/", f"csrfmiddlewaretoken={token[1]}".encode()).set_cookies

    cookies = [morsel for line in lines for morsel in SimpleCookie(line).values()]

    own = {f"{prefix}holdfast{name}" for name in ("", "-csrf", "-browser", "-notices")}
    assert own | {"holdfast_me"} == {one.key for one in cookies}
    for one in cookies:
        assert ("Lax", "/", "") == (one["samesite"], one["path"], one["domain"]), one
        if str(one["max-age"]) != "0":
            assert (secure, one.key != "holdfast_me") == (bool(one["secure"]), bool(one["httponly"])), one


def test_a_session_of_yesterday_ends_and_nothing_of_it_is_told(door: Door, root: Browser):
    Session.objects.update(expire_date="2020-01-01T00:00:00Z")

    assert root.ask("GET", "/_/me").json()["user"] is None
