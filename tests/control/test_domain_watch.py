"""The watch over mail domains: a project's last owner is not whoever registers their lapsed domain (r45)."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from browsers import Browser
from control.test_sign_in_limits import AClock
from control.test_sign_up_and_in import confirmed, is_in, link, opened, sign_in
from instances import ALICE, BOB, Instance, soon

from holdfast.control.accounts.models import AuditEvent, User
from holdfast.control.accounts.recovery import begin_wait
from holdfast.control.domains.dns import Dns, Found
from holdfast.control.domains.models import LostAddress
from holdfast.control.domains.watch import watch
from holdfast.control.mail.models import Mail
from holdfast.control.projects import actions, standing
from holdfast.control.publication.transaction import unpublished_transaction
from holdfast.core.errors import Outcome, Refused

OURS, THEIRS = ("ns1.hoster.example", "ns2.hoster.example"), ("ns1.elsewhere.example",)


class Registry:
    """Domains as they are now."""

    def __init__(self, **domains: Found) -> None:
        self.domains = {name.replace("_", "."): found for name, found in domains.items()}
        self.asked: list[str] = []

    def look(self, domain: str) -> Found:
        self.asked.append(domain)
        return self.domains[domain]


def looked(instance: Instance, registry: Registry, clock: AClock, times: int = 1) -> None:
    for _ in range(times):
        watch(instance.config, instance.publisher, clock, registry)
        clock.ahead += timedelta(hours=1, seconds=1)


@pytest.mark.parametrize("now", [Found("gone"), Found("there", THEIRS)], ids=["gone", "in other hands"])
def test_a_lost_domain_resets_no_password_and_its_owners_are_told(sqlite_instance: Instance, now: Found):
    door = opened(sqlite_instance, two_factor="optional")
    alice = sign_in(confirmed(door))
    confirmed(door, "bob")
    EmailAddress.objects.filter(email="bob@example.org").update(email="bob@other.example")
    sqlite_instance.upload("demo", "1.0")
    standing.add_role(sqlite_instance.publisher, "main", "demo", "bob", "owner", ALICE, deadline=soon())
    registry = Registry(example_org=Found("there", OURS), other_example=Found("there", OURS))
    clock = AClock()
    looked(sqlite_instance, registry, clock, 2)
    assert EmailAddress.objects.get(email="alice@example.org").verified

    registry.domains["example.org"] = now
    looked(sqlite_instance, registry, clock)
    assert EmailAddress.objects.get(email="alice@example.org").verified, "seen once is seen by mistake"
    looked(sqlite_instance, registry, clock)

    assert not EmailAddress.objects.get(email="alice@example.org").verified
    assert ["bob@other.example"] == list(Mail.objects.filter(kind="co-owner-domain-lost").values_list("to", flat=True))
    assert "main/demo" in Mail.objects.get(kind="co-owner-domain-lost").text
    assert AuditEvent.objects.filter(action="lose-address", subject="alice").exists()
    Mail.objects.all().delete()
    thief = Browser(door, "203.0.113.66")
    thief.get("/account/password/reset/")
    thief.submit("/account/password/reset/", email="alice@example.org")
    assert ["no-account"] == list(Mail.objects.values_list("kind", flat=True))
    assert is_in(alice) and is_in(sign_in(Browser(door))), "the person goes on with their password"


def test_what_cannot_be_known_and_what_merely_changes_loses_nothing(sqlite_instance: Instance):
    door = opened(sqlite_instance, two_factor="optional")
    confirmed(door)
    sqlite_instance.upload("demo", "1.0")
    registry, clock = Registry(example_org=Found("there", OURS)), AClock()

    for found in (
        Found("there", OURS),
        Found("unknown"),
        Found("gone"),
        Found("unknown"),
        Found("gone"),
        Found("there", (OURS[0], "ns9.hoster.example")),
        Found("there", ("ns9.hoster.example",)),
    ):
        registry.domains["example.org"] = found
        looked(sqlite_instance, registry, clock)

    assert EmailAddress.objects.get().verified and not LostAddress.objects.exists()


def test_only_domains_of_publishers_are_looked_at_and_not_too_often(sqlite_instance: Instance):
    door = opened(sqlite_instance, two_factor="optional")
    confirmed(door)
    registry, clock = Registry(example_org=Found("there", OURS)), AClock()
    watch(sqlite_instance.config, sqlite_instance.publisher, clock, registry)
    assert [] == registry.asked

    sqlite_instance.upload("demo", "1.0")
    for _ in range(3):
        watch(sqlite_instance.config, sqlite_instance.publisher, clock, registry)

    assert ["example.org"] == registry.asked


def test_confirmed_anew_a_domain_is_as_it_is_now(sqlite_instance: Instance):
    door = opened(sqlite_instance, two_factor="optional")
    alice = sign_in(confirmed(door))
    sqlite_instance.upload("demo", "1.0")
    registry, clock = Registry(example_org=Found("there", OURS)), AClock()
    looked(sqlite_instance, registry, clock)
    registry.domains["example.org"] = Found("there", THEIRS)
    looked(sqlite_instance, registry, clock, 2)
    alice.get("/account/email/")
    alice.submit("/account/email/", form=0, email="alice@example.org", action_send="1")
    alice.get(link("verify-address"))
    alice.submit()

    assert EmailAddress.objects.get().verified and not LostAddress.objects.exists()
    looked(sqlite_instance, registry, clock, 3)
    assert EmailAddress.objects.get().verified


def test_what_a_newcomer_confirms_on_a_lost_domain_gives_nobody_elses_address_back(sqlite_instance: Instance):
    door = opened(sqlite_instance, two_factor="optional")
    confirmed(door)
    sqlite_instance.upload("demo", "1.0")
    registry, clock = Registry(example_org=Found("there", OURS)), AClock()
    looked(sqlite_instance, registry, clock)
    registry.domains["example.org"] = Found("there", THEIRS)
    looked(sqlite_instance, registry, clock, 2)
    confirmed(door, "mallory")

    assert is_in(sign_in(Browser(door)))
    assert 1 == Mail.objects.filter(kind="verify-address", to="alice@example.org").count()  # of her own sign-up
    assert not EmailAddress.objects.get(email="alice@example.org").verified


def test_what_a_thief_could_do_meanwhile_waits_and_filenames_stay_taken(sqlite_instance: Instance):
    """The rest of r45: had they come in by mail, deleting waits; and a deleted filename is never taken again."""
    sqlite_instance.upload("demo", "1.0")
    with unpublished_transaction(sqlite_instance.publisher, BOB, soon()) as tx:
        begin_wait(tx, User.objects.get(username="alice"), "a test")

    with pytest.raises(Refused, match="just recovered"):
        actions.delete_release(sqlite_instance.publisher, "main", "demo", "1.0", ALICE, deadline=soon())
    User.objects.update(recovered_until=None)
    actions.delete_release(sqlite_instance.publisher, "main", "demo", "1.0", ALICE, deadline=soon())
    with pytest.raises(Outcome, match="already exists"):
        sqlite_instance.upload("demo", "1.0")


@contextmanager
def resolver(answers: dict[str, tuple[int, list[str]]]) -> Iterator[tuple[str, int]]:
    """A resolver on loopback: name -> (response code, name servers)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as serving:
        serving.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                try:
                    packet, peer = serving.recvfrom(4096)
                except OSError:
                    return
                labels, place = [], 12
                while packet[place]:
                    labels.append(packet[place + 1 : place + 1 + packet[place]].decode())
                    place += 1 + packet[place]
                code, servers = answers.get(".".join(labels), (3, []))
                head = packet[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(servers), 0, 0)
                body = b""
                for server in servers:
                    name = b"".join(bytes([len(one)]) + one.encode() for one in server.split(".")) + b"\0"
                    body += b"\xc0\x0c" + struct.pack(">HHIH", 2, 1, 60, len(name)) + name
                serving.sendto(head + packet[12 : place + 5] + body, peer)

        threading.Thread(target=serve, daemon=True).start()
        yield serving.getsockname()


@pytest.mark.parametrize(
    ("domain", "found"),
    [
        ("example.org", Found("there", OURS)),
        ("Mail.Example.org", Found("there", OURS)),
        ("gone.example", Found("gone")),
        ("broken.example", Found("unknown")),
        ("x" * 70 + ".example", Found("unknown")),
    ],
)
def test_name_servers_are_asked_for_over_dns(domain: str, found: Found):
    answers = {"example.org": (0, [*OURS]), "mail.example.org": (0, []), "broken.example": (2, [])}
    with resolver(answers) as address:
        assert found == Dns((address,), 2.0).look(domain)


def test_an_answer_that_was_cut_off_is_no_news():
    """RFC 2181 §9: what came is no whole set, and some name servers alone would look like a move."""
    with resolver({"example.org": (0x0200, [OURS[0]])}) as address:
        assert Found("unknown") == Dns((address,), 2.0).look("example.org")


def test_a_resolver_that_does_not_answer_is_no_news():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))

        assert Found("unknown") == Dns((silent.getsockname(),), 0.05).look("example.org")
