"""Pages as real indexes write them: whatever a link looks like, its file comes through pull and store as itself."""

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

import pytest
from aiohttp import web
from read.plays import plays
from read.site import INSTANCE, JSON, Site
from read.test_pulled import layered

from holdfast.config import IndexConfig

PLAIN = "demo-1.0.tar.gz"
LOCAL = "demo-1.0+cpu-py3-none-any.whl"
BYTES = b"the very bytes"
SHA256 = hashlib.sha256(BYTES).hexdigest()


LINKS = [
    pytest.param("/simple/", PLAIN, f"/simple/demo/{PLAIN}", PLAIN, id="beside the page"),
    pytest.param("/simple/", f"../../packages/{PLAIN}", f"/packages/{PLAIN}", PLAIN, id="two folders up"),
    pytest.param("/simple/", f"/deep/{PLAIN}", f"/deep/{PLAIN}", PLAIN, id="from the root"),
    pytest.param(
        "/whl/", "demo-1.0%2Bcpu-py3-none-any.whl", "/whl/demo/demo-1.0%2Bcpu-py3-none-any.whl", LOCAL, id="%2Bcpu"
    ),
    pytest.param("/whl/", f"/whl/cpu/{LOCAL}", f"/whl/cpu/{LOCAL}", LOCAL, id="a bare plus"),
    pytest.param(
        "/simple/",
        "../../a%2Bb/demo-1.0%2Bcpu-py3-none-any.whl?k=a%2Bb&amp;x=1",
        "/a%2Bb/demo-1.0%2Bcpu-py3-none-any.whl?k=a%2Bb&x=1",
        LOCAL,
        id="%2B in path and query",
    ),
    pytest.param(
        "/team/mirror/+simple/",
        f"../../+f/4f9/aaf5d2d6f3e3a/{PLAIN}",
        f"/team/mirror/+f/4f9/aaf5d2d6f3e3a/{PLAIN}",
        PLAIN,
        id="devpi",
    ),
    pytest.param(
        "/artifactory/api/pypi/pypi-remote/simple/",
        f"../../packages/packages/ab/cd/{PLAIN}",
        f"/artifactory/api/pypi/pypi-remote/packages/packages/ab/cd/{PLAIN}",
        PLAIN,
        id="artifactory",
    ),
    pytest.param(
        "/team/simple/",
        f"../../packages/ab/cd/{'0' * 60}/{PLAIN}",
        f"/team/packages/ab/cd/{'0' * 60}/{PLAIN}",
        PLAIN,
        id="a named index of another Holdfast",
    ),
]


@dataclass
class Scripted:
    """A server that answers paths, as they are spelt on the wire, from a table; it says what it was asked."""

    base: str = "/simple/"
    table: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.origin}{self.base}"

    def page(self, body: str, kind: str = "text/html") -> None:
        self.table[f"{self.base}demo/"] = (200, {"Content-Type": kind}, body.encode())

    def file(self, target: str) -> None:
        self.table[target] = (200, {"Content-Type": "application/octet-stream"}, BYTES)

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        self.asked.append(request.raw_path)
        status, headers, body = self.table.get(request.raw_path, (404, {}, b""))
        return web.Response(status=status, headers=headers, body=body)

    async def __aenter__(self) -> "Scripted":
        self._runner = web.ServerRunner(web.Server(self._answer, access_log=None), shutdown_timeout=0.01)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()


@asynccontextmanager
async def over(folder: Path, upstream: Scripted) -> AsyncIterator[Site]:
    async with layered(folder, upstream) as site:
        yield site


async def fetched(site: Site, filename: str) -> dict[str, object]:
    """Read the page in both forms and the file that it links to; the page's entry for it."""
    page = await site.get("/simple/demo/", accept=JSON)
    assert 200 == page.status, page.body
    entry = next(file for file in json.loads(page.body)["files"] if file["filename"] == filename)
    html = await site.get("/simple/demo/")
    assert 200 == html.status
    answer = await site.get(urljoin("/simple/demo/", entry["url"]))
    assert (200, BYTES) == (answer.status, answer.body)
    again = await site.get(urljoin("/simple/demo/", entry["url"]))
    assert (200, BYTES) == (again.status, again.body)
    return entry


def anchor(href: str, text: str) -> str:
    return f'<!DOCTYPE html><html><body><a href="{href}">{text}</a><br></body></html>'


@pytest.mark.parametrize(("base", "href", "target", "filename"), LINKS)
@plays
async def test_a_link_of_a_plain_page_leads_to_its_file(tmp_path, base, href, target, filename):
    await leads_to_its_file(tmp_path, base, f"{href}#sha256={SHA256}", target, filename)


@pytest.mark.parametrize(("base", "href", "target", "filename"), [LINKS[1], LINKS[5]])
@plays
async def test_so_it_does_when_the_page_tells_no_digest(tmp_path, base, href, target, filename):
    await leads_to_its_file(tmp_path, base, href, target, filename)


