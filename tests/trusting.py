"""An instance that trusts a loopback issuer, and how CI and people talk to it."""

import json
from dataclasses import replace

import wheels
from doors import Answered, Door
from instances import Instance
from issuer import AUDIENCE, WIDGETS, Issuer

from holdfast.clock import SystemClock
from holdfast.config import ProviderConfig
from holdfast.control.projects.models import Project
from holdfast.control.publishers.exchange import Exchange
from holdfast.control.publishers.fetching import fetch


def opened(instance: Instance, issuer: Issuer, *providers: ProviderConfig, **changes: object) -> Door:
    """A door of an instance that trusts the issuer."""
    config = replace(instance.config, providers=providers or (issuer.provider(),), publishing_audience=AUDIENCE)
    return Door(replace(instance, config=config), **{"exchange": Exchange(fetch, SystemClock())} | changes)


def owned(door: Door, name: str = "widgets", claims: dict[str, str] = WIDGETS) -> tuple[str, int]:
    """Alice's token, and the publisher of the project she owns."""
    if not Project.objects.filter(name=name).exists():
        door.instance.upload(name, "1.0")
    alice = door.token("alice")
    made = door.api("POST", f"projects/main/{name}/publishers", alice, {"provider": "ci", "claims": claims})
    assert made.status == 201, made.text
    return alice, made.json()["id"]


def mint(door: Door, token: str, path: str = "/_/oidc/mint-token") -> Answered:
    return door.request("POST", path, json.dumps({"token": token}).encode())


def code(answer: Answered) -> str:
    found = answer.json()
    assert found["message"] == "Token request failed"
    assert answer.headers["content-type"] == "application/json"
    return found["errors"][0]["code"]


def release(version: str, name: str = "widgets") -> tuple[str, bytes]:
    return wheels.twine_body(*wheels.wheel(name, version))
