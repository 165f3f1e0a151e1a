"""Links of mails are good once, also for two at once; what they do to an account in use is told and waits."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from browsers import Browser
from control.test_sign_up_and_in import OTHER, PASSWORD, confirmed, is_in, link, opened, sign_in
from doors import Answered
from instances import OPERATOR, Instance, soon
from passwords import QuickArgon2

from holdfast.control.accounts.invitations import invite
from holdfast.control.accounts.models import AuditEvent, User
from holdfast.control.switches.switching import switch_off
from holdfast.tree.switches import new_switch


def while_it_hashes(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Have something happen, once, while the next password is hashed: between its form's being judged and its row."""
    real, waiting = QuickArgon2.encode, [act]

    def encode(hasher: QuickArgon2, password: str, salt: str) -> str:
        if waiting:
            waiting.pop()()
        return real(hasher, password, salt)

    monkeypatch.setattr(QuickArgon2, "encode", encode)


def test_of_two_who_take_up_an_invitation_at_once_one_comes_in(
    sqlite_instance: Instance, monkeypatch: pytest.MonkeyPatch
):
    """The second's form was judged while the first had not been sent: only its transaction can know."""
    door = opened(sqlite_instance, sign_up="invited")
    url = invite(
        sqlite_instance.publisher, "carol@example.org", True, 7, "x", "http://127.0.0.1:8000/account/invitation/",
        OPERATOR, deadline=soon(),
    )  # fmt: skip
    first, second = Browser(door), Browser(door)
    for browser in (first, second):
        browser.get(url.removeprefix("http://127.0.0.1:8000"))

    def sent(browser: Browser, name: str) -> Answered:
        return browser.submit("/account/signup/", username=name, email="carol@example.org", password1=PASSWORD)

    while_it_hashes(monkeypatch, lambda: sent(first, "carol"))
    late = sent(second, "mallory")

    assert (403, "carol") == (late.status, User.objects.get().username)
    assert "The invitation was used" in late.text and is_in(first) and not is_in(second)


def test_of_two_who_use_a_link_for_a_password_at_once_one_sets_it(
    sqlite_instance: Instance, monkeypatch: pytest.MonkeyPatch
):
    door = opened(sqlite_instance)
    confirmed(door)
    asking = Browser(door)
    asking.get("/account/password/reset/")
    asking.submit("/account/password/reset/", email="alice@example.org")
    first, second = Browser(door), Browser(door)
    for browser in (first, second):
        browser.get(link("reset-password"))

    while_it_hashes(monkeypatch, lambda: first.submit(password1=OTHER, password2=OTHER))
    late = second.submit(password1=OTHER + "!", password2=OTHER + "!")

    assert 400 == late.status and "password was changed a moment ago" in late.text
    assert is_in(sign_in(Browser(door), password=OTHER)) and not is_in(sign_in(Browser(door), password=OTHER + "!"))
    assert 1 == AuditEvent.objects.filter(action="reset-password").count()


@pytest.mark.parametrize("is_new", [False, True])
def test_the_first_password_of_an_account_in_use_makes_rights_wait(sqlite_instance: Instance, is_new: bool):
    """Whoever came in by passkey or provider so far has none; by a mail, it may be whoever took the mailbox over."""
    door = opened(sqlite_instance)
    confirmed(door)
    User.objects.update(password="!none", last_login=None if is_new else datetime.now(UTC))
    browser = Browser(door)
    browser.get("/account/password/reset/")
    browser.submit("/account/password/reset/", email="alice@example.org")
    browser.get(link("reset-password"))
    browser.submit(password1=OTHER, password2=OTHER)

    assert is_in(sign_in(Browser(door), password=OTHER))
    assert is_new is (User.objects.get().recovered_until is None)


def test_a_read_only_site_takes_no_password_either(sqlite_instance: Instance):
    """While accounts are being taken over, or the database moves, what was set would be a thief's, or lost."""
    door = opened(sqlite_instance)
    here = sign_in(confirmed(door))
    asking = Browser(door)
    asking.get("/account/password/reset/")
    asking.submit("/account/password/reset/", email="alice@example.org")
    asking.get(link("reset-password"))
    here.get("/account/password/change/")
    now = datetime.now(UTC)
    facts = {"scope": "*", "reason": "a move", "status_url": "", "banner": None, "until": None, "by": "op", "now": now}
    switch_off(sqlite_instance.store, new_switch("read-only", **facts))
    door.parts.switches.decided()

    answers = [
        asking.submit(password1=OTHER, password2=OTHER),
        here.submit(oldpassword=PASSWORD, password1=OTHER, password2=OTHER),
    ]

    assert [403, 403] == [one.status for one in answers]
    assert all("Changing anything is switched off: a move." in one.text for one in answers)
    assert is_in(sign_in(Browser(door))) and not is_in(sign_in(Browser(door), password=OTHER))
