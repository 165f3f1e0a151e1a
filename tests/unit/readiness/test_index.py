"""An index as a client sees it, over real sockets on loopback: TLS, passing trouble, broken bodies, what is ours."""

import asyncio
import functools
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from certificates import make_certificate

from holdfast.readiness.index import Found, Index, PageFile, Trouble, file_path

SHA256 = "ab" + "cd" * 31
PAGE = {
    "files": [
        {
            "filename": "a+b-1.tar.gz",
            "url": f"../../{file_path(SHA256, 'a+b-1.tar.gz')}#x",
            "hashes": {"sha256": SHA256},
        },
        {"filename": "plain.whl", "url": "../../packages/-/a/plain.whl", "size": 5, "core-metadata": True},
    ]
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def plays(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(*args: object, **named: object) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **named), 30))

    return run


@asynccontextmanager
async def serving(handler: Handler, tls: tuple[str, str] | None = None) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    context = None
    if tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*tls)
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@plays
async def test_a_page_gives_paths_below_the_root_and_the_token_goes_along() -> None:
    seen: list[web.Request] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        seen.append(request)
        return web.json_response(PAGE)

    async with serving(answer) as url, Index(f"{url}/team", token="holdfast_x") as index:
        files = await index.page("a", only_kept=True)

    assert [
        PageFile("a+b-1.tar.gz", file_path(SHA256, "a+b-1.tar.gz"), SHA256, None, False),
        PageFile("plain.whl", "packages/-/a/plain.whl", "", 5, True),
    ] == files
    assert ("/team/simple/a/", "only-if-cached") == (seen[0].path, seen[0].headers["Cache-Control"])
    assert seen[0].headers["Authorization"].startswith("Basic ")


@plays
async def test_our_own_certificate_is_trusted_for_itself_and_no_other_is(tmp_path: Path) -> None:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.json_response(PAGE)

    (tmp_path / "other").mkdir()
    mine, other = make_certificate(tmp_path, "mine.example"), make_certificate(tmp_path / "other", "other.example")
    async with serving(answer, mine) as url:
        async with Index(url, certificate=mine[0]) as index:
            assert 2 == len(await index.page("a", only_kept=False))
        async with Index(url, certificate=other[0], pause_seconds=0) as index:
            with pytest.raises(Trouble, match="does not answer"):
                await index.page("a", only_kept=False)
            assert 0 == (await index.look("x")).status


@plays
async def test_what_breaks_off_is_tried_again_and_not_counted_twice(tmp_path: Path) -> None:
    tries = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal tries
        tries += 1
        if tries == 1:
            return web.json_response({"detail": "come again"}, status=503)
        response = web.StreamResponse(headers={"Content-Length": "6"})
        await response.prepare(request)
        await response.write(b"abc")
        if tries == 2:
            assert request.transport is not None
            request.transport.abort()
            return response
        await response.write(b"def")
        return response

    counts: list[int] = []
    async with serving(answer) as url, Index(url, pause_seconds=0) as index:
        await index.fetch("x", counts.append, tmp_path / "x")

    assert (b"abcdef", 6, 3) == ((tmp_path / "x").read_bytes(), sum(counts), tries)


@pytest.mark.parametrize(
    ("status", "said", "tries"),
    [(404, "no such file", 1), (403, "too young", 1), (410, "taken down", 1), (503, "the upstream is off", 3)],
)
@plays
async def test_a_refusal_is_told_in_the_index_s_own_words(status: int, said: str, tries: int) -> None:
    seen = 0

    async def answer(_request: web.Request) -> web.StreamResponse:
        nonlocal seen
        seen += 1
        return web.json_response({"detail": said}, status=status)

    async with serving(answer) as url, Index(url, pause_seconds=0) as index:
        with pytest.raises(Trouble, match=said):
            await index.fetch("x", lambda _count: None)

    assert tries == seen


@plays
async def test_a_look_tells_what_is_kept() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"12345") if request.path == "/kept" else web.Response(status=504)

    async with serving(answer) as url, Index(url, pause_seconds=0) as index:
        assert Found(200, 5) == await index.look("kept")
        cold = await index.look("cold")
        assert (504, "not kept here") == (cold.status, cold.reason)


@pytest.mark.parametrize(
    ("root", "url", "is_ours"),
    [
        ("http://127.0.0.1:8000", "http://localhost:8000/packages/x", True),
        ("http://127.0.0.1:8000/team", "http://127.0.0.1:8000/simple/", True),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8001/simple/", False),
        ("https://packages.example", "https://packages.example:443/x", True),
        ("https://packages.example", "https://files.example/x", False),
        ("https://packages.example", "../links", False),
    ],
)
def test_what_is_ours_goes_by_host_and_port(root: str, url: str, is_ours: bool) -> None:
    assert is_ours is Index(root).is_ours(url)
