"""What is control's reaches control: the body through the spool, the request bare, held while control blinks."""

import asyncio
import hashlib
import json
import os
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import wheels
from aiohttp import web
from asgi import AsgiClient
from read.plays import plays

from holdfast.config import MIB, Config
from holdfast.core.errors import Outcome
from holdfast.core.page_paths import is_control_page
from holdfast.front import spool as spool_limits
from holdfast.front.answer_times import AnswerTimes
from holdfast.front.asgi import AsgiHeaders
from holdfast.front.forwarder import PAGE_HOLD_SECONDS, Forwarder, forwarded_headers
from holdfast.front.spool import Spool, Spooled
from holdfast.read.answers import from_outcome
from holdfast.store.port import DiskFull
from holdfast.wire.messages import Request, Response


class Control:
    """A control that tells what it was asked, and what lay in the spool then."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.asked: list[dict[str, object]] = []
        self.is_going_on = asyncio.Event()
        self.is_going_on.set()
        self.answer = web.Response(text="fine", headers={"X-Holdfast-Request": "1", "X-Kept": "yes"})

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Control"]:
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
        await runner.setup()
        await web.UnixSite(runner, str(self.config.control_socket)).start()
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        name = request.headers.get("X-Holdfast-Spool")
        body = (self.config.spool_folder / name).read_bytes() if name else None
        self.asked.append(
            {"method": request.method, "target": request.raw_path, "headers": dict(request.headers), "body": body}
        )
        assert b"" == await request.read()
        await self.is_going_on.wait()
        return self.answer


class Plane:
    """Just enough of a plane for the driver: everything is forwarded."""

    def __init__(self, config: Config, times: AnswerTimes | None = None) -> None:
        self.spool = Spool(config)
        self.forwarder = Forwarder(config, self.spool, times)

    def find(self, _path: str, _get: object) -> None:
        return None

    async def answer(self, request: Request) -> Response:
        try:
            return await self.forwarder.forward(request, page=is_control_page(request.path))
        except Outcome as error:
            return from_outcome(error)


@asynccontextmanager
async def forwarding(folder, times=None, **settings):
    """(client, control, spool folder's names)"""
    from holdfast.front.asgi import AsgiApp

    config = Config(data=folder, **({"hold_seconds": 0.2} | settings))
    for made in (config.run_folder, config.spool_folder):
        made.mkdir(mode=0o700)
    plane = Plane(config, times)
    try:
        yield AsgiClient(AsgiApp(plane)), Control(config), lambda: [p.name for p in config.spool_folder.iterdir()]
    finally:
        await plane.forwarder.stop()


@plays
async def test_an_upload_reaches_control_through_the_spool(tmp_path):
    async with forwarding(tmp_path) as (client, control, spooled), control.listening():
        sent = {
            "authorization": "Basic abc",
            "content-type": "multipart/form-data; boundary=x",
            "x-holdfast-client": "forged",
            "x-holdfast-spool": "../../etc/passwd",
            "host": "evil.example",
            "connection": "close",
            "x-forwarded-for": "9.9.9.9",
        }

        answer = await client.request("POST", "/legacy/?a=%2F", sent, b"body" * 1000)

        (asked,) = control.asked
        headers = {name.lower(): value for name, value in asked["headers"].items()}
        assert ("POST", "/legacy/?a=%2F", b"body" * 1000) == (asked["method"], asked["target"], asked["body"])
        assert ("Basic abc", sent["content-type"]) == (headers["authorization"], headers["content-type"])
        assert ("192.0.2.1", "0") == (headers["x-holdfast-client"], headers["content-length"])
        assert "control.invalid" == headers["host"] and "x-forwarded-for" not in headers
        assert float(headers["x-holdfast-body-end"]) > 1_700_000_000 and headers["x-holdfast-request"]
        assert (200, b"fine", "yes") == (answer.status, answer.body, answer.headers["x-kept"])
        assert "x-holdfast-request" not in answer.headers
        assert [] == spooled()


@plays
async def test_a_request_without_a_body_has_no_spool_file(tmp_path):
    async with forwarding(tmp_path) as (client, control, _spooled), control.listening():
        await client.get("/api/v1/projects")

        assert [None] == [asked["body"] for asked in control.asked]


@plays
async def test_control_coming_back_in_time_is_not_noticed(tmp_path):
    async with forwarding(tmp_path, hold_seconds=30.0) as (client, control, spooled):
        waiting = asyncio.create_task(client.request("POST", "/legacy/", {}, b"body"))
        while not spooled():  # noqa: ASYNC110 - the file system wakes nobody
            await asyncio.sleep(0)

        async with control.listening():
            answer = await waiting

        assert (200, b"fine") == (answer.status, answer.body)


@plays
async def test_control_staying_away_is_503_with_a_sentence(tmp_path):
    async with forwarding(tmp_path) as (client, _control, spooled):
        answer = await client.request("POST", "/legacy/", {}, b"body")

        assert (503, "10") == (answer.status, answer.headers["retry-after"])
        assert "installs are not" in json.loads(answer.body)["detail"]
        assert [] == spooled()


@pytest.mark.parametrize("announced", [True, False])
@plays
async def test_a_body_over_the_limit_is_413_and_leaves_nothing(tmp_path, announced):
    async def chunks():
        for _ in range(20):
            yield b"x" * 100

    async with forwarding(tmp_path, upload_bytes_max=1000) as (client, control, spooled), control.listening():
        headers = {"content-length": "2000"} if announced else {"transfer-encoding": "chunked"}

        answer = await client.request("POST", "/legacy/", headers, chunks())

        assert (413, "close") == (answer.status, answer.headers["connection"])
        assert ([], []) == (control.asked, spooled())


@plays
async def test_a_client_that_leaves_takes_its_spool_file_along(tmp_path):
    async def cut():
        yield b"half"
        raise ConnectionResetError

    async with forwarding(tmp_path) as (client, control, spooled), control.listening():
        answer = await client.request("POST", "/legacy/", {"content-length": "8"}, cut())

        assert 400 == answer.status
        assert ([], []) == (control.asked, spooled())


@plays
async def test_a_body_that_stalls_is_408(tmp_path, monkeypatch):
    async def stalled():
        yield b"half"
        await asyncio.Event().wait()

    async with forwarding(tmp_path, upload_seconds_max=0) as (client, control, spooled), control.listening():
        answer = await client.request("POST", "/legacy/", {"content-length": "8"}, stalled())

        assert (408, [], []) == (answer.status, control.asked, spooled())


@plays
async def test_a_full_spool_is_503(tmp_path):
    async with forwarding(tmp_path, spool_bytes_max=3) as (client, control, spooled), control.listening():
        answer = await client.request("POST", "/legacy/", {}, b"body")

        assert (503, "30") == (answer.status, answer.headers["retry-after"])
        assert ([], []) == (control.asked, spooled())


@plays
async def test_a_full_disk_under_the_spool_is_507_with_a_sentence(tmp_path):
    async with forwarding(tmp_path) as (client, control, spooled), control.listening():
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))
        try:
            answer = await client.request("POST", "/legacy/", {}, b"x" * 3_000_000)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

        assert 507 == answer.status
        assert b"the disk for arriving uploads is full (File too large)" in answer.body
        assert ([], []) == (control.asked, spooled())


