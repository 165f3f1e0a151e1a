"""Attestations beside the distributions, as twine and uv send them: served as provenance, installs are as before."""

import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import attested
import pytest

from holdfast.drill.rig import Rig
from tests.clients.installers import with_pip, with_uv
from tests.clients.person import Person, build
from tests.clients.publishers import project_for
from tests.clients.toolbox import tool

JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}
Done = subprocess.CompletedProcess[str]


def by_twine(person: Person, files: list[Path], url: str, token: str) -> Done:
    """twine takes the attestations as further files, and sends them when asked to."""
    return person.run(
        tool("twine") / "twine", "upload", "--verbose", "--non-interactive", "--disable-progress-bar", "--attestations",
        "--repository-url", url, *files, *(path_beside(file) for file in files),
        env={"TWINE_USERNAME": "__token__", "TWINE_PASSWORD": token}, check=False,
    )  # fmt: skip


def by_uv(person: Person, files: list[Path], url: str, token: str) -> Done:
    """uv sorts out of `dist/*` which attestations belong to which file."""
    everything = files[0].parent / "*"
    return person.run(
        tool("uv") / "uv", "publish", "--publish-url", url, everything, env={"UV_PUBLISH_TOKEN": token}, check=False
    )


PUBLISHERS: dict[str, Callable[[Person, list[Path], str, str], Done]] = {"twine": by_twine, "uv": by_uv}


def path_beside(file: Path) -> Path:
    return file.with_name(f"{file.name}.publish.attestation")


def signed_build(person: Person, project: str, *, of: bytes | None = None) -> list[Path]:
    """An sdist and a wheel, each with an attestation beside it; `of` are other bytes to attest."""
    files = [Path(file) for file in build(person, project_for("twine", person.home / project, project, "1.0"))]
    for file in files:
        made = attested.attestation(file.name, file.read_bytes() if of is None else of)
        path_beside(file).write_text(json.dumps(made))
    return files


@pytest.mark.parametrize("client", PUBLISHERS)
def test_published_attestations_are_served_and_the_files_install(client: str, live: Rig, alice: Person) -> None:
    """What stands in the provenance is what was beside the file."""
    project = f"signed-by-{client}"
    files = signed_build(alice, project)

    done = PUBLISHERS[client](alice, files, f"{live.url}/legacy/", live.token())

    assert 0 == done.returncode, done.stdout
    listed = {one["filename"]: one for one in json.loads(live.get(f"/simple/{project}/", headers=JSON).body)["files"]}
    assert {file.name for file in files} == set(listed)
    for file in files:
        answer = live.get(listed[file.name]["provenance"].removeprefix(live.url))
        (bundle,) = json.loads(answer.body)["attestation_bundles"]
        assert [json.loads(path_beside(file).read_text())] == bundle["attestations"]
        assert {"kind": "unverified", "claims": None} == bundle["publisher"]
        assert hashlib.sha256(file.read_bytes()).hexdigest() == listed[file.name]["hashes"]["sha256"]
    for install, name in ((with_pip("pip-newest"), "by-pip"), (with_uv, "by-uv")):
        python = install(alice, f"{live.url}/simple/", f"{project}==1.0", name)
        assert "1.0" == alice.version_seen(python, project)


@pytest.mark.parametrize("client", PUBLISHERS)
def test_an_attestation_of_other_bytes_ends_in_words_and_publishes_nothing(
    client: str, live: Rig, alice: Person
) -> None:
    """The person reads which rule does not hold."""
    project = f"missigned-by-{client}"

    done = PUBLISHERS[client](alice, signed_build(alice, project, of=b"other"), f"{live.url}/legacy/", live.token())

    assert 0 != done.returncode
    assert "is not the sha256 of the bytes that arrived" in " ".join(done.stdout.split())  # twine breaks lines
    assert 404 == live.get(f"/simple/{project}/").status
