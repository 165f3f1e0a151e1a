"""Characters that nobody types: NUL and its kin, halves of surrogates, what is far too long or is no form at all.

One rule for every page: a form, a query or an address with a control character in it is 400 with a sentence, before
anything is looked up. Everything else that is sent is answered as a page, and never as trouble of ours.
"""

import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote, urlencode

import pytest
from browsers import Browser
from control.signing_in import signed_in
from control.test_outside_forms import PAGES, path_of
from django.contrib.auth.hashers import make_password
from doors import Answered, Door
from instances import new_instance
from rights_world import PASSWORD, routes

from holdfast.control.accounts.models import AuditEvent
from holdfast.control.database import close_connection
from holdfast.control.urls import urlpatterns
from holdfast.core.page_paths import is_control_page

CONTROLS = ("\x00", "\x01", "\x08", "\x0b", "\x1b", "\x1f", "\x7f", "\x85", "\ufdd0", "\ufffe", "\U0010ffff")
TAKEN = ("a\tb", "a\r\nb", "a\nb")  # what a text of several lines has
API = sorted({(m, r) for m, r in routes(urlpatterns) if not is_control_page(f"/{r}") and m != "ANY"})
# Every name of a field that any form of ours or of allauth's has, so that the text reaches whoever reads it.
FIELDS = (
    "login password oldpassword password1 password2 email username name display code next do to role user version "
    "reason confirm invitation offer publisher robot team token index provider status capability scope network pattern "
    "report verdict days hours reach credential kind place action_add action_primary q page"
).split()


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    made = new_instance(tmp_path_factory.mktemp("characters") / "data")
    made.upload("tool", "1.0")
    yield Door(replace(made, config=replace(made.config, two_factor="optional", sign_up="open")))
    close_connection()


@pytest.fixture(scope="module")
def people(door: Door) -> tuple[Browser, Browser]:
    """A visitor and whoever has every page."""
    return Browser(door), signed_in(door, "root", is_superuser=True, password=make_password(PASSWORD), just_now=True)


@pytest.fixture(scope="module")
def tokens(people: tuple[Browser, Browser]) -> tuple[str, str]:
    """The token of a form of each of them."""
    return token_of(people[0]), token_of(people[1])


def token_of(browser: Browser) -> str:
    page = browser.get("/account/logout/" if "holdfast" in browser.cookies else "/account/login/")
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert found is not None, page.text
    return found[1]


def is_told(answer: Answered, status: int) -> bool:
    """A page of ours with its headers, which the browser has found valid, and a sentence."""
    sealed = "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    return answer.status == status and sealed and "<main" in answer.text and answer.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("route", PAGES)
def test_a_control_character_is_400_on_every_page(people: tuple[Browser, Browser], tokens: tuple[str, str], route: str):
    path, before = path_of(route), AuditEvent.objects.count()
    for browser, token, character in zip(people, tokens, CONTROLS, strict=False):
        fields = dict.fromkeys(FIELDS, f"a{character}b") | {"csrfmiddlewaretoken": token}
        name = urlencode({"csrfmiddlewaretoken": token, f"a{character}b": "x"})

        answers = [
            browser.ask("POST", path, urlencode(fields).encode()),
            browser.ask("POST", path, name.encode()),
            browser.ask("GET", f"{path}?next=/{quote(character)}"),
            browser.ask("GET", f"{path}?{quote(character)}=x"),
        ]

        assert [True] * 4 == [is_told(answer, 400) for answer in answers], [answer.status for answer in answers]
        assert all(character not in answer.text for answer in answers)
    assert before == AuditEvent.objects.count()


@pytest.mark.parametrize("character", CONTROLS)
def test_the_first_page_a_stranger_sees_refuses_each_of_them(door: Door, character: str):
    """In the name, in the password, and in what the page would have said again."""
    for field in ("login", "password", "next"):
        browser = Browser(door)
        fields = {"csrfmiddlewaretoken": token_of(browser), "login": "root", "password": "x", field: f"{character}root"}

        answer = browser.ask("POST", "/account/login/", urlencode(fields).encode())

        assert is_told(answer, 400) and "control character" in answer.text


@pytest.mark.parametrize("text", TAKEN)
def test_lines_and_tabs_are_texts(people: tuple[Browser, Browser], text: str):
    browser = people[1]
    fields = {"csrfmiddlewaretoken": token_of(browser), "do": "quarantine", "reason": text}

    assert 302 == browser.ask("POST", "/admin/projects/main/tool/", urlencode(fields).encode()).status
    fields["do"] = "release"
    assert 302 == browser.ask("POST", "/admin/projects/main/tool/", urlencode(fields).encode()).status


@pytest.mark.parametrize("route", [route for route in PAGES if "<str:name>" in route or "<path:" in route])
def test_an_address_with_one_is_400_as_well(people: tuple[Browser, Browser], route: str):
    for character in CONTROLS:
        path = "/" + re.sub(r"<\w+:(\w+)>", lambda part, c=character: "main" if part[1] == "index" else f"a{c}b", route)
        path = path.encode().decode("latin-1")  # as WSGI has it

        assert [True, True] == [is_told(browser.ask("GET", path), 400) for browser in people]