@plays
async def test_a_long_answer_is_passed_on_as_it_comes(tmp_path):
    async with forwarding(tmp_path) as (client, control, _spooled), control.listening():
        control.answer = web.Response(body=b"x" * 3_000_000)

        answer = await client.get("/api/v1/export")

        assert (200, "3000000", 3_000_000) == (answer.status, answer.headers["content-length"], len(answer.body))


@plays
async def test_a_page_passes_with_its_cookies_redirects_and_query(tmp_path):
    async with forwarding(tmp_path) as (client, control, _spooled), control.listening():
        control.answer = web.Response(status=302, headers=[("Location", "/account/"), ("Set-Cookie", "a=1; Path=/")])
        control.answer.headers.add("Set-Cookie", "b=2; Path=/")
        sent = {"cookie": "x=1; y=2", "origin": "http://127.0.0.1:8000", "content-type": "application/x-www-form"}

        answer = await client.request("POST", "/account/login/?next=%2Faccount%2F", sent, b"login=alice")

        (asked,) = control.asked
        headers = {name.lower(): value for name, value in asked["headers"].items()}
        assert ("/account/login/?next=%2Faccount%2F", b"login=alice") == (asked["target"], asked["body"])
        assert ("x=1; y=2", "http://127.0.0.1:8000") == (headers["cookie"], headers["origin"])
        assert (302, "/account/") == (answer.status, answer.headers["location"])
        assert ("a=1; Path=/", "b=2; Path=/") == answer.set_cookies


def test_cookies_that_came_in_pieces_are_joined_as_cookies():
    """HTTP/2 may cut them (RFC 9113 §8.2.3); a comma would make one bad cookie of two."""
    pieces = AsgiHeaders([(b"cookie", b"x=1"), (b"cookie", b"y=2"), (b"accept", b"a"), (b"accept", b"b")])
    request = Request("GET", "/account/", "", pieces, "192.0.2.1")

    headers = forwarded_headers(request, Spooled("", 0, 0.0), "1")

    assert ("x=1; y=2", "a, b") == (headers["cookie"], headers["accept"])


@plays
async def test_a_page_of_a_dead_control_is_a_page_that_says_so(tmp_path):
    async with forwarding(tmp_path) as (client, _control, spooled):
        answer = await client.get("/account/")

        assert (503, "10") == (answer.status, answer.headers["retry-after"])
        assert ("text/html; charset=utf-8", "no-store") == tuple(
            answer.headers[name] for name in ("content-type", "cache-control")
        )
        assert b"Installs are not" in answer.body and [] == spooled()


@plays
async def test_a_form_over_its_limit_never_fills_the_spool(tmp_path):
    async with forwarding(tmp_path) as (client, control, spooled), control.listening():
        answer = await client.request("POST", "/account/login/", {"content-length": str(2 * MIB)}, b"x" * (2 * MIB))

        assert (413, "text/html; charset=utf-8") == (answer.status, answer.headers["content-type"])
        assert ([], []) == (control.asked, spooled())


