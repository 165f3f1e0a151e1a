"""A private index: everything needs a token, with every client that can carry one."""

from pathlib import Path

import pytest

from holdfast.drill.rig import Rig
from tests.clients.installers import INSTALLERS
from tests.clients.person import Person
from tests.clients.publishers import PUBLISHERS, project_for


@pytest.fixture(scope="module")
def vault_token(live: Rig) -> str:
    """A token that reads and uploads on the private index."""
    return live.run("token", "create", "for-the-vault", "--index", "vault").stdout.strip()


@pytest.fixture(scope="module")
def secret_project(live: Rig, vault_token: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A project published to the private index by twine."""
    home = tmp_path_factory.mktemp("owner")
    folder = project_for("twine", home / "project", "secret-plans", "3.0")
    done = PUBLISHERS["twine"][0](Person(home), folder, f"{live.url}/vault/legacy/", vault_token)
    assert 0 == done.returncode, done.stdout
    return "secret-plans"


@pytest.mark.parametrize("client", INSTALLERS)
def test_a_token_in_the_index_address_opens_a_private_index(
    client: str, live: Rig, vault_token: str, secret_project: str, alice: Person
) -> None:
    """The address with `__token__:<token>@` is all a client needs."""
    address = live.url.replace("http://", f"http://__token__:{vault_token}@")

    python = INSTALLERS[client](alice, f"{address}/vault/simple/", secret_project, "env")

    assert "3.0" == alice.version_seen(python, secret_project)


@pytest.mark.parametrize("path", ["simple/", "simple/secret-plans/", "simple/never-was/", "pypi/secret-plans/json"])
def test_without_a_token_nothing_is_told_apart(live: Rig, secret_project: str, path: str) -> None:
    """What is there and what is not answer alike: 401 with a challenge."""
    answer = live.get(f"/vault/{path}")

    assert (401, True) == (answer.status, answer.headers.get("www-authenticate", "").startswith("Basic"))


def test_the_private_project_is_not_on_the_default_index(live: Rig, secret_project: str, tmp_path: Path) -> None:
    """Indexes are apart: neither the page nor the list of the default one knows it."""
    listing = live.get("/simple/", headers={"Accept": "application/vnd.pypi.simple.v1+json"})

    assert 404 == live.get(f"/simple/{secret_project}/").status
    assert secret_project not in listing.body.decode()
