"""Releases published all at once: staged by `holdfast publish`, tried out by real pip and uv, installed afterwards."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.drill.corpus import wheel
from holdfast.drill.rig import Rig
from tests.clients.installers import Installer, with_pip, with_uv
from tests.clients.person import Person, build, write_project

JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}
INSTALLERS = {"pip": with_pip("pip-newest"), "uv": with_uv}


def publish(person: Person, live: Rig, *words: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the command as somebody on another machine would: with an address and a token."""
    command = (sys.executable, "-m", "holdfast.cli.main", "publish", "--url", live.url, *words)
    return person.run(*command, env={"HOLDFAST_TOKEN": live.token()}, check=check)


def preview_of(said: str) -> str:
    """The address in what the command printed."""
    return next(word for word in said.split() if "/@preview/" in word)


def listed(live: Rig, name: str) -> list[str]:
    answer = live.get(f"/simple/{name}/", headers=JSON)
    return [file["filename"] for file in json.loads(answer.body)["files"]] if answer.status == 200 else []


@pytest.mark.parametrize("client", INSTALLERS)
def test_a_staged_release_installs_from_its_preview_with_dependencies_and_from_the_index_once_published(
    client: str, live: Rig, alice: Person
) -> None:
    """The dependency is the upstream's; nobody who does not know the address sees the release before its time."""
    install: Installer = INSTALLERS[client]
    made = wheel(f"staged-by-{client}", "1.0", ["popular>=1.0"])
    dist = alice.home / "dist"
    dist.mkdir()
    (dist / made.filename).write_bytes(made.content)

    preview = preview_of(publish(alice, live, "--preview", dist).stdout)
    python = install(alice, preview, f"{made.project}==1.0", "early")
    before = listed(live, made.project)
    published = publish(alice, live, dist)

    assert (before, listed(live, made.project)) == ([], [made.filename])
    assert "going on: 1 of 1 files are staged already" in published.stdout
    alice.run(python, "-c", f"import {made.project.replace('-', '_')}, popular")
    assert live.get(preview.removeprefix(live.url) + f"{made.project}/").status == 404
    install(alice, f"{live.url}/simple/", f"{made.project}==1.0", "late")
    secret = preview.split("/")[-3]
    logs = [path.read_bytes() for path in (live.data / "log").rglob("*") if path.is_file()]
    assert logs and not any(secret.encode() in text for text in logs)


def test_a_build_is_published_whole_or_not_at_all(live: Rig, alice: Person) -> None:
    """An sdist and a wheel of a real build; beside a file that is refused neither appears."""
    folder = write_project(alice.home / "project", "at-once", "1.0", "hatchling")
    files = build(alice, folder)
    broken = folder / "dist" / "at_once-1.0-py2-none-any.whl"
    broken.write_bytes(b"no archive")

    refused = publish(alice, live, folder / "dist", check=False)
    before = listed(live, "at-once")
    broken.unlink()
    publish(alice, live, *files)
    again = publish(alice, live, *files)

    assert (refused.returncode, before) == (1, [])
    assert broken.name in refused.stdout and "Nothing was published." in refused.stdout
    assert sorted(file.name for file in files) == sorted(listed(live, "at-once"))
    assert "was there already" in again.stdout
