"""Trusted publishing switched off by an operator: what clients are told, and what was exchanged before."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from control.clocks import ForwardClock
from instances import Instance
from issuer import AUDIENCE, Issuer, running_issuer
from trusting import code, mint, opened, owned, release

from holdfast.control.projects.models import Release
from holdfast.control.publishers.models import PublisherToken, UsedIdentityToken
from holdfast.control.switches.switching import switch_off
from holdfast.tree.overrides import change
from holdfast.tree.switches import new_switch


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with running_issuer() as running:
        yield running


def test_what_is_switched_off_is_told_where_clients_print_it(sqlite_instance: Instance, issuer: Issuer):
    """uv and twine print nothing of a refused audience but its status, and every word of a refused exchange."""
    owned(opened(sqlite_instance, issuer))
    now = datetime.now(UTC)
    off = new_switch(
        "trusted-publishing", scope="*", reason="a leak", status_url="", banner=None, until=None, by="op", now=now
    )
    switch_off(sqlite_instance.store, off)
    door = opened(sqlite_instance, issuer, publisher=sqlite_instance.another_publisher())

    audience, minted = door.request("GET", "/_/oidc/audience"), mint(door, issuer.token())

    assert (200, AUDIENCE) == (audience.status, audience.json()["audience"])
    assert (403, "not-enabled") == (minted.status, code(minted))
    assert "Trusted publishing is switched off: a leak." == minted.json()["errors"][0]["description"]
    assert UsedIdentityToken.objects.count() == 0


def test_a_switch_stops_the_tokens_that_its_issuer_gave_before(sqlite_instance: Instance, issuer: Issuer):
    """Of an issuer that was broken into nobody knows which exchange was the thief's; other issuers' tokens go on."""
    door = opened(sqlite_instance, issuer)
    owned(door)
    token = mint(door, issuer.token()).json()["token"]
    now = datetime.now(UTC)

    def off(scope: str) -> None:
        facts = {"scope": scope, "reason": "a leak", "status_url": "", "banner": None, "until": None}
        switch_off(sqlite_instance.store, new_switch("trusted-publishing", **facts, by="op", now=now))
        door.instance.publisher.switches.decided()

    off("https://another.example")
    assert 200 == door.upload(release("2.0"), token).status
    off("*")
    refused, people = door.upload(release("3.0"), token), door.upload(release("4.0"), door.token("alice"))

    assert (403, 200) == (refused.status, people.status)
    assert "Trusted publishing is switched off: a leak." in refused.text
    assert ["1.0", "2.0", "4.0"] == sorted(Release.objects.values_list("version", flat=True))
    assert 202 == door.request("POST", "/_/oidc/burn-token", json.dumps({"token": token}).encode()).status
    assert not PublisherToken.objects.exists()


def test_an_issuers_exchanges_and_tokens_go_on_by_themselves_when_its_switch_has_ended(
    sqlite_instance: Instance, issuer: Issuer
):
    clock = ForwardClock()
    quick = replace(sqlite_instance, publisher=sqlite_instance.another_publisher(clock=clock))
    door = opened(quick, issuer, clock=clock)
    owned(door)
    token, now = mint(door, issuer.token()).json()["token"], clock.now()
    facts = {"scope": issuer.provider().issuer, "reason": "a leak", "status_url": "", "banner": None, "by": "op"}
    ends = now + timedelta(minutes=2)
    # Issuers of tests speak plain HTTP on loopback, which no operator's scope may.
    made = msgspec.structs.replace(
        new_switch("trusted-publishing", **facts | {"scope": "*"}, until=ends, now=now), scope=facts["scope"]
    )
    change(sqlite_instance.store, lambda old: msgspec.structs.replace(old, switches=(made,)), by="op", what="", now=now)
    clock.advance(1)

    off = (mint(door, issuer.token()).status, door.upload(release("2.0"), token).status)
    clock.advance(120)
    on = (mint(door, issuer.token()).status, door.upload(release("2.0"), token).status)

    assert ((403, 403), (200, 200)) == (off, on)
