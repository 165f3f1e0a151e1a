"""The integrity API: provenance documents from the tree, verified, held back together with their files."""

import hashlib
import json

import attested
import pytest
from read.plays import plays
from read.site import JSON, Site, path_of, private_index, running

from holdfast.config import IndexConfig, UpstreamConfig
from holdfast.core.model import File
from holdfast.tree import addresses
from holdfast.tree.journal import BytesRemoved

DOCUMENT = attested.provenance(attested.attestation("demo-1.0-py3-none-any.whl", b"wheel demo 1.0"))
DIGEST = hashlib.sha256(DOCUMENT).hexdigest()
MEDIA_TYPE = "application/vnd.pypi.integrity.v1+json"


def signed(site: Site, name: str = "demo", version: str = "1.0", **facts: str) -> File:
    """A wheel with a provenance document in the store."""
    site.store.put(addresses.blob(DIGEST), DOCUMENT)
    return site.wheel(name, version, provenance_sha256=DIGEST, **facts)


def path(filename: str = "demo-1.0-py3-none-any.whl", project: str = "demo", version: str = "1.0") -> str:
    return f"/integrity/{project}/{version}/{filename}/provenance"


@plays
async def test_the_pages_name_an_address_that_answers_with_the_document(tmp_path):
    async with running(tmp_path, public_url="https://packages.example") as site:
        site.publish("demo", signed(site))

        page = await site.get("/simple/demo/", accept=JSON)
        html = await site.get("/simple/demo/", accept="text/html")
        url = json.loads(page.body)["files"][0]["provenance"]
        answer = await site.get(url.removeprefix("https://packages.example"))
        head = await site.client.request("HEAD", path())

        assert url == f"https://packages.example{path()}"
        assert f'data-provenance="{url}"' in html.body.decode()
        assert (200, DOCUMENT) == (answer.status, answer.body)
        expected = {
            "content-type": MEDIA_TYPE,
            "etag": f'"{DIGEST}"',
            "cache-control": "no-cache",
            "surrogate-key": "project/main/demo",
            "cache-status": "holdfast; fwd=miss",
            "x-content-type-options": "nosniff",
            "access-control-allow-origin": "*",
            "access-control-expose-headers": "X-PyPI-Last-Serial",
            "content-length": str(len(DOCUMENT)),
        }
        assert expected == answer.headers
        assert (200, b"", expected) == (head.status, head.body, head.headers)
        assert 304 == (await site.get(path(), if_none_match=answer.headers["etag"])).status


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (path(), 404),  # it has no attestations
        (path(version="1.0.0"), 404),
        (path(version="2.0"), 404),
        (path("demo-2.0-py3-none-any.whl", version="2.0"), 200),
        (path("demo-2.0-py3-none-any.whl", version="2.0.0"), 200),
        (path("demo-2.0-py3-none-any.whl", version="1.0"), 404),
        (path("other-1.0-py3-none-any.whl"), 404),
        (path(project="other"), 404),
        (path(project="_"), 404),
        ("/integrity/demo/2.0/demo-2.0-py3-none-any.whl", 404),
        ("/integrity/demo/2.0/demo-2.0-py3-none-any.whl/provenance/", 404),
        ("/integrity/demo/2.0/demo%0A.whl/provenance", 404),
    ],
)
@plays
async def test_only_files_with_attestations_have_a_document(tmp_path, asked, status):
    async with running(tmp_path) as site:
        site.publish("demo", site.wheel("demo"), signed(site, version="2.0"))

        assert status == (await site.get(asked)).status


@plays
async def test_another_spelling_of_the_project_is_one_hop_away(tmp_path):
    async with running(tmp_path) as site:
        site.publish("demo-pkg", signed(site, "demo-pkg"))
        filename = "demo_pkg-1.0-py3-none-any.whl"

        answer = await site.get(path(filename, "Demo_Pkg"))

        assert (301, f"../../../demo-pkg/1.0/{filename}/provenance") == (answer.status, answer.headers["location"])
        assert 200 == (await site.get(path(filename, "demo-pkg"))).status


