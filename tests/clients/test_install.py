"""Each installing client against hosted and pulled projects."""

import hashlib
from pathlib import Path

import pytest

from holdfast.drill.corpus import Wheel, wheel
from holdfast.drill.rig import Rig
from tests.clients.conftest import CHAIN_LENGTH
from tests.clients.installers import INSTALLERS, pip_command, uv_command
from tests.clients.person import Person

PIPS = ("pip-machine", "pip-newest")


@pytest.fixture(scope="module")
def hosted(live: Rig) -> Wheel:
    """A hosted project that needs an upstream one."""
    made = wheel("hosted-app", "2.0", ["warm-0>=1.0"])
    answer = live.upload(made)
    assert 200 == answer.status, answer.body
    return made


@pytest.mark.parametrize("client", INSTALLERS)
def test_a_hosted_project_installs_with_what_it_needs_from_upstream(
    client: str, live: Rig, hosted: Wheel, alice: Person
) -> None:
    """One index address is enough: what is hosted and what lies under it resolve together."""
    python = INSTALLERS[client](alice, f"{live.url}/simple/", "hosted-app", "env")

    assert "2.0" == alice.version_seen(python, "hosted-app")
    assert "1.0" == alice.version_seen(python, "warm-1")


@pytest.mark.parametrize("client", ["pip-newest", "uv"])
def test_a_chain_nobody_asked_for_yet_installs_from_upstream(client: str, live: Rig, alice: Person) -> None:
    """Cold pages, metadata and files, one after the other."""
    python = INSTALLERS[client](alice, f"{live.url}/simple/", "cold-0", "env")

    assert "1.0" == alice.version_seen(python, f"cold-{CHAIN_LENGTH - 1}")


@pytest.mark.parametrize("client", [*PIPS, "uv"])
def test_hash_mode_installs_the_named_bytes_and_no_others(
    client: str, live: Rig, hosted: Wheel, upstream_wheels: list[Wheel], alice: Person
) -> None:
    """Hashes of hosted and pulled files are the files' own; a wrong one is refused by the client."""
    wanted = [hosted, *(made for made in upstream_wheels if made.project in ("warm-0", "warm-1"))]
    lines = [f"{made.project}=={made.version} --hash=sha256:{made.sha256}" for made in wanted]
    good = _requirements(alice, "good.txt", lines)
    bad = _requirements(alice, "bad.txt", [lines[0][:-64] + hashlib.sha256(b"other").hexdigest(), *lines[1:]])
    python = alice.environment_for_installs("env")
    command = _command(client, python, live)

    refused = alice.run(*command, "--require-hashes", "-r", bad, check=False)
    alice.run(*command, "--require-hashes", "-r", good)

    assert 0 != refused.returncode
    assert "2.0" == alice.version_seen(python, "hosted-app")


@pytest.mark.parametrize("client", [*PIPS, "uv"])
def test_a_yanked_release_installs_by_exact_pin_only(client: str, live: Rig, alice: Person) -> None:
    """A range takes the older release, the exact pin still takes the yanked one, and unyanking brings it back."""
    project = f"yanked-for-{client}"
    for version in ("1.0", "2.0"):
        assert 200 == live.upload(wheel(project, version)).status
    live.run("project", "yank", project, "2.0", "--reason", "broken on Tuesdays")

    ranged = _install(client, alice, live, project, "ranged")
    pinned = _install(client, alice, live, f"{project}==2.0", "pinned")
    live.run("project", "unyank", project, "2.0")
    again = _install(client, alice, live, project, "again")

    assert "1.0" == alice.version_seen(ranged, project)
    assert "2.0" == alice.version_seen(pinned, project)
    assert "2.0" == alice.version_seen(again, project)


@pytest.mark.parametrize("client", [*PIPS, "uv"])
def test_a_project_neither_hosted_nor_upstream_is_said_not_to_exist(client: str, live: Rig, alice: Person) -> None:
    """A plain failure that names the project, at once."""
    python = alice.environment_for_installs("env")

    done = alice.run(*_command(client, python, live), "no-such-project", check=False)

    assert 0 != done.returncode
    assert "no-such-project" in done.stdout


def _command(client: str, python: Path, live: Rig) -> list[str | Path]:
    index = f"{live.url}/simple/"
    return uv_command(python, index) if client == "uv" else pip_command(client, python, index)


def _install(client: str, alice: Person, live: Rig, requirement: str, name: str) -> Path:
    python = alice.environment_for_installs(name)
    alice.run(*_command(client, python, live), requirement)
    return python


def _requirements(alice: Person, name: str, lines: list[str]) -> Path:
    path = alice.home / name
    path.write_text("\n".join(lines) + "\n")
    return path
