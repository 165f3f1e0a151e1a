"""Real wheels and sdists, fetched through one index of an instance and uploaded unchanged into another one."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import wheels
from packaging.version import InvalidVersion, Version

from holdfast.drill.rig import Answer, Rig, fetch
from tests.clients.live_projects import FILE_BYTES_MAX, LISTED_REASONS, PROJECTS

pytestmark = pytest.mark.live
JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}
FETCH_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Listed:
    """One file of a project's page."""

    filename: str
    url: str
    sha256: str


@pytest.fixture(scope="module")
def over_the_default_upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """`main` pulls from whatever this machine's pip is set up to use; `copies` has no layer."""
    settings = tmp_path_factory.mktemp("live") / "holdfast.toml"
    settings.write_text("[index.copies]\nlayers = []\n")
    with Rig("", {"HOLDFAST_CONFIG": str(settings)}) as running:
        yield running


@pytest.mark.parametrize("project", PROJECTS)
def test_real_files_are_taken_unchanged_or_refused_for_a_listed_reason(
    project: str, over_the_default_upstream: Rig
) -> None:
    """The newest wheel and sdist of the newest version that has both in a bounded size."""
    rig = over_the_default_upstream
    chosen = newest(rig, project)

    answers = {one.filename: copied(rig, one) for one in chosen}

    for name, answer in answers.items():
        print(f"{name}: {answer.status} {answer.body[:300].decode()}")
    assert chosen
    assert [] == [name for name, answer in answers.items() if answer.status != 200 and not is_listed(answer)]


def is_listed(answer: Answer) -> bool:
    return answer.status == 400 and any(reason in answer.body.decode() for reason in LISTED_REASONS)


def newest(rig: Rig, project: str) -> list[Listed]:
    """A wheel and an sdist, as far as there are any."""
    page = rig.get(f"/simple/{project}/", timeout=FETCH_SECONDS, headers=JSON)
    assert page.status == 200, page
    files = [file for file in json.loads(page.body)["files"] if (file.get("size") or 0) <= FILE_BYTES_MAX]
    files.sort(key=lambda file: _version(file["filename"]))
    found = []
    for ending in (".whl", ".tar.gz"):
        kind = [file for file in files if file["filename"].endswith(ending)]
        found += [Listed(file["filename"], file["url"], file["hashes"]["sha256"]) for file in kind[-1:]]
    return found


def _version(filename: str) -> Version:
    stem = filename.removesuffix(".tar.gz")
    try:
        version = Version(filename.split("-")[1] if filename.endswith(".whl") else stem.rsplit("-", 1)[1])
    except (InvalidVersion, IndexError):
        return Version("0")
    return Version("0") if version.is_prerelease else version


def copied(rig: Rig, file: Listed) -> Answer:
    """The file through the cache, and the answer to its upload."""
    url = file.url if file.url.startswith("http") else f"{rig.url}/{file.url.lstrip('./')}"
    got = fetch(url, timeout=FETCH_SECONDS)
    assert got.status == 200, (got.status, file)
    assert file.sha256 == hashlib.sha256(got.body).hexdigest()
    content_type, body = wheels.twine_body(file.filename, got.body)
    return upload(rig, content_type, body)


def upload(rig: Rig, content_type: str, body: bytes) -> Answer:
    from base64 import b64encode

    token = copies_token(rig)
    basic = b64encode(f"__token__:{token}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}", "Content-Type": content_type}
    return fetch(f"{rig.url}/copies/legacy/", timeout=FETCH_SECONDS, data=body, headers=headers)


def copies_token(rig: Rig) -> str:
    path = Path(rig.folder) / "copies-token"
    if not path.exists():
        path.write_text(rig.run("token", "create", "copier", "--index", "copies").stdout.strip())
    return path.read_text()