async def leads_to_its_file(folder: Path, base: str, href: str, target: str, filename: str) -> None:
    async with Scripted(base) as upstream, over(folder, upstream) as site:
        upstream.file(target)
        upstream.page(anchor(href, filename))

        await fetched(site, filename)

        files = [asked for asked in upstream.asked if asked != f"{base}demo/"]
        assert target in files
        assert {target} == {asked for asked in files if not asked.partition("?")[0].endswith(".metadata")}


@plays
async def test_a_link_to_another_host_that_redirects_to_a_signed_address_on_a_third(tmp_path):
    signed = "/bucket/demo?X-Amz-Signature=a%2Fb%2Bc%3D&X-Amz-Expires=60"
    async with Scripted() as upstream, Scripted() as files, Scripted() as bucket, over(tmp_path, upstream) as site:
        bucket.file(signed)
        files.table[f"/f/{PLAIN}"] = (307, {"Location": f"{bucket.origin}{signed}"}, b"")
        upstream.page(anchor(f"{files.origin}/f/{PLAIN}#sha256={SHA256}", PLAIN))

        await fetched(site, PLAIN)

        assert [signed] == [asked for asked in bucket.asked if asked == signed]
        assert not any("X-Amz" in key for key in site.pull.stored())
        assert [f"{files.origin}/f/{PLAIN}"] == [file.upstream_url for file in site.pull.record("demo").files]


@plays
async def test_a_page_that_was_redirected_is_the_base_of_its_links(tmp_path):
    async with Scripted() as upstream, Scripted("/moved/simple/") as new, over(tmp_path, upstream) as site:
        upstream.table["/simple/demo/"] = (301, {"Location": f"{new.origin}/moved/simple/demo/"}, b"")
        new.page(anchor(f"../../files/{PLAIN}#sha256={SHA256}", PLAIN))
        new.file(f"/moved/files/{PLAIN}")

        await fetched(site, PLAIN)


@plays
async def test_a_base_element_is_the_base_of_its_links(tmp_path):
    async with Scripted() as upstream, over(tmp_path, upstream) as site:
        link = f'<a href="{PLAIN}#sha256={SHA256}">{PLAIN}</a>'
        upstream.page(f'<!DOCTYPE html><html><head><base href="/stock/"></head><body>{link}</body></html>')
        upstream.file(f"/stock/{PLAIN}")

        await fetched(site, PLAIN)


@plays
async def test_full_json_with_relative_links_keeps_what_it_tells(tmp_path):
    document = {
        "meta": {"api-version": "1.4"},
        "name": "demo",
        "files": [
            {
                "filename": LOCAL,
                "url": "../../packages/demo-1.0%2Bcpu-py3-none-any.whl",
                "hashes": {"sha256": SHA256},
                "size": len(BYTES),
                "upload-time": "2024-01-02T03:04:05.000006Z",
                "requires-python": ">=3.9",
                "yanked": "broken",
            }
        ],
    }
    async with Scripted() as upstream, over(tmp_path, upstream) as site:
        upstream.page(json.dumps(document), JSON)
        upstream.file("/packages/demo-1.0%2Bcpu-py3-none-any.whl")

        entry = await fetched(site, LOCAL)

    assert {"sha256": SHA256} == entry["hashes"]
    assert (len(BYTES), ">=3.9", "broken") == (entry["size"], entry["requires-python"], entry["yanked"])
    assert "2024-01-02T03:04:05.000006Z" == entry["upload-time"]


@pytest.mark.parametrize("path", ["/simple/", "/team/simple/"])
@plays
async def test_another_holdfast_is_an_upstream_like_any_other(tmp_path, path):
    (tmp_path / "there").mkdir()
    (tmp_path / "here").mkdir()
    there = Site(tmp_path / "there", indexes=(IndexConfig("main"), IndexConfig("team")), instance="fedcba9876543210")
    await there.plane.start()
    index = "team" if "team" in path else "main"
    file = there.wheel("demo", "1.0+cpu", data=BYTES, index=index)
    there.publish("demo", file, index=index)

    async def relay(request: web.BaseRequest) -> web.Response:
        upstream.asked.append(request.headers.get("X-Holdfast-Via", ""))
        found = await there.client.get(request.raw_path, **{k.lower(): v for k, v in request.headers.items()})
        kept = {k: v for k, v in found.headers.items() if k in ("content-type", "etag", "content-encoding")}
        return web.Response(status=found.status, headers=kept, body=found.body)

    try:
        async with Scripted(path) as upstream:
            upstream._runner.server.request_handler = relay
            async with over(tmp_path / "here", upstream) as site:
                entry = await fetched(site, file.filename)
                metadata = await site.get(urljoin("/simple/demo/", f"{entry['url']}.metadata"))
    finally:
        await there.plane.stop()

    assert {"sha256": SHA256} == entry["hashes"]
    assert 200 == metadata.status
    assert b"Version: 1.0+cpu" in metadata.body
    assert {INSTANCE} == set(upstream.asked), "so that a chain of instances notices when it bites its tail"
