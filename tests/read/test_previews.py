"""Previews of staged releases: the index with one session's files, at an address that is a secret and ends with it."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from read.plays import plays
from read.site import HTML, JSON, path_of, private_index, running
from read.test_access import basic, issue

from holdfast.clock import ManualClock
from holdfast.config import IndexConfig
from holdfast.core import preview_token
from holdfast.core.logged_path import loggable
from holdfast.core.model import Record
from holdfast.read.hot import log_fragment
from holdfast.read.routes import FileRoute, Moved, NotFound, PreviewRoute, Routes, SimpleDetail, SimpleList
from holdfast.tree import addresses
from holdfast.tree.journal import BytesRemoved
from holdfast.tree.previews import drop_preview, put_preview

TOKEN = "aZ09_-" * 7 + "x"
ROOT = f"/@preview/{TOKEN}"
SHA = "ab" * 32
NOW = datetime(2026, 11, 1, tzinfo=UTC)
ROUTES = Routes(("main", "team"), "main", "/mirror")


@pytest.mark.parametrize(
    ("path", "index", "inner"),
    [
        (f"{ROOT}/simple/", "main", SimpleList("main")),
        (f"/mirror/team{ROOT}/simple/a-b/", "team", SimpleDetail("team", "a-b")),
        (f"{ROOT}/simple/A.B/", "main", Moved("../a-b/")),
        (f"{ROOT}/packages/ab/ab/{SHA[4:]}/a-1.tar.gz", "main", FileRoute("main", SHA, "a-1.tar.gz", False)),
    ],
)
def test_a_preview_is_a_subtree_of_its_index(path, index, inner):
    assert PreviewRoute(index, TOKEN, inner) == ROUTES.find(path)


@pytest.mark.parametrize(
    "path",
    [ROOT, f"{ROOT}/", f"{ROOT}/legacy/", f"{ROOT}/pypi/a/json", f"{ROOT}/@2026-11-01/simple/", "/@preview/",
     f"/@preview/{TOKEN[:-1]}/simple/", f"/@preview/{TOKEN}x/simple/", f"{ROOT}/simple/-/"],
)  # fmt: skip
def test_nothing_else_lies_in_a_preview(path):
    assert isinstance(ROUTES.find(path), NotFound)


def stage(site, *files, index="main", name="demo", days=7, token=TOKEN):
    """What control leaves in the store of an open session: no card, no record, no journal entry names the files."""
    for file in files:
        site.store.delete(addresses.card(index, file.sha256, file.filename))
    put_preview(site.store, token, Record(index, name, name, 0, files), site.clock.now() + timedelta(days=days))


async def listed(site, path=f"{ROOT}/simple/demo/", **headers):
    answer = await site.get(path, accept=JSON, **headers)
    assert answer.status == 200, (answer.status, answer.body)
    return [file["filename"].split("-")[1] for file in json.loads(answer.body)["files"]]


@plays
async def test_the_page_has_the_staged_files_beside_the_published_ones_and_nobody_else_sees_them(tmp_path):
    async with running(tmp_path) as site:
        site.publish("demo", site.wheel("demo", "0.9"))
        stage(site, site.wheel("demo", "1.0"))

        assert await listed(site) == ["0.9", "1.0"]
        assert await listed(site, "/simple/demo/") == ["0.9"]
        assert (await site.get(f"{ROOT}/simple/demo/", accept=HTML)).body.count(b"<a ") == 2


@plays
async def test_a_new_project_is_on_no_list_and_at_no_other_address(tmp_path):
    async with running(tmp_path) as site:
        site.publish("other", site.wheel("other"))
        file = site.wheel("demo")
        stage(site, file)

        assert await listed(site) == ["1.0"]
        for path in ("/simple/", f"{ROOT}/simple/"):
            names = json.loads((await site.get(path, accept=JSON)).body)["projects"]
            assert [project["name"] for project in names] == ["other"]
        for path in ("/simple/demo/", path_of(file), path_of(file, metadata=True), "/pypi/demo/json"):
            assert (await site.get(path)).status == 404, path


@plays
async def test_staged_files_and_their_metadata_come_from_below_the_preview(tmp_path):
    async with running(tmp_path) as site:
        small, large = site.wheel("demo"), site.wheel("demo", "2.0", data=b"x" * 200_000)
        stage(site, small, large)

        for file in (small, large):
            assert (await site.get(ROOT + path_of(file))).body == site.store.get(addresses.blob(file.sha256))
            metadata = await site.get(ROOT + path_of(file, metadata=True))
            assert metadata.body == site.store.get(addresses.blob(file.metadata_sha256))
        part = await site.get(ROOT + path_of(large), range="bytes=0-9")
        assert (part.status, part.body) == (206, b"x" * 10)


@plays
async def test_everything_else_of_the_index_is_there_for_dependencies(tmp_path):
    indexes = (IndexConfig("main", layers=("base",)), IndexConfig("base"))
    async with running(tmp_path, indexes=indexes) as site:
        above, below = site.wheel("near"), site.wheel("far", index="base")
        site.publish("near", above)
        site.publish("far", below, index="base")
        stage(site, site.wheel("demo"))

        for name, file in (("near", above), ("far", below)):
            assert await listed(site, f"{ROOT}/simple/{name}/") == ["1.0"]
            assert (await site.get(ROOT + path_of(file))).status == 200
        moved = await site.get(f"{ROOT}/simple/Near")
        assert (moved.status, moved.headers["location"]) == (301, "near/")


@plays
async def test_nothing_below_the_address_may_be_kept_and_nothing_is_kept_here(tmp_path):
    async with running(tmp_path) as site:
        site.publish("near", site.wheel("near"))
        file = site.wheel("demo")
        stage(site, file)

        paths = ("/simple/demo/", "/simple/", "/simple/near/", path_of(file))
        for path in paths:
            for _ in range(2):
                answer = await site.get(ROOT + path)
                assert answer.status == 200
                assert answer.headers["cache-control"] == "private, no-store"
                assert answer.headers["cdn-cache-control"] == "no-store"
                assert "surrogate-key" not in answer.headers

        assert not [path for path in site.plane.hot.entries if TOKEN in path]


@plays
async def test_the_address_ends_with_the_session(tmp_path):
    async with running(tmp_path) as site:
        file = site.wheel("demo")
        stage(site, file)
        assert (await site.get(ROOT + path_of(file))).status == 200

        drop_preview(site.store, preview_token.digest(TOKEN))

        for path in ("/simple/demo/", "/simple/", path_of(file)):
            assert (await site.get(ROOT + path)).status == 404


@plays
async def test_an_expired_session_shows_nothing_even_if_nobody_cleared_it_away(tmp_path):
    clock = ManualClock(NOW)
    async with running(tmp_path, clock) as site:
        stage(site, site.wheel("demo"), days=1)
        assert await listed(site) == ["1.0"]

        clock.advance(86_400)

        assert (await site.get(f"{ROOT}/simple/demo/")).status == 404


@plays
async def test_a_token_opens_its_own_index_alone(tmp_path):
    async with running(tmp_path, indexes=(IndexConfig("main"), IndexConfig("team"))) as site:
        stage(site, site.wheel("demo"))

        assert (await site.get(f"/team{ROOT}/simple/demo/")).status == 404
        assert (await site.get(f"/@preview/{'A' * 43}/simple/demo/")).status == 404


@plays
async def test_the_preview_of_a_private_index_asks_for_the_indexs_own_token_as_well(tmp_path):
    async with running(tmp_path, indexes=(IndexConfig("main"), private_index())) as site:
        stage(site, site.wheel("demo", index="secret"), index="secret")
        token = issue(site, "secret")

        assert (await site.get(f"/secret{ROOT}/simple/demo/")).status == 401
        assert await listed(site, f"/secret{ROOT}/simple/demo/", authorization=basic(token.text)) == ["1.0"]


@plays
async def test_removed_bytes_are_refused_at_once_in_previews_too(tmp_path):
    async with running(tmp_path) as site:
        file, kept = site.wheel("demo"), site.wheel("demo", "2.0")
        stage(site, file, kept)
        assert (await site.get(ROOT + path_of(file))).status == 200

        site.tell(BytesRemoved((file.sha256,), "a key inside", False))

        assert (await site.get(ROOT + path_of(file))).status == 410
        assert (await site.get(ROOT + path_of(file, metadata=True))).status == 410
        assert await listed(site) == ["2.0"]


@plays
async def test_quarantine_holds_the_staged_files_back_too(tmp_path):
    async with running(tmp_path) as site:
        site.publish("demo", site.wheel("demo", "0.9"), status="quarantined")
        file = site.wheel("demo")
        stage(site, file)

        assert await listed(site) == []
        assert (await site.get(ROOT + path_of(file))).status == 403


@plays
async def test_a_store_out_of_reach_is_trouble_and_never_an_ended_preview(tmp_path):
    async with running(tmp_path) as site:
        stage(site, site.wheel("demo"))
        site.store.broken = True

        assert (await site.get(f"{ROOT}/simple/demo/")).status == 503


@plays
async def test_a_damaged_preview_shows_nothing(tmp_path):
    async with running(tmp_path) as site:
        stage(site, site.wheel("demo"))
        key = addresses.preview(preview_token.digest(TOKEN))
        site.store.put(addresses.preview(preview_token.digest("B" * 43)), site.store.get(key))
        site.store.put(key, b"{}")

        for token in (TOKEN, "B" * 43):
            assert (await site.get(f"/@preview/{token}/simple/demo/")).status == 503


def test_the_secret_is_in_no_log_line():
    line = log_fragment("GET", f"/team{ROOT}/simple/demo/", 200, 1, "cold")

    assert TOKEN not in line
    assert '"path":"/team/@preview/-/simple/demo/"' in line
    assert loggable(f"/x{ROOT}") == "/x/@preview/-"
    assert TOKEN not in repr(ROUTES.find(f"{ROOT}/simple/"))


def test_tokens_are_long_random_and_of_their_shape():
    made = {preview_token.mint() for _ in range(100)}

    assert len(made) == 100
    assert all(preview_token.is_token(token) for token in made)
    assert not preview_token.is_token(TOKEN + "\n")
