"""Each publishing client uploads a real build; what it uploaded installs at once; repeats and clashes end in words."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from holdfast.drill.rig import Answer, Rig
from tests.clients.installers import with_uv
from tests.clients.person import Person
from tests.clients.publishers import PUBLISHERS, project_for

JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}


@dataclass(frozen=True)
class Published:
    """A project one client has published, and the page as the very next request found it."""

    client: str
    project: str
    folder: Path
    page: Answer


@pytest.fixture(scope="module", params=PUBLISHERS)
def published(request: pytest.FixtureRequest, live: Rig, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """An sdist and a wheel of a new project, published by that client."""
    client = request.param
    home = tmp_path_factory.mktemp(client)
    folder = project_for(client, home / "project", f"by-{client}", "1.0")

    done = PUBLISHERS[client][0](Person(home), folder, f"{live.url}/legacy/", live.token())
    page = live.get(f"/simple/by-{client}/", headers=JSON)

    assert 0 == done.returncode, done.stdout
    return Published(client, f"by-{client}", folder, page)


def test_the_next_request_after_a_publish_sees_both_files(published: Published) -> None:
    """No pause, no retry: success means it is there."""
    files = sorted(file["filename"] for file in json.loads(published.page.body)["files"])

    module = published.project.replace("-", "_")
    assert [f"{module}-1.0-py3-none-any.whl", f"{module}-1.0.tar.gz"] == files


def test_what_was_published_installs(published: Published, live: Rig, alice: Person) -> None:
    """From the wheel that back end built."""
    python = with_uv(alice, f"{live.url}/simple/", f"{published.project}==1.0", "env")

    assert "1.0" == alice.version_seen(python, published.project)


def test_publishing_the_same_bytes_again_succeeds(published: Published, live: Rig, alice: Person) -> None:
    """A run that was cut off is finished by running it again; nothing changes for anybody else."""
    done = PUBLISHERS[published.client][0](alice, published.folder, f"{live.url}/legacy/", live.token())

    assert 0 == done.returncode, done.stdout
    assert published.page.body == live.get(f"/simple/{published.project}/", headers=JSON).body


def test_other_bytes_under_a_taken_filename_are_refused_in_words(
    published: Published, live: Rig, alice: Person, tmp_path: Path
) -> None:
    """The person reads that the file already exists, in that client's own output, and nothing changes."""
    changed = project_for(published.client, tmp_path / "project", published.project, "1.0", body="answer = 42\n")

    done = PUBLISHERS[published.client][0](alice, changed, f"{live.url}/legacy/", live.token())

    assert "already exists" in done.stdout.lower()
    assert published.page.body == live.get(f"/simple/{published.project}/", headers=JSON).body


@pytest.mark.parametrize("client", PUBLISHERS)
def test_a_wrong_token_fails_and_publishes_nothing(client: str, live: Rig, alice: Person, tmp_path: Path) -> None:
    """The client ends with an error, does not hang at a prompt, and the token is not printed."""
    folder = project_for(client, tmp_path / "project", f"denied-{client}", "1.0")
    wrong = live.token()[:-8] + "AAAAAAAA"

    done = PUBLISHERS[client][0](alice, folder, f"{live.url}/legacy/", wrong)

    assert 0 != done.returncode, done.stdout
    assert wrong not in done.stdout
    assert 404 == live.get(f"/simple/denied-{client}/").status
