"""Second factors: an authenticator app, recovery codes, who must have one, and how they are kept."""

import base64
import hmac
import json
import re
import struct
import time

import pytest
from allauth.mfa.models import Authenticator
from browsers import Browser
from control.test_sign_up_and_in import confirmed, is_in, opened, sign_in
from doors import Door
from instances import OPERATOR, Instance, soon

from holdfast.control.accounts import secrets
from holdfast.control.accounts.models import AuditEvent, User
from holdfast.control.accounts.people import reset_second_factor
from holdfast.control.mail.models import Mail
from holdfast.core.errors import Unavailable


def code_of(secret: str, steps: int = 0) -> str:
    """RFC 6238, from the outside."""
    counter = struct.pack(">Q", int(time.time()) // 30 + steps)
    digest = hmac.digest(base64.b32decode(secret), counter, "sha1")
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4]) & 0x7FFFFFFF) % 1_000_000:06d}"


def wrong_code(secret: str) -> str:
    """A code that the app shows at no moment around now."""
    shown = {code_of(secret, steps) for steps in range(-9, 10)}
    return next(code for code in (f"{number:06d}" for number in range(len(shown) + 1)) if code not in shown)


def with_app(door: Door, name: str = "alice") -> tuple[Browser, str, list[str]]:
    """(browser, the app's key, recovery codes) after setting an app up."""
    browser = sign_in(confirmed(door, name), name)
    browser.get("/account/2fa/totp/activate/")
    secret = re.findall(r"<code>([A-Z2-7]{32})</code>", browser.page.text)[0]
    page = browser.submit("/account/2fa/totp/activate/", code=code_of(secret))
    codes = re.findall(r"^(?:.*<code>)?(\d{8})", page.text, re.MULTILINE)
    return browser, secret, codes


def test_an_app_is_set_up_and_asked_for(instance: Instance):
    door = opened(instance)
    _browser, secret, codes = with_app(door)
    assert 10 == len(codes)

    there = sign_in(Browser(door, "198.51.100.9"))
    assert "/account/2fa/authenticate/" == there.location and not is_in(there)
    there.submit("/account/2fa/authenticate/", code=wrong_code(secret))
    assert "not right" in there.page.text and not is_in(there)
    there.submit("/account/2fa/authenticate/", code=code_of(secret, 1))
    assert is_in(there)

    actions = list(AuditEvent.objects.values_list("action", flat=True))
    assert {"add-second-factor", "fail-second-factor"} <= set(actions)
    assert {"two-factor-changed"} <= set(Mail.objects.values_list("kind", flat=True))


def test_a_code_is_good_once(sqlite_instance: Instance):
    door = opened(sqlite_instance)
    _, secret, _codes = with_app(door)
    code = code_of(secret, 1)
    first = sign_in(Browser(door))
    first.submit("/account/2fa/authenticate/", code=code)
    assert is_in(first)

    second = sign_in(Browser(door))
    second.submit("/account/2fa/authenticate/", code=code)

    assert not is_in(second)


def test_a_recovery_code_signs_in_once(sqlite_instance: Instance):
    door = opened(sqlite_instance)
    *_, codes = with_app(door)

    for expected in (True, False):
        browser = sign_in(Browser(door))
        browser.submit("/account/2fa/authenticate/", code=codes[0])
        assert expected is is_in(browser)


def test_keys_are_encrypted_under_a_key_that_is_no_row(sqlite_instance: Instance):
    _, secret, codes = with_app(opened(sqlite_instance))

    rows = json.dumps(list(Authenticator.objects.values_list("data", flat=True)))

    assert secret not in rows and not [code for code in codes if code in rows]


def test_another_key_opens_nothing_and_an_earlier_one_still_does(sqlite_instance: Instance, settings_kept: object):
    from django.conf import settings

    sealed = secrets.encrypt("text")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "n" * 64, [settings.SECRET_KEY]
    assert "text" == secrets.decrypt(sealed)
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(Unavailable, match="another secret key"):
        secrets.decrypt(sealed)


@pytest.fixture
def settings_kept():
    from django.conf import settings

    kept = settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS
    yield
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = kept


@pytest.mark.parametrize(("setting", "may"), [("publishers", False), ("all", False), ("optional", True)])
def test_who_must_have_a_factor_cannot_drop_the_last(sqlite_instance: Instance, setting: str, may: bool):
    door = opened(sqlite_instance, two_factor=setting)
    browser, *_ = with_app(door)
    sqlite_instance.upload("demo", "1.0")  # alice publishes

    page = browser.get("/account/2fa/totp/deactivate/")
    if may:
        browser.submit("/account/2fa/totp/deactivate/")

    assert may is not ("set another one up first" in page.text)
    assert may is not Authenticator.objects.filter(type="totp").exists()


def test_who_lost_them_gets_in_through_an_administrator_and_waits(sqlite_instance: Instance):
    door = opened(sqlite_instance)
    browser, *_ = with_app(door)

    reset_second_factor(sqlite_instance.publisher, "alice", OPERATOR, deadline=soon())

    assert not is_in(browser) and not Authenticator.objects.exists()
    assert is_in(sign_in(Browser(door)))
    user = User.objects.get()
    assert user.recovered_until is not None


def test_codes_are_tried_ten_times_in_a_quarter_of_an_hour(sqlite_instance: Instance):
    door = opened(sqlite_instance)
    _, secret, _codes = with_app(door)
    browser = sign_in(Browser(door))

    for number in range(11):
        browser.submit("/account/2fa/authenticate/", code=f"{number:06d}")
    browser.submit("/account/2fa/authenticate/", code=code_of(secret, 1))

    assert not is_in(browser)


def test_a_key_offers_this_host_and_loopback_its_one_name(sqlite_instance: Instance):
    """An IP address is no name browsers make keys for (WebAuthn §5.1.2)."""
    for url, host in (("", "localhost"), ("https://packages.example/index", "packages.example")):
        door = opened(sqlite_instance, public_url=url)
        answer = Browser(door).ask("GET", "/account/2fa/keys/login/", Accept="application/json")
        assert host == answer.json()["request_options"]["publicKey"]["rpId"]


def test_only_the_page_with_the_picture_may_draw_one(sqlite_instance: Instance):
    browser = sign_in(confirmed(opened(sqlite_instance)))
    page = browser.get("/account/2fa/totp/activate/")

    assert "img-src 'self' data:" in page.headers["content-security-policy"] and "data:image/svg+xml" in page.text
    assert "data:" not in browser.get("/account/2fa/").headers["content-security-policy"]
