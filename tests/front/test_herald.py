"""Control is told of large files while they arrive, and nothing depends on whether that works."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import wheels
from aiohttp import web
from read.plays import plays

from holdfast.config import Config
from holdfast.front.forwarder import Forwarder
from holdfast.front.herald import STEP_BYTES, Herald, Heralds
from holdfast.front.spool import Spool
from holdfast.wire.messages import Request

NAME = "0123.content"


class Control:
    """A control that notes what it is told, and answers as it is told to."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.told: list[tuple[str, str, str, str]] = []
        self.status = 204
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
        await runner.setup()
        await web.UnixSite(runner, str(self._config.control_socket)).start()
        try:
            yield
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.Response:
        named = ("X-Holdfast-Spool", "Authorization", "X-Holdfast-Client")
        self.told.append((f"{request.method} {request.path}", *(request.headers.get(name, "") for name in named)))
        await self.may_answer.wait()
        return web.Response(status=self.status)


@asynccontextmanager
async def heralding(folder, authorization="Basic abc"):
    """(a request's herald, its control, how to wait for what is being told)"""
    config = Config(data=folder)
    config.run_folder.mkdir(mode=0o700)
    heralds = Heralds(config)
    headers = {"authorization": authorization} if authorization else {}
    herald = heralds.of(Request("POST", "/legacy/", "", headers, "192.0.2.1"))
    try:
        yield herald, Control(config), heralds
    finally:
        await heralds.stop()


async def wait_told(heralds: Heralds) -> None:
    while heralds.telling:  # noqa: ASYNC110 - a set wakes nobody
        await asyncio.sleep(0.001)


@plays
async def test_control_is_told_with_each_step_who_sends_what(tmp_path):
    async with heralding(tmp_path) as (herald, control, heralds), control.listening():
        for size in (1, STEP_BYTES - 1, STEP_BYTES, STEP_BYTES + 1, 2 * STEP_BYTES, 2 * STEP_BYTES + 1):
            herald.arrived(NAME, size)
            await wait_told(heralds)

        assert [("POST /-/arriving", NAME, "Basic abc", "192.0.2.1")] * 2 == control.told


@plays
async def test_a_notice_that_is_not_answered_keeps_nobody_waiting_and_is_the_only_one(tmp_path):
    async with heralding(tmp_path) as (herald, control, heralds), control.listening():
        control.may_answer.clear()

        for step in range(1, 20):
            herald.arrived(NAME, step * STEP_BYTES)
        under_way = heralds.telling
        control.may_answer.set()
        await wait_told(heralds)

        assert (1, 1) == (under_way, len(control.told))


@plays
async def test_a_control_that_is_away_is_told_when_it_is_back(tmp_path):
    async with heralding(tmp_path) as (herald, control, heralds):
        herald.arrived(NAME, STEP_BYTES)
        await wait_told(heralds)

        async with control.listening():
            herald.arrived(NAME, 2 * STEP_BYTES)
            await wait_told(heralds)

        assert 1 == len(control.told)


@pytest.mark.parametrize(("status", "notices"), [(401, 1), (403, 1), (404, 1), (503, 3), (500, 3)])
@plays
async def test_who_is_refused_is_not_announced_again(tmp_path, status, notices):
    """A control of the release before knows no such address, a token that is not in force will not be soon."""
    async with heralding(tmp_path) as (herald, control, heralds), control.listening():
        control.status = status

        for step in range(1, 4):
            herald.arrived(NAME, step * STEP_BYTES)
            await wait_told(heralds)

        assert notices == len(control.told)


@plays
async def test_nobody_is_announced_who_says_not_who_he_is(tmp_path):
    async with heralding(tmp_path, authorization="") as (herald, control, heralds), control.listening():
        herald.arrived(NAME, STEP_BYTES)

        assert (0, []) == (heralds.telling, control.told)


@plays
async def test_the_spool_says_how_much_of_a_forms_file_is_there(tmp_path):
    config, said = Config(data=tmp_path), []
    config.spool_folder.mkdir()
    content_type, body = wheels.twine_body("demo-1.0-py3-none-any.whl", b"demo" * 900_000)

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 64 * 1024):
            yield body[start : start + 64 * 1024]

    def arrived(name: str, size: int) -> None:
        there = (config.spool_folder / name).stat().st_size
        said.append((name, size, size == there))

    taken = await Spool(config).receive(chunks(), {"content-type": content_type}, arrived=arrived)

    assert taken.cut is not None
    assert [(taken.cut.name, True)] * 3 == [(name, is_there) for name, _, is_there in said]
    assert [1, 2, 3] == [round(size / (1 << 20)) for _, size, _ in said]


@plays
async def test_an_upload_that_is_forwarded_was_announced_before(tmp_path):
    config = Config(data=tmp_path, hold_seconds=0.2)
    for folder in (config.run_folder, config.spool_folder):
        folder.mkdir(mode=0o700)
    content_type, body = wheels.twine_body("demo-1.0-py3-none-any.whl", bytes(STEP_BYTES + (4 << 20)))
    headers = {"content-type": content_type, "authorization": "Basic abc"}

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 1 << 20):
            yield body[start : start + (1 << 20)]
            await asyncio.sleep(0)

    forwarder, control = Forwarder(config, Spool(config)), Control(config)
    async with control.listening():
        await forwarder.forward(Request("POST", "/legacy/", "", headers, "192.0.2.1", chunks()))
        await forwarder.stop()

    (notice, name, *_), (upload, cut, *_) = control.told
    assert ("POST /-/arriving", "POST /legacy/") == (notice, upload)
    assert name.endswith(".content") and f";{name} at " in cut


def test_a_herald_has_no_header_that_could_end_its_request():
    """A line end in a header would be a header of control's own."""
    request = Request("POST", "/", "", {"authorization": "Basic a\r\nX-Holdfast-Client: 127.0.0.1"}, "192.0.2.1")

    assert "\n" not in "".join(Herald(None, request).headers.values())