def test_limits_are_what_clients_can_live_with():
    """hatch gives an upload 10 s after its last byte, so nothing here may wait longer by default."""
    assert Config(data=None).hold_seconds < 10 and spool_limits.DRAIN_SECONDS_MAX <= 10  # type: ignore[arg-type]


@plays
async def test_names_that_control_could_take_for_the_fronts_own_are_dropped(tmp_path):
    async with forwarding(tmp_path) as (_client, control, _spooled), control.listening():
        raw = [(b"X_Holdfast_Client", b"forged"), (b"x_holdfast-spool", b"forged"), (b"user_agent", b"forged")]
        request = Request("GET", "/api/v1/projects", "", AsgiHeaders(raw), "192.0.2.1", _nothing())

        forwarder = Forwarder(control.config, Spool(control.config))
        await forwarder.forward(request)
        await forwarder.stop()

        assert "forged" not in str(control.asked[0]["headers"])


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


@plays
async def test_a_body_that_could_not_be_written_does_not_count_against_the_spool_for_ever(tmp_path):
    async def chunks():
        yield b"x" * 3_000_000

    spool = Spool(Config(data=tmp_path))
    (tmp_path / "spool").mkdir()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))
    try:
        with pytest.raises(DiskFull, match="the disk for arriving uploads is full"):
            await spool.receive(chunks(), {"transfer-encoding": "chunked"})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert (0, []) == (spool.held_bytes, list((tmp_path / "spool").iterdir()))


@plays
async def test_a_cancelled_upload_waits_for_its_write_before_the_descriptor_can_be_anothers(tmp_path):
    """Closed under the writing thread, its number could be given to another upload's file at once."""
    spool, data = Spool(Config(data=tmp_path)), b"x" * 500_000
    (tmp_path / "spool").mkdir()
    reading, writing = os.pipe()

    class IntoPipe:
        def append(self, chunks: list[bytes]) -> None:
            view = memoryview(b"".join(chunks))
            while view:
                view = view[os.write(writing, view) :]

    append = asyncio.create_task(spool._append("name", IntoPipe(), [data], len(data)))
    got = len(await asyncio.to_thread(os.read, reading, 1))  # the write is under way, and the pipe is too small for it

    append.cancel()
    for _ in range(10):
        await asyncio.sleep(0)
    waited = not append.done()
    while got < len(data):
        got += len(await asyncio.to_thread(os.read, reading, len(data)))
    with pytest.raises(asyncio.CancelledError):
        await append

    assert waited
    os.close(reading)
    os.close(writing)


@plays
async def test_an_upload_that_control_takes_too_long_for_may_be_sent_again(tmp_path):
    """The file may be listed a moment later: who sends it again is told that it was already there."""
    times = AnswerTimes(seconds_max=0.0)
    async with forwarding(tmp_path, times) as (client, control, spooled), control.listening():
        control.is_going_on.clear()

        answer = await client.request("POST", "/legacy/", {}, b"body")

        assert json.loads(answer.body)["detail"].endswith("it out; an upload can be sent again as it is")
        assert (503, "30", []) == (answer.status, answer.headers["retry-after"], spooled())
        control.is_going_on.set()


@plays
async def test_a_body_of_unannounced_length_arrives_whole(tmp_path):
    """HTTP/2 needs neither Content-Length nor Transfer-Encoding."""
    async with forwarding(tmp_path) as (_client, _control, _spooled):
        spool = Spool(Config(data=tmp_path))

        async def body():
            yield b"half"
            yield b"and half"

        taken = await spool.receive(body(), {})

        assert b"halfand half" == (tmp_path / "spool" / taken.name).read_bytes()
        assert taken.cut is None


@plays
async def test_the_file_of_a_form_lies_beside_it_with_its_digests(tmp_path):
    """A gigabyte that is hashed and brought to the disk while it arrives keeps nobody waiting afterwards."""
    content = b"demo" * 2_000_000
    content_type, form = wheels.twine_body("demo-1.0.tar.gz", content)
    spool = Spool(Config(data=tmp_path))
    (tmp_path / "spool").mkdir()

    async def body():
        for at in range(0, len(form), 300_000):
            yield form[at : at + 300_000]

    taken = await spool.receive(body(), {"content-type": content_type})

    cut, folder = taken.cut, tmp_path / "spool"
    assert cut is not None
    assert (len(content), hashlib.sha256(content).hexdigest()) == (cut.digests.size, cut.digests.sha256)
    assert hashlib.blake2b(content, digest_size=32).hexdigest() == cut.digests.blake2b_256
    assert hashlib.md5(content, usedforsecurity=False).hexdigest() == cut.digests.md5
    assert content == (folder / cut.name).read_bytes()
    assert form.replace(content, b"") == (folder / taken.name).read_bytes()
    await spool.remove(taken.name)
    assert [] == list(folder.iterdir())
    assert PAGE_HOLD_SECONDS <= 2.0  # a person looks at an empty window meanwhile
