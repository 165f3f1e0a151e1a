"""Webhooks: what is told, how it is signed, where it may go, and what becomes of it when nobody takes it."""

import hashlib
import hmac
import json
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from control.delivering import send_due
from doors import Door
from instances import ALICE, BOB, OPERATOR, Instance, soon

from holdfast.clock import ManualClock, SystemClock
from holdfast.control.accounts.actor import Scopes
from holdfast.control.accounts.models import AuditEvent, User
from holdfast.control.hooks.actions import Wanted, end_webhook, list_webhooks, make_webhook
from holdfast.control.hooks.models import Delivery, Webhook
from holdfast.control.hooks.posting import Answered
from holdfast.control.hooks.queueing import PENDING_MAX
from holdfast.control.hooks.sending import (
    BATCH,
    LEASE,
    PAUSES_SECONDS,
    SENDERS_MAX,
    SENDERS_OF_HOST_MAX,
    TURN_SECONDS,
    Senders,
    forget_deliveries,
)
from holdfast.control.hooks.signing import name_of, secret_for
from holdfast.control.hooks.targets import NotAllowed, Target, parse_target
from holdfast.control.mail.models import Mail
from holdfast.control.organisations.offers import offer_project
from holdfast.control.projects import actions, standing
from holdfast.control.projects.models import Project
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.secret_key import make_key, read_keys
from holdfast.core.errors import Absent, Refused

URL = "https://ci.example/hook"
KEYS = ("k" * 32,)


def hooked(instance: Instance, name: str = "tool", url: str = URL, **more: tuple[str, ...]) -> tuple[int, str]:
    """`tool` of Alice, and her webhook."""
    if not Project.objects.filter(name="tool").exists():
        instance.upload("tool", "1.0")
    index = "main" if name else ""
    make_key(instance.config)
    keys = read_keys(instance.config)
    made = make_webhook(
        instance.publisher, Wanted(index, name, url, **more), keys, ALICE if name else OPERATOR, deadline=soon()
    )
    return made.id, made.secret


