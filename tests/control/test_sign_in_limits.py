"""Limits of signing in: a stranger is stopped, and never takes a real person along (the dictionary attack of 2022)."""

from datetime import UTC, datetime, timedelta

import pytest
from browsers import Browser
from control.test_sign_up_and_in import OTHER, confirmed, is_in, link, opened, sign_in
from doors import Door
from instances import Instance

from holdfast.clock import SystemClock
from holdfast.control import settings as shipped
from holdfast.control.accounts import limits
from holdfast.control.accounts.hashing import BoundedArgon2, Queue
from holdfast.control.accounts.limits import Counters, Limit, TooManyAttempts, network_of
from holdfast.control.accounts.models import Attempts, User
from holdfast.control.mail.models import Mail
from holdfast.core.errors import Unavailable

HOME, ELSEWHERE = "192.0.2.1", "198.51.100.7"


class AClock(SystemClock):
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self):
        return super().now() + self.ahead

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead.total_seconds()


def spent(limit: Limit, *subject: str, left: int) -> None:
    """As many attempts as leave so many."""
    now = datetime.now(UTC)
    facts = {"began": now, "count": limit.most - left}
    Attempts.objects.update_or_create(key=limits._key(limit, subject), defaults=facts)


def wrong(door: Door, address: str, login: str = "alice") -> int:
    return sign_in(Browser(door, address), login, OTHER).page.status


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("", "nowhere"),
    ],
)
def test_a_network_is_what_one_subscriber_has_at_least(address: str, network: str):
    assert network == network_of(address)


def test_a_limit_counts_in_rows_and_begins_again(instance: Instance):
    clock = AClock()
    limit = Limit("test", 2, 60)
    for counters in (Counters(clock), Counters(clock)):  # two machines, or one before and after a restart
        counters.take(limit, "somebody")
    for counters in (Counters(clock), Counters(clock)):
        with pytest.raises(TooManyAttempts) as refusal:
            counters.take(limit, "somebody")
        assert 58 <= refusal.value.retry_after_seconds <= 61
    Counters(clock).take(limit, "somebody else")

    clock.ahead = timedelta(seconds=61)
    Counters(clock).take(limit, "somebody")

    assert 1 == Attempts.objects.get(key=limits._key(limit, ("somebody",))).count


def test_past_its_limit_a_flood_writes_no_rows(sqlite_instance: Instance):
    clock = AClock()
    counters, limit = Counters(clock), Limit("test", 1, 60)
    counters.take(limit, "x")
    with pytest.raises(TooManyAttempts):
        counters.take(limit, "x")
    Attempts.objects.all().delete()

    with pytest.raises(TooManyAttempts):
        counters.take(limit, "x")

    assert not Attempts.objects.exists()


def test_one_network_is_stopped_after_ten_and_others_are_not(sqlite_instance: Instance):
    door = opened(sqlite_instance)
    confirmed(door)

    statuses = [wrong(door, ELSEWHERE) for _ in range(12)]

    assert [200] * 10 + [429] * 2 == statuses
    assert is_in(sign_in(Browser(door, "203.0.113.5")))
    late = sign_in(Browser(door, ELSEWHERE))
    assert 429 == late.page.status and int(late.page.headers["retry-after"]) > 0 and not is_in(late)


def test_a_right_password_is_not_counted(sqlite_instance: Instance):
    door = opened(sqlite_instance)
    confirmed(door)

    assert [True] * 12 == [is_in(sign_in(Browser(door, ELSEWHERE))) for _ in range(12)]


def test_many_networks_do_not_shut_a_person_out_of_their_own(sqlite_instance: Instance):
    door = opened(sqlite_instance)
    browser = sign_in(confirmed(door))  # from HOME
    assert is_in(browser)
    spent(limits.ACCOUNT, str(User.objects.get().pk), left=5)

    statuses = [wrong(door, f"198.51.{number}.7") for number in range(10)]

    assert [200] * 5 + [429] * 5 == statuses
    assert is_in(sign_in(Browser(door, HOME)))
    travelling = Browser(door, "203.0.113.5")
    travelling.cookies["holdfast-browser"] = browser.cookies["holdfast-browser"]
    assert is_in(sign_in(travelling))


def test_who_is_somewhere_new_meanwhile_is_let_in_by_mail(sqlite_instance: Instance):
    door = opened(sqlite_instance)
    sign_in(confirmed(door))
    spent(limits.ACCOUNT, str(User.objects.get().pk), left=3)
    for number in range(6):
        wrong(door, f"198.51.{number}.7")
    assert 1 == Mail.objects.filter(kind="allow-network").count()  # one an hour, however long it lasts
    there = Browser(door, "203.0.113.5")
    assert 429 == sign_in(there).page.status

    there.get(link("allow-network"))
    assert "may be signed in to from this network" in there.submit().text

    assert is_in(sign_in(there))
    assert 429 == wrong(door, "198.51.99.7")


def test_unknown_names_are_limited_alike(sqlite_instance: Instance):
    door = opened(sqlite_instance)

    assert [200] * 10 + [429] == [wrong(door, ELSEWHERE, "nobody") for _ in range(11)]


def test_all_names_together_are_limited_for_a_network(sqlite_instance: Instance):
    door = opened(sqlite_instance)
    spent(limits.NETWORK, "198.51.100.0/24", left=5)

    statuses = [wrong(door, f"198.51.100.{number}", f"name{number}") for number in range(7)]

    assert [200] * 5 + [429] * 2 == statuses


def test_hashing_takes_a_few_at_once_and_refuses_the_rest():
    queue = Queue(1, 1, seconds=0.01)
    with queue.turn(), pytest.raises(Unavailable, match="too many people are signing in"), queue.turn():
        pass
    with queue.turn():
        pass
    assert 1 == queue.refused


def test_an_instance_hashes_as_owasp_asks():
    """Tests have a hasher of their own (tests/passwords.py); this is the one that instances have."""
    assert ["holdfast.control.accounts.hashing.BoundedArgon2"] == shipped.PASSWORD_HASHERS
    encoded = BoundedArgon2().encode("correct horse battery", "a-salt-of-its-own")

    assert encoded.startswith("argon2$argon2id$v=19$m=47104,t=1,p=1$")


def test_nobody_is_mailed_more_than_six_times_an_hour(sqlite_instance: Instance):
    door = opened(sqlite_instance)
    confirmed(door)
    for number in range(9):
        browser = Browser(door, f"198.51.{number}.7")
        browser.get("/account/password/reset/")
        assert "Look into your mail" in browser.submit("/account/password/reset/", email="alice@example.org").text

    assert 5 == Mail.objects.filter(to="alice@example.org", kind="reset-password").count()  # the sixth was sign-up's
