"""Trusted publishing switched off by an operator: what clients are told, and what was exchanged before."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from instances import Instance
from issuer import AUDIENCE, Issuer, running_issuer
from trusting import code, mint, opened, owned, release

from holdfast.control.projects.models import Release
from holdfast.control.publishers.models import PublisherToken, UsedIdentityToken
from holdfast.control.switches.switching import switch_off
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