class Receiver:
    """The other side: notes what it got and answers as told."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.got: list[tuple[Target, dict[str, str], bytes]] = []

    def __call__(self, target: Target, headers: dict[str, str], body: bytes, networks: object) -> Answered:
        self.got.append((target, headers, body))
        status = self.statuses.pop(0) if self.statuses else 200
        return Answered(status, "" if status else "it cannot be reached")


def test_what_is_done_is_told_in_the_transaction_that_does_it(instance: Instance):
    number, secret = hooked(instance)
    publisher, receiver = instance.publisher, Receiver()
    instance.upload("tool", "1.1")
    instance.upload("other", "1.0", actor=BOB)
    actions.yank_release(publisher, "main", "tool", "1.0", "broken", ALICE, deadline=soon())
    standing.add_role(publisher, "main", "tool", "bob", "maintainer", ALICE, deadline=soon())
    actions.set_status(publisher, "main", "tool", "quarantined", "malware", OPERATOR, deadline=soon())
    actions.delete_release(publisher, "main", "tool", "1.0", ALICE, deadline=soon())
    with pytest.raises(Absent):
        actions.yank_release(publisher, "main", "tool", "9.9", "none", ALICE, deadline=soon())

    assert send_due(instance.config, publisher, receiver) == 5

    told = [(json.loads(body)["event"], json.loads(body)["subject"]) for _target, _headers, body in receiver.got]
    assert told == [
        ("publish", "main/tool/tool-1.1.tar.gz"),
        ("yank", "main/tool/1.0"),
        ("role", "main/tool"),
        ("quarantine", "main/tool"),
        ("delete", "main/tool/1.0"),
    ]
    _target, headers, body = receiver.got[0]
    stamp, _, mac = headers["X-Holdfast-Signature"].partition(",v1=")
    signed = stamp.removeprefix("t=").encode() + b"." + body
    assert hmac.compare_digest(mac, hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest())
    assert json.loads(body)["serial"] > 0
    assert send_due(instance.config, publisher, receiver) == 0
    (facts,) = list_webhooks(publisher, "main", "tool", ALICE)
    assert (facts.id, {one.status for one in facts.deliveries}, facts.failing_since) == (number, {200}, None)


def test_a_webhook_hears_of_what_it_asked_for(sqlite_instance: Instance):
    hooked(sqlite_instance, events=("yank",))
    hooked(sqlite_instance, name="", events=("publish",))

    sqlite_instance.upload("other", "1.0", actor=BOB)
    actions.yank_release(sqlite_instance.publisher, "main", "tool", "1.0", "", ALICE, deadline=soon())

    rows = Delivery.objects.order_by("pk").values_list("webhook__project__name", "event")
    assert list(rows) == [(None, "publish"), ("tool", "yank")]


def test_what_nobody_takes_is_tried_again_with_growing_pauses_and_given_up(sqlite_instance: Instance):
    hooked(sqlite_instance)
    sqlite_instance.upload("tool", "1.1")
    publisher, receiver = sqlite_instance.publisher, Receiver(500, 0, 302)

    for pause in PAUSES_SECONDS[:3]:
        before = publisher.clock.now()
        assert send_due(sqlite_instance.config, publisher, receiver) == 1
        row = Delivery.objects.get()
        assert timedelta(seconds=pause) <= row.due - before < timedelta(seconds=pause + 5)
        assert send_due(sqlite_instance.config, publisher, receiver) == 0, "not before its hour"
        Delivery.objects.update(due=before)
    assert (row.attempts, row.status, row.done) == (3, 302, None), "a redirect is not followed"

    Delivery.objects.update(created=publisher.clock.now() - timedelta(days=3))
    receiver.statuses = [500]
    send_due(sqlite_instance.config, publisher, receiver)
    assert Delivery.objects.get().done is not None
    Delivery.objects.update(done=publisher.clock.now() - timedelta(days=15))
    assert forget_deliveries(publisher.clock) == 1


def test_a_row_is_sent_by_one_sender_and_again_when_that_one_died(sqlite_instance: Instance):
    hooked(sqlite_instance)
    sqlite_instance.upload("tool", "1.1")
    publisher = sqlite_instance.publisher

    class Dying:
        def __call__(self, *_told: object) -> Answered:
            assert send_due(sqlite_instance.config, publisher, Receiver()) == 0, "another sender finds it claimed"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        send_due(sqlite_instance.config, publisher, Dying())
    Delivery.objects.update(due=Delivery.objects.get().due - LEASE)

    assert send_due(sqlite_instance.config, publisher, Receiver()) == 1


def test_a_webhook_without_a_success_for_a_week_is_stopped_and_its_maker_told(sqlite_instance: Instance):
    hooked(sqlite_instance)
    alice = User.objects.get(username="alice")
    EmailAddress.objects.create(user=alice, email="alice@people.example", verified=True, primary=True)
    sqlite_instance.upload("tool", "1.1")
    publisher = sqlite_instance.publisher
    Webhook.objects.update(failing_since=publisher.clock.now() - timedelta(days=8), failures=9)

    send_due(sqlite_instance.config, publisher, Receiver(0))

    (facts,) = list_webhooks(publisher, "main", "tool", ALICE)
    assert (facts.stopped is not None, facts.stopped_why) == (True, "it cannot be reached")
    assert AuditEvent.objects.filter(action="stop-webhook").count() == 1
    assert Mail.objects.get().kind == "webhook-stopped"
    sqlite_instance.upload("tool", "1.2")
    assert Delivery.objects.count() == 1, "it hears of nothing any more"


def test_one_bad_receiver_does_not_hold_up_the_others(sqlite_instance: Instance):
    hooked(sqlite_instance, url="https://bad.example/")
    hooked(sqlite_instance, url="https://good.example/")
    for version in ("1.1", "1.2", "1.3"):
        sqlite_instance.upload("tool", version)
    tried: list[str] = []

    def send(target: Target, headers: object, body: bytes, networks: object) -> Answered:
        tried.append(target.host)
        return Answered(0 if target.host == "bad.example" else 200)

    send_due(sqlite_instance.config, sqlite_instance.publisher, send)

    assert sorted(tried) == ["bad.example", "good.example", "good.example", "good.example"]


def test_a_receiver_that_hangs_holds_up_what_waits_for_it_alone(instance: Instance):
    """The next rounds begin while it hangs, and begin nothing for it; webhooks to one host take a few threads."""
    urls = [f"https://slow.example/{number}" for number in range(SENDERS_OF_HOST_MAX + 1)]
    for url in (*urls, "https://good.example/"):
        hooked(instance, url=url)
    instance.upload("tool", "1.1")
    over, tried = threading.Event(), list[str]()

    def send(target: Target, headers: object, body: bytes, networks: object) -> Answered:
        tried.append(f"{target.host}{target.path}")
        if target.host == "slow.example":
            assert over.wait(30)
        return Answered(200)

    senders = Senders(instance.config, instance.publisher, send)
    *slow, good = senders.begin_round()
    good.join(20)
    instance.upload("tool", "1.2")
    (again,) = senders.begin_round()
    again.join(20)
    over.set()
    for thread in slow:
        thread.join(20)
    (last,) = [one for one in senders.begin_round() if not one.join(20)][-1:]

    assert SENDERS_OF_HOST_MAX == len(slow)
    assert 2 == tried.count("good.example/")
    assert sorted(tried[: SENDERS_OF_HOST_MAX + 1]) == ["good.example/", "slow.example/0", "slow.example/1"]
    assert not last.is_alive()
    assert "slow.example/2" in tried


def test_old_backlogs_of_slow_receivers_leave_every_other_webhook_its_turn(sqlite_instance: Instance):
    """As many webhooks as there are senders, each on a host of its own, with more than a turn's work from before."""
    slow = [hooked(sqlite_instance, url=f"https://slow{number}.example/")[0] for number in range(SENDERS_MAX)]
    before = SystemClock().now() - timedelta(hours=1)
    Delivery.objects.bulk_create(
        Delivery(webhook_id=number, event="yank", body="{}", created=before, due=before)
        for number in slow
        for _ in range(BATCH)
    )
    clock, tried, begun = ManualClock(SystemClock().now()), list[str](), threading.Event()
    publisher = sqlite_instance.another_publisher(clock=clock)

    def send(target: Target, headers: object, body: bytes, networks: object) -> Answered:
        assert begun.wait(30)  # a sender that was done earlier would make room for one more in the same round
        tried.append(target.host)
        clock.advance(TURN_SECONDS)
        return Answered(200)

    senders = Senders(sqlite_instance.config, publisher, send)

    def play_round() -> None:
        begun.clear()
        threads = senders.begin_round()
        begun.set()
        for thread in threads:
            thread.join(20)

    play_round()
    hooked(sqlite_instance, url="https://good.example/")
    sqlite_instance.upload("tool", "1.1")
    play_round()

    assert "good.example" in tried
    assert SENDERS_MAX <= len(tried) <= 2 * SENDERS_MAX, "one attempt in each turn: its time was over"


