"""People hear of it when their account is entered from a new place, or recovered; and rights wait after a recovery."""

from allauth.account.models import EmailAddress
from browsers import Browser
from control.test_sign_up_and_in import OTHER, confirmed, is_in, link, opened, sign_in
from doors import Door
from instances import OPERATOR, Actor, Instance, Scopes, soon

from holdfast.control.accounts.models import User
from holdfast.control.accounts.people import reset_second_factor
from holdfast.control.mail.models import Mail
from holdfast.control.projects.actions import delete_project


def kinds() -> list[str]:
    return list(Mail.objects.order_by("pk").values_list("kind", flat=True))


def test_a_sign_in_from_a_new_place_is_told_and_a_known_one_is_not(sqlite_instance: Instance):
    door = opened(sqlite_instance)
    home = sign_in(confirmed(door))
    before = len(kinds())
    sign_in(Browser(door, home.address))  # another browser, at home
    home.address = "203.0.113.5"
    home.get("/account/logout/")
    home.submit("/account/logout/")
    assert is_in(sign_in(home))  # the known browser, on a journey
    assert [] == kinds()[before:]

    assert is_in(sign_in(Browser(door, "198.51.100.9", "Stranger/1")))

    assert ["new-sign-in"] == kinds()[before:]
    mail = Mail.objects.order_by("-pk")[0]
    assert ("alice@example.org", True, True) == (mail.to, "198.51.100.9" in mail.text, "Stranger/1" in mail.text)


def recover(door: Door) -> Browser:
    browser = Browser(door)
    browser.get("/account/password/reset/")
    browser.submit("/account/password/reset/", email="alice@example.org")
    browser.get(link("reset-password"))
    browser.submit(password1=OTHER, password2=OTHER)
    return sign_in(browser, password=OTHER)


def test_a_recovery_is_told_at_every_confirmed_address(sqlite_instance: Instance):
    door = opened(sqlite_instance)
    confirmed(door)
    alice = User.objects.get()
    EmailAddress.objects.create(user=alice, email="alice@other.example", verified=True)
    EmailAddress.objects.create(user=alice, email="alice@unsure.example", verified=False)

    assert is_in(recover(door))
    reset_second_factor(sqlite_instance.publisher, "alice", OPERATOR, deadline=soon())

    told = Mail.objects.filter(kind="account-recovered").order_by("pk").values_list("to", "text")
    assert ["alice@example.org", "alice@other.example"] * 2 == [to for to, _text in told]
    assert "its password was reset by mail" in told[0][1] and "reset its second factors" in told[2][1]


def test_after_a_recovery_deleting_waits_for_session_and_token_alike(sqlite_instance: Instance):
    door = opened(sqlite_instance, two_factor="optional")
    confirmed(door)
    sqlite_instance.upload("demo", "1.0")
    token = door.token("alice")
    assert is_in(recover(door))

    session = Actor("alice", Scopes(("*",), ("*",), (), True), credential="session")
    for act in (
        lambda: door.api("DELETE", "projects/main/demo", token).status,
        lambda: door.api("DELETE", "projects/main/demo/releases/1.0", token).status,
    ):
        assert 403 == act()
    try:
        delete_project(sqlite_instance.publisher, "main", "demo", session, deadline=soon())
        refusal = ""
    except Exception as error:  # noqa: BLE001 - which one is the point
        refusal = str(error)
    assert "was just recovered" in refusal

    User.objects.update(recovered_until=None)
    assert 200 == door.api("DELETE", "projects/main/demo", token).status
