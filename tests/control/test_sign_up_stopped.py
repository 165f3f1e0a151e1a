"""r19, r20: new accounts are stopped. The page says why and where to look; everybody who has one goes on."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import wheels
from browsers import Browser
from doors import Door
from instances import Instance

from holdfast.control.accounts.models import User
from holdfast.control.switches import switching
from holdfast.tree.switches import new_switch

PASSWORD = "correct horse battery staple"
WORDS = "Creating accounts is switched off"


def door_of(instance: Instance) -> Door:
    config = replace(instance.config, sign_up="open")
    return Door(instance, config=config, publisher=instance.another_publisher())


def switched_off(instance: Instance, capability: str) -> None:
    now = datetime.now(UTC)
    made = new_switch(
        capability,
        scope="*",
        reason="more reports than moderators",
        status_url="https://status.example/8",
        banner=None,
        until=now + timedelta(hours=24),
        by="op",
        now=now,
    )
    switching.switch_off(instance.store, made)


def test_the_page_explains_and_links_the_status(sqlite_instance: Instance):
    switched_off(sqlite_instance, "sign-up")
    browser = Browser(door_of(sqlite_instance))

    page = browser.get("/account/signup/")

    assert WORDS in page.text
    assert "more reports than moderators. See https://status.example/8" in page.text
    assert "goes on as before" in page.text
    assert 0 == User.objects.count()


def test_a_form_that_was_open_before_makes_no_account(sqlite_instance: Instance):
    browser = Browser(door_of(sqlite_instance))
    browser.get("/account/signup/")
    switched_off(sqlite_instance, "sign-up")
    browser.door = door_of(sqlite_instance)

    page = browser.submit(
        "/account/signup/", username="alice", email="alice@example.org", password1=PASSWORD
    )  # fmt: skip

    assert WORDS in page.text
    assert 0 == User.objects.count()


def test_tokens_and_sign_in_go_on_and_every_page_shows_the_banner(sqlite_instance: Instance):
    token = Door(sqlite_instance).token()
    switched_off(sqlite_instance, "sign-up")
    door = door_of(sqlite_instance)

    page = Browser(door).get("/account/login/")

    assert 200 == door.upload(wheels.twine_body(*wheels.wheel("demo-pkg", "1.0")), token).status
    assert 200 == page.status
    assert page.text.count(WORDS) == 1