def test_what_waits_for_one_webhook_is_bounded(sqlite_instance: Instance):
    number, _ = hooked(sqlite_instance)
    now = sqlite_instance.publisher.clock.now()
    Delivery.objects.bulk_create(
        Delivery(webhook_id=number, event="yank", body="{}", created=now, due=now) for _ in range(PENDING_MAX)
    )

    sqlite_instance.upload("tool", "1.1")

    assert Delivery.objects.count() == PENDING_MAX


def test_webhooks_go_with_the_hands_that_made_them(sqlite_instance: Instance):
    """Else whoever gave a project away would go on hearing of it."""
    number, _ = hooked(sqlite_instance)
    User.objects.get_or_create(username="bob")

    offer_project(sqlite_instance.publisher, "main", "tool", OPERATOR, user="bob", deadline=soon())

    assert not Webhook.objects.filter(pk=number).exists()
    assert AuditEvent.objects.get(action="end-webhook").detail == {"webhook": number}


def test_webhooks_are_the_owners_and_those_of_other_projects_are_absent(sqlite_instance: Instance):
    number, _ = hooked(sqlite_instance)
    sqlite_instance.upload("other", "1.0", actor=BOB)
    publisher = sqlite_instance.publisher

    with pytest.raises(Refused):
        list_webhooks(publisher, "main", "tool", BOB)
    with pytest.raises(Absent, match=f"there is no webhook {number} here"):
        end_webhook(publisher, "main", "other", number, BOB, deadline=soon())
    end_webhook(publisher, "main", "tool", number, ALICE, deadline=soon())
    assert not Webhook.objects.exists()


