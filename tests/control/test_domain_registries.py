"""What registries say of mail domains over RDAP: a lapsed name that keeps its name servers is lost all the same."""

import json
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from control.test_domain_watch import OURS, AClock, Registry, looked
from control.test_sign_up_and_in import confirmed, opened
from instances import Instance
from issuer import listening

from holdfast.config import Config
from holdfast.control.accounts.models import AuditEvent
from holdfast.control.domains.dns import Dns, Found
from holdfast.control.domains.rdap import Registries
from holdfast.control.domains.watch import configured

BEFORE, AFTER = "2019-05-01T08:00:00Z", "2026-10-02T08:00:00Z"
DNS = Registry(example_org=Found("there", OURS))


def registration(at: str = "2019-05-01T10:00:00+02:00", **facts: Any) -> bytes:
    """RFC 9083, appendix A, as short as it can be."""
    events = [{"eventAction": "expiration", "eventDate": AFTER}, {"eventAction": "registration", "eventDate": at}]
    return json.dumps({"ldhName": "EXAMPLE.org", "status": ["active"], "events": events, **facts}).encode()


def looked_up(answers: dict[str, tuple[int, bytes]], domain: str = "example.org") -> tuple[Found, list[str]]:
    """What is found with a registry on loopback that answers so, and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status, body = answers.get(self.path, (404, b"{}"))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    dns = Registry(**{domain.replace(".", "_"): Found("there", OURS)})
    with listening(Handler) as url:
        return Registries(dns, [("org", f"{url}/rdap"), ("*", f"{url}/all")]).look(domain), asked


def test_a_registry_adds_since_when_a_domain_is_registered():
    found, asked = looked_up({"/rdap/domain/example.org": (200, registration())})

    assert Found("there", OURS, BEFORE) == found
    assert ["/rdap/domain/example.org"] == asked


def test_the_name_that_is_registered_lies_above_the_address_and_each_suffix_has_its_service():
    assert (
        Found("there", OURS, BEFORE)
        == looked_up({"/rdap/domain/example.org": (200, registration())}, "mail.example.org")[0]
    )
    assert ["/all/domain/b.test"] == looked_up({}, "b.test")[1]


@pytest.mark.parametrize("status", ["redemption period", "Pending Delete"])
def test_a_domain_its_holder_let_lapse_is_lost_before_anybody_can_have_it(status: str):
    found, _ = looked_up({"/rdap/domain/example.org": (200, registration(status=["active", status]))})

    assert Found("lapsed") == found


@pytest.mark.parametrize(
    "answer",
    [
        (404, b"{}"),
        (429, b""),
        (503, b""),
        (302, b""),
        (200, b"<html>"),
        (200, b"[" * 5000),
        (200, registration(ldhName="other.example")),
        (200, b"x" * 300_000),
    ],
    ids=["no such name", "too many", "down", "elsewhere", "a page", "nested", "another name", "too long"],
)
def test_what_a_registry_does_not_say_changes_nothing(answer: tuple[int, bytes]):
    found, asked = looked_up({"/rdap/domain/example.org": answer})

    assert Found("there", OURS) == found
    assert ["/rdap/domain/example.org"] == asked


@pytest.mark.parametrize("at", ["yesterday", "2019-05-01", 7, None])
def test_a_date_that_is_no_time_is_none(at: Any):
    found, _ = looked_up({"/rdap/domain/example.org": (200, registration(at))})

    assert Found("there", OURS) == found


def test_nothing_but_a_name_becomes_part_of_an_address():
    for odd in ("example.org/../x", "a?b.org", "x" * 64 + ".org", "org"):
        assert [] == looked_up({}, odd)[1]


def test_a_domain_that_was_registered_anew_is_lost_although_its_name_servers_stayed(sqlite_instance: Instance):
    door = opened(sqlite_instance, two_factor="optional")
    confirmed(door)
    sqlite_instance.upload("demo", "1.0")
    registry, clock = Registry(example_org=Found("there", OURS, BEFORE)), AClock()
    looked(sqlite_instance, registry, clock, 2)

    registry.domains["example.org"] = Found("there", OURS)
    looked(sqlite_instance, registry, clock, 2)
    assert EmailAddress.objects.get().verified, "a registry that is away says nothing"
    registry.domains["example.org"] = Found("there", OURS, AFTER)
    looked(sqlite_instance, registry, clock)
    assert EmailAddress.objects.get().verified, "seen once is seen by mistake"
    clock.ahead += timedelta(minutes=10)
    looked(sqlite_instance, registry, clock)

    assert not EmailAddress.objects.get().verified
    assert "registered anew" in str(AuditEvent.objects.get(action="lose-address").detail)


def test_a_lapsed_domain_is_lost(sqlite_instance: Instance):
    door = opened(sqlite_instance, two_factor="optional")
    confirmed(door)
    sqlite_instance.upload("demo", "1.0")
    registry, clock = Registry(example_org=Found("there", OURS, BEFORE)), AClock()
    looked(sqlite_instance, registry, clock)

    registry.domains["example.org"] = Found("lapsed")
    looked(sqlite_instance, registry, clock, 2)

    assert not EmailAddress.objects.get().verified


def test_registries_are_asked_when_an_operator_names_them(sqlite_instance: Instance):
    plain = Config(data=sqlite_instance.config.data)

    assert isinstance(configured(plain), Dns)
    assert isinstance(
        configured(Config(data=plain.data, domain_registries=(("org", "https://rdap.example"),))), Registries
    )
