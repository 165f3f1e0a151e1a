"""A publishing session and what is sent to it: what tests of staging begin with."""

from typing import Any

import wheels
from doors import Answered, Door
from instances import Instance

from holdfast.control.projects.models import FilenameBinding, Project
from holdfast.control.publication.transaction import current_serial
from holdfast.core import preview_token
from holdfast.core.errors import Absent
from holdfast.core.model import Record
from holdfast.tree.previews import Preview, read_preview

WHEEL, SDIST = wheels.wheel("demo-pkg", "1.0", requires_python=">=3.9"), wheels.sdist("demo-pkg", "1.0")
OTHER = (WHEEL[0], wheels.wheel("demo-pkg", "1.0", size=9)[1])  # the same filename, other bytes
NAMES = [WHEEL[0], SDIST[0]]
RELEASE = {"name": "Demo.Pkg", "version": "v1.0"}


def opened(door: Door, token: str, **fields: str) -> str:
    """The id of a new session in `main`."""
    answer = door.api("POST", "sessions/main", token, {**RELEASE, **fields})
    assert answer.status == 201, answer.text
    return str(answer.json()["session"])


def stage(door: Door, token: str, session: str, made: tuple[str, bytes], **more: str) -> Answered:
    return door.upload(wheels.twine_body(*made, **more), token, f"/api/sessions/main/{session}/files")


def staged(instance: Instance, **changes: Any) -> tuple[Door, str, str]:
    """A door, Alice's token, and her session with a wheel and an sdist of demo-pkg 1.0."""
    door = Door(instance, **changes)
    alice = door.token("alice")
    session = opened(door, alice)
    for made in (WHEEL, SDIST):
        answer = stage(door, alice, session, made)
        assert answer.status == 200, answer.text
    return door, alice, session


def ask(door: Door, token: str, session: str, method: str = "GET", what: str = "", **fields: Any) -> Answered:
    path = f"sessions/main/{session}" + (f"/{what}" if what else "")
    return door.api(method, path, token, fields or None)


def preview_of(door: Door, token: str, session: str) -> Preview | None:
    """What the preview's address shows, None when nothing."""
    url = ask(door, token, session).json()["links"].get("preview")
    return None if url is None else read(door, url)


def read(door: Door, url: str) -> Preview | None:
    try:
        return read_preview(door.instance.store, preview_token.digest(url.split("/")[-3]))
    except Absent:
        return None


def record(instance: Instance, index: str = "main") -> Record | None:
    reader = instance.reader()
    entry = reader.find(index, "demo-pkg")
    return reader.record(entry) if entry is not None and not entry.gone else None


def filenames(instance: Instance) -> list[str]:
    found = record(instance)
    return [file.filename for file in found.files] if found else []


def traces() -> tuple[int, int, int]:
    """What a session must not leave before it is published: a serial, projects, bound filenames."""
    return current_serial(), Project.objects.count(), FilenameBinding.objects.count()