def test_a_secret_outlives_a_change_of_the_instances_key_as_long_as_the_old_one_is_a_fallback():
    first, salt = secret_for("salt", name_of("old"), ("old",)), "salt"

    assert first == secret_for(salt, name_of("old"), ("new", "old"))
    assert secret_for(salt, name_of("old"), ("new",)) is None


NOT_TAKEN = [
    ("ftp://ci.example/", "https URL"),
    ("https://", "https URL"),
    ("https://user:pass@ci.example/", "no user name"),
    ("https://ci.example/#x", "no user name, password or fragment"),
    ("https://ci.example:99999/", "no URL"),
    ("https://ci.example/a b", "no blanks"),
    ("https://ci.example/\r\nX: y", "printable"),
]


@pytest.mark.parametrize(("url", "words"), NOT_TAKEN, ids=[url for url, _ in NOT_TAKEN])
def test_an_address_that_cannot_be_posted_to_is_refused_when_it_is_given(url: str, words: str):
    with pytest.raises(NotAllowed, match=words):
        parse_target(url)


INSIDE = ("127.0.0.1 10.0.0.7 169.254.169.254 127.1 2130706433 [::1] [fe80::1%25eth0] [::ffff:10.0.0.1]").split()


@pytest.mark.parametrize("host", INSIDE)
def test_a_literal_address_that_nothing_is_delivered_to_is_refused_when_it_is_given(sqlite_instance: Instance, host):
    sqlite_instance.upload("tool", "1.0")

    with pytest.raises(NotAccepted, match=r"not public.*webhook_networks"):
        make_webhook(
            sqlite_instance.publisher, Wanted("main", "tool", f"https://{host}/x"), KEYS, ALICE, deadline=soon()
        )
    assert not Webhook.objects.exists()


def test_what_the_operator_opened_is_taken_and_a_name_is_judged_at_each_delivery(sqlite_instance: Instance):
    sqlite_instance.upload("tool", "1.0")
    for url in ("http://10.0.0.7:8000/x", "https://10.0.0.7/x", "https://localhost/x", "https://intern.example/x"):
        wanted = Wanted("main", "tool", url)
        make_webhook(sqlite_instance.publisher, wanted, KEYS, ALICE, networks=("10.0.0.0/8",), deadline=soon())

    assert 4 == Webhook.objects.count()


def test_a_program_is_told_why_a_literal_address_is_not_taken(sqlite_instance: Instance):
    sqlite_instance.upload("tool", "1.0")
    make_key(sqlite_instance.config)
    for networks, status in (((), 400), (("10.0.0.0/8",), 201)):
        door = Door(replace(sqlite_instance, config=replace(sqlite_instance.config, webhook_networks=networks)))
        token = door.token("alice", Scopes(("*",), ("*",), (), True))
        answer = door.api("POST", "projects/main/tool/webhooks", token, {"url": "https://10.0.0.7/"})
        assert status == answer.status, answer.body


def test_a_webhook_with_a_wrong_address_or_event_is_not_made(sqlite_instance: Instance):
    sqlite_instance.upload("tool", "1.0")
    for wanted in (Wanted("main", "tool", "nonsense"), Wanted("main", "tool", URL, ("everything",))):
        with pytest.raises(NotAccepted):
            make_webhook(sqlite_instance.publisher, wanted, KEYS, ALICE, deadline=soon())