@plays
async def test_a_private_index_shows_it_to_nobody_without_a_token(tmp_path):
    async with running(tmp_path, indexes=(IndexConfig("main"), private_index())) as site:
        site.publish("demo", signed(site, index="secret"), index="secret")

        answers = [await site.get(f"/secret{path()}"), await site.get(f"/secret{path(project='unknown')}")]

        assert [401, 401] == [answer.status for answer in answers]
        assert 404 == (await site.get(path())).status


@plays
async def test_a_hosted_layers_document_is_found_in_the_index_above(tmp_path):
    async with running(tmp_path, indexes=(IndexConfig("main", layers=("base",)), IndexConfig("base"))) as site:
        site.publish("demo", signed(site, index="base"), index="base")

        page = await site.get("/simple/demo/", accept=JSON)
        answer = await site.get(path())

        assert json.loads(page.body)["files"][0]["provenance"].endswith(f":8000{path()}")
        assert (200, DOCUMENT, "project/main/demo project/base/demo") == (
            answer.status,
            answer.body,
            answer.headers["surrogate-key"],
        )
        site.publish("demo", site.wheel("demo", data=b"other"))
        assert 404 == (await site.get(path())).status  # the name is the upper index's now


@plays
async def test_an_upstream_that_cannot_be_asked_is_no_404(tmp_path):
    upstream = UpstreamConfig("world", "https://world.example/simple/")
    async with running(tmp_path, upstreams=(upstream,), indexes=(IndexConfig("main", layers=("world",)),)) as site:
        site.publish("demo", signed(site))

        assert [200, 503] == [(await site.get(path(project=name))).status for name in ("demo", "unknown")]


@plays
async def test_a_quarantined_projects_document_is_refused(tmp_path):
    async with running(tmp_path) as site:
        file = signed(site)
        site.publish("demo", file, status="quarantined")

        assert [403, 403] == [(await site.get(one)).status for one in (path(), path_of(file))]


@plays
async def test_a_removed_document_is_gone_and_its_file_is_not(tmp_path):
    async with running(tmp_path) as site:
        file = signed(site)
        site.publish("demo", file)
        assert 200 == (await site.get(path())).status

        site.tell(BytesRemoved((DIGEST,), "a name was in it", False))

        assert [410, 200] == [(await site.get(one)).status for one in (path(), path_of(file))]
        assert json.loads((await site.get("/simple/demo/", accept=JSON)).body)["files"][0]["provenance"] is None


@plays
async def test_a_removed_file_takes_its_document_along(tmp_path):
    async with running(tmp_path) as site:
        file = signed(site)
        site.publish("demo", file)

        site.tell(BytesRemoved((file.sha256,), "malware", True))

        answer = await site.get(path())
        assert (451, "malware" in answer.body.decode()) == (answer.status, True)


@plays
async def test_damaged_missing_or_unreadable_documents_are_our_trouble(tmp_path):
    async with running(tmp_path) as site:
        site.publish("demo", signed(site))

        site.store.put(addresses.blob(DIGEST), DOCUMENT[:-1] + b" ")
        damaged = await site.get(path())
        site.store.delete(addresses.blob(DIGEST))
        missing = await site.get(path())
        site.store.broken = True
        unreadable = await site.get(path())

        answers = (damaged, missing, unreadable)
        assert [(503, True)] * 3 == [(answer.status, "retry-after" in answer.headers) for answer in answers]


@plays
async def test_a_deleted_file_has_no_document(tmp_path):
    async with running(tmp_path) as site:
        other = site.wheel("demo", "2.0")
        site.publish("demo", signed(site), other)
        assert 200 == (await site.get(path())).status

        site.publish("demo", other)

        assert 404 == (await site.get(path())).status
