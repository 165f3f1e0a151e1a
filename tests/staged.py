"""A release that waits in `staging` to be promoted to `main`: what tests of promotions begin with."""

from typing import Any

import wheels
from doors import Answered, Door
from instances import Instance, Scopes

from holdfast.config import IndexConfig
from holdfast.core.model import Record

WHEEL, SDIST = wheels.wheel("demo-pkg", "1.0", requires_python=">=3.9"), wheels.sdist("demo-pkg", "1.0")
NAMES = [WHEEL[0], SDIST[0]]
STAGING, MAIN = IndexConfig("staging"), IndexConfig("main")
RELEASE = "projects/staging/Demo.Pkg/releases/v1.0"


def uploader(*indexes: str) -> Scopes:
    return Scopes(read=indexes, upload=indexes, create_projects=True)


def staged(instance: Instance, *indexes: IndexConfig, **changes: Any) -> tuple[Door, str]:
    """A door, and the token of Alice, who uploaded a wheel and an sdist of demo-pkg 1.0 to `staging`."""
    door = Door(instance, **changes).among(*(indexes or (MAIN, STAGING)))
    alice = door.token("alice", uploader("main", "staging"))
    for filename, data in (WHEEL, SDIST):
        assert door.upload(wheels.twine_body(filename, data), alice, "/staging/legacy/").status == 200
    return door, alice


def to_main(door: Door, token: str, **fields: Any) -> Answered:
    return door.api("POST", f"{RELEASE}/promote", token, {"to": "main", **fields})


def record(instance: Instance, index: str) -> Record | None:
    reader = instance.reader()
    entry = reader.find(index, "demo-pkg")
    return reader.record(entry) if entry is not None and not entry.gone else None


def filenames(instance: Instance, index: str) -> list[str]:
    found = record(instance, index)
    return [file.filename for file in found.files] if found else []