PART = b'--x\r\nContent-Disposition: form-data; name="%b"\r\n\r\n'
BROKEN = [
    ("application/x-www-form-urlencoded", b"\xff\xfe%ED%A0%80=%ED%A0%80&login=%ED%A0%80&%zz=%"),
    ("application/x-www-form-urlencoded; charset=utf-16", b"login=x"),
    ("application/x-www-form-urlencoded; charset=no-such", b"login=x"),
    ("application/x-www-form-urlencoded", b"&".join(b"f%d=x" % number for number in range(400))),
    ("multipart/form-data", b"x"),
    ("multipart/form-data; boundary=", b"--\r\n"),
    ("multipart/form-data; boundary=x", PART % b'login"; filename="f' + b"x\r\n--x--"),
    ("multipart/form-data; boundary=x", PART % b"a\x00" + b"\x00\r\n--x--\r\n"),
    ("multipart/form-data; boundary=" + "x" * 5000, b"x"),
    ("application/json", b'{"login": "\\u0000"}'),
    ("\xe9/\xff", b"x"),
]


@pytest.mark.parametrize(("content_type", "body"), BROKEN)
def test_what_is_no_form_is_answered_as_a_page(people: tuple[Browser, Browser], content_type: str, body: bytes):
    """400 for what cannot be read, 403 for what has no token: never 500, and never without the pages' headers."""
    for browser in people:
        for path in ("/account/login/", "/account/password/reset/", "/manage/tokens/new/", "/_/me"):
            answer = browser.ask("POST", path, body, Content_Type=content_type)

            assert answer.status in (400, 403, 405), (path, answer.status)
            assert is_told(answer, answer.status)


@pytest.mark.parametrize("route", [route for route in PAGES if route not in ("account/logout/", "account/sessions/")])
def test_what_is_far_too_long_or_half_a_character_is_no_trouble_of_ours(
    people: tuple[Browser, Browser], tokens: tuple[str, str], route: str
):
    path = path_of(route)
    text = "9" * 9000 + "\ufffd\u202e\u2028\U000e0001"
    query = urlencode(dict.fromkeys(("next", "q", "page"), text[-2000:]))
    for browser, token in zip(people, tokens, strict=True):
        fields = dict.fromkeys(FIELDS, text) | {"csrfmiddlewaretoken": token}
        answers = [browser.ask("POST", path, urlencode(fields).encode()), browser.ask("GET", f"{path}?{query}")]
        assert [] == [answer.status for answer in answers if answer.status >= 500]
    assert people[1].ask("GET", f"{path}?next=%ED%A0%80&q=%FF%C0%80").status < 500


@pytest.mark.parametrize(("method", "route"), API)
def test_an_address_of_the_api_with_one_is_nobodys_trouble(door: Door, method: str, route: str):
    token = door.token("root")
    for text in ("a\x00b", "\u00ed\u00a0\u0080", "9" * 5000):
        path = "/" + re.sub(r"<(\w+):(\w+)>", lambda part, t=text: "main" if part[2] == "index" else t, route)
        answer = door.request(
            method, path, b'{"name": "\\ud800", "reason": "\\u0000"}', {"Authorization": f"Bearer {token}"}
        )

        assert answer.status < 500, (path[:80], answer.text)


RESPONSE = '"response":{"clientDataJSON":"e30","attestationObject":"oA","authenticatorData":"AA","signature":"AA"}'
# Well formed, of nobody: 37 bytes of authenticator data, and a user handle that no row's number can be.
SAID, KEY, WHO = (
    urlsafe_b64encode(part).decode().rstrip("=")
    for part in (b'{"type":"webauthn.get","challenge":"AA","origin":"http://x.example"}', bytes(37), b"9" * 40)
)
SIGNED = f'"response":{{"clientDataJSON":"{SAID}","authenticatorData":"{KEY}","signature":"AA","userHandle":"{WHO}"}}'
CREDENTIALS = [
    "9" * 9000,
    "[" * 9000,
    "null",
    "[]",
    "{}",
    '"x"',
    "1e999",
    "NaN",
    '{"id":1}',
    '{"id":"AA","rawId":"AA","type":"public-key","response":null}',
    '{"id":"AA","rawId":"AA","type":"public-key",' + RESPONSE + "}",
    '{"id":"AA","rawId":"AA","type":"public-key",' + SIGNED + "}",
    '{"id":"%%%","rawId":[],"type":{},' + RESPONSE + "}",
    '{"id":"\\ud800","rawId":"\\u0000","type":"public-key",' + RESPONSE + "}",
]


@pytest.mark.parametrize("told", CREDENTIALS, ids=lambda told: told[:24])
@pytest.mark.parametrize(
    "route", ["account/2fa/keys/add/", "account/2fa/keys/login/", "account/2fa/keys/reauthenticate/"]
)
def test_what_is_no_passkeys_answer_is_told_on_the_page(people: tuple[Browser, Browser], route: str, told: str):
    browser = people[0 if route.endswith("login/") else 1]
    browser.ask("GET", path_of(route))
    fields = {"csrfmiddlewaretoken": token_of(browser), "credential": told, "name": "x"}

    assert browser.ask("POST", path_of(route), urlencode(fields).encode()).status in (200, 302, 400)
