"""twine and uv publish to an index that is only a view: what they send lands in the index it names, and they say so."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.drill.corpus import Upstream, wheel
from holdfast.drill.rig import Rig
from tests.clients.installers import with_uv
from tests.clients.person import Person
from tests.clients.publishers import PUBLISHERS, project_for

JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}
SETTINGS = '[index.main]\nlayers = []\n\n[index.all]\nlayers = ["main", "upstream"]\nupload_to = "main"\n'


@pytest.fixture(scope="module")
def view(tools: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """An instance whose index `all` shows `main` over an upstream, and takes no uploads itself."""
    settings = tmp_path_factory.mktemp("settings") / "holdfast.toml"
    settings.write_text(SETTINGS)
    with (
        Upstream([wheel("popular", "1.0")]) as upstream,
        Rig(f"{upstream.url}/simple/", {"HOLDFAST_CONFIG": str(settings)}) as running,
    ):
        yield running


@pytest.mark.parametrize("client", ["twine", "uv"])
def test_what_is_published_to_a_view_is_in_the_index_behind_it_and_installs_from_the_view(
    client: str, view: Rig, alice: Person, tmp_path: Path
) -> None:
    folder = project_for(client, tmp_path / "project", f"by-{client}", "1.0")

    done = PUBLISHERS[client][0](alice, folder, f"{view.url}/all/legacy/", view.token())

    assert 0 == done.returncode, done.stdout
    pages = [view.get(f"{root}/simple/by-{client}/", headers=JSON) for root in ("", "/all")]
    listed = [sorted(file["filename"] for file in json.loads(page.body)["files"]) for page in pages]
    assert listed == [[f"by_{client}-1.0-py3-none-any.whl", f"by_{client}-1.0.tar.gz"]] * 2
    python = with_uv(alice, f"{view.url}/all/simple/", f"by-{client}==1.0", "env")
    assert "1.0" == alice.version_seen(python, f"by-{client}")


@pytest.mark.parametrize("client", ["twine", "uv"])
def test_a_name_that_the_view_has_from_its_upstream_is_refused(
    client: str, view: Rig, alice: Person, tmp_path: Path
) -> None:
    folder = project_for(client, tmp_path / "project", "popular", "9.0")

    done = PUBLISHERS[client][0](alice, folder, f"{view.url}/all/legacy/", view.token())

    assert 0 != done.returncode
    assert "holdfast project shadow popular" in done.stdout
    assert 404 == view.get("/simple/popular/").status
