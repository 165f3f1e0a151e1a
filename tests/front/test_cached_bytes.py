"""Small parts of large files: handed over from memory, and by the server's own way where memory lacks them."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from read.plays import plays
from read.site import Site, path_of, private_index, running

from holdfast.config import IndexConfig
from holdfast.core.model import File
from holdfast.core.tokens import mint
from holdfast.front.cached_bytes import CACHED_BYTES_MAX, Preadv, read_cached
from holdfast.front.peers import TrustedProxies
from holdfast.front.rsgi import RsgiApp
from holdfast.front.streams import Streams
from holdfast.read.files import SMALL_BYTES_MAX
from holdfast.tree import addresses
from holdfast.tree.journal import BytesRemoved, TokenIssued

DATA = bytes(range(256)) * 1024  # 256 KiB
assert SMALL_BYTES_MAX < CACHED_BYTES_MAX < len(DATA)


def in_memory(descriptor: int, buffers: tuple[bytearray], offset: int, flags: int) -> int:
    """Has everything: not every file system that tests run on can tell."""
    assert flags == os.RWF_NOWAIT
    return os.preadv(descriptor, buffers, offset)


def refusing(number: int) -> Preadv:
    def preadv(*_args: object) -> int:
        raise OSError(number, os.strerror(number))

    return preadv


def short(descriptor: int, buffers: tuple[bytearray], offset: int, _flags: int) -> int:
    """Has all but the last byte in memory."""
    return os.preadv(descriptor, (memoryview(buffers[0])[:-1],), offset)


class Scope:
    """A request as Granian tells it."""

    http_version = "1.1"
    query_string = ""
    client = "192.0.2.1:4711"
    server = "127.0.0.1:80"

    def __init__(self, path: str, method: str, headers: dict[str, str]) -> None:
        self.path, self.method, self.headers = path, method, headers


class Proto:
    """Granian's side of an answer: it notes which way was taken."""

    def __init__(self) -> None:
        self.way, self.status, self.body = "", 0, b""
        self.headers: dict[str, str] = {}

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self._take("bytes", status, headers, bytes(body))

    def response_file(self, status: int, headers: list[tuple[str, str]], path: str) -> None:
        self._take("file", status, headers, Path(path).read_bytes())

    def response_file_range(self, status: int, headers: list[tuple[str, str]], path: str, start: int, end: int) -> None:
        self._take("file", status, headers, Path(path).read_bytes()[start:end])

    def _take(self, way: str, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        assert not self.way, "answered twice"
        self.way, self.status, self.headers, self.body = way, status, dict(headers), body


class Front:
    """The driver over a site with one large file, already asked for once."""

    def __init__(self, site: Site, path: str, preadv: Preadv) -> None:
        self.path = path
        streams = Streams(site.config.run_folder)
        self._app = RsgiApp(site.plane, None, TrustedProxies(()), streams, None, preadv)

    def now(self, method: str = "GET", **headers: str) -> Proto | None:
        """The answer at once; None when the request takes the way through the event loop."""
        scope = Scope(self.path, method, {name.replace("_", "-"): value for name, value in headers.items()})
        proto = Proto()
        return proto if self._app.answer_now(scope, proto) else None


async def front_of(site: Site, preadv: Preadv = in_memory, data: bytes = DATA) -> tuple[Front, File]:
    file = site.wheel("demo", data=data)
    site.publish("demo", file)
    assert (await site.get(path_of(file))).status == 200
    return Front(site, path_of(file), preadv), file


LACKING = [refusing(errno.EAGAIN), refusing(errno.EOPNOTSUPP), refusing(errno.EIO), short]
IDS = ["a disk would be waited for", "a file system that cannot tell", "a failing disk", "the end is not in memory"]


@pytest.mark.parametrize("preadv", LACKING, ids=IDS)
def test_bytes_that_memory_lacks_are_none(tmp_path: Path, preadv: Preadv):
    path = tmp_path / "file"
    path.write_bytes(DATA)
    with path.open("rb") as file:
        assert DATA[5:70_000] == read_cached(file.fileno(), 5, 69_995, in_memory)
        assert read_cached(file.fileno(), 5, 69_995) in (DATA[5:70_000], None), "what this kernel says"
        assert read_cached(file.fileno(), 5, 69_995, preadv) is None
        assert read_cached(file.fileno(), len(DATA) - 5, 10, in_memory) is None, "past the end"


@plays
async def test_a_small_part_is_handed_over_from_memory(tmp_path):
    """With the very head the server's own way gives it."""
    async with running(tmp_path) as site:
        front, file = await front_of(site)
        cold = await site.get(front.path, range="bytes=1000-66535")

        answer = front.now(range="bytes=1000-66535")

        assert answer is not None
        assert ("bytes", 206, DATA[1000:66536]) == (answer.way, answer.status, answer.body)
        assert f"bytes 1000-66535/{len(DATA)}" == answer.headers["content-range"]
        assert cold.headers | {"cache-status": "holdfast; hit"} == answer.headers
        assert front.now(range="bytes=-10", if_range=f'"{file.sha256}"').body == DATA[-10:]


@pytest.mark.parametrize("preadv", LACKING, ids=IDS)
@plays
async def test_a_part_that_memory_lacks_leaves_the_servers_own_way(tmp_path, preadv):
    async with running(tmp_path) as site:
        front, _ = await front_of(site, preadv)

        answer = front.now(range="bytes=0-9")

        assert answer is not None
        assert ("file", 206, DATA[:10]) == (answer.way, answer.status, answer.body)
        assert ("10", f"bytes 0-9/{len(DATA)}") == (answer.headers["content-length"], answer.headers["content-range"])


@plays
async def test_the_size_decides_and_not_whether_it_is_a_part(tmp_path):
    async with running(tmp_path) as site:
        front, _ = await front_of(site)
        last = CACHED_BYTES_MAX

        ways = [front.now(range=f"bytes=0-{end}").way for end in (last - 1, last)]
        whole = [
            front.now().way,
            front.now(range="bytes=0-1,4-5").way,
            front.now(range="bytes=0-9", if_range='"x"').way,
        ]
        smaller, _ = await front_of(site, data=DATA[: SMALL_BYTES_MAX + 1])
        answer = smaller.now()

    assert ["bytes", "file"] == ways
    assert ["file", "file", "file"] == whole
    assert ("bytes", 200, DATA[: SMALL_BYTES_MAX + 1]) == (answer.way, answer.status, answer.body)


@plays
async def test_what_takes_more_than_a_look_is_answered_by_the_event_loop(tmp_path):
    async with running(tmp_path) as site:
        front, file = await front_of(site)

        assert front.now(range="bytes=999999999-") is None, "416"
        assert front.now("HEAD", range="bytes=0-9") is None
        assert front.now(if_none_match=f'"{file.sha256}"') is None
        assert front.now(range="bytes=0-9") is not None
        site.tell(BytesRemoved((file.sha256,), "malware"))
        assert front.now(range="bytes=0-9") is None, "removed"
        assert (await site.get(front.path, range="bytes=0-9")).status == 410


@pytest.mark.parametrize("asked", ["bytes=1000-1999", "bytes=-10", "bytes=0-"])
@plays
async def test_a_part_of_a_file_in_memory_is_answered_at_once(tmp_path, asked):
    """With the head it has when it is read anew; nothing is read of the store."""
    async with running(tmp_path) as site:
        front, file = await front_of(site, refusing(errno.EIO), data=DATA[:SMALL_BYTES_MAX])
        cold = await site.get(front.path, range=asked)
        site.store.asked.clear()

        answer, same = front.now(range=asked), front.now(range=asked, if_range=f'"{file.sha256}"')

        assert answer is not None and same is not None
        assert ("bytes", 206, cold.body) == (answer.way, answer.status, answer.body)
        assert cold.headers | {"cache-status": "holdfast; hit"} == answer.headers == same.headers
        assert [] == site.store.asked


@plays
async def test_of_a_file_in_memory_everything_but_one_part_is_whole_or_no_quick_answer(tmp_path):
    async with running(tmp_path) as site:
        data = DATA[:SMALL_BYTES_MAX]
        front, file = await front_of(site, data=data)

        for headers in ({"range": "bytes=0-1,4-5"}, {"range": "bytes=0-9", "if_range": '"other"'}, {}):
            answer = front.now(**headers)
            assert answer is not None
            assert (200, data) == (answer.status, answer.body)
        assert front.now(range="bytes=999999999-") is None, "416"
        assert front.now("HEAD", range="bytes=0-9") is None
        assert front.now(range="bytes=0-9", if_none_match=f'"{file.sha256}"') is None, "304"
        site.tell(BytesRemoved((file.sha256,), "malware"))
        assert front.now(range="bytes=0-9") is None, "removed"
        assert (await site.get(front.path, range="bytes=0-9")).status == 410


@pytest.mark.parametrize("size", [SMALL_BYTES_MAX, len(DATA)], ids=["in memory", "on the disk"])
@plays
async def test_parts_of_a_private_file_are_for_those_who_may_read_it(tmp_path, size):
    async with running(tmp_path, indexes=(IndexConfig("main"), private_index("secret"))) as site:
        file = site.wheel("demo", index="secret", data=DATA[:size])
        site.publish("demo", file, index="secret")
        token, other = mint(), mint()
        site.tell(TokenIssued(token.id, token.digest, ("secret",)))
        front = Front(site, "/secret" + path_of(file), in_memory)
        assert (await site.get(front.path, authorization=f"Bearer {token.text}")).status == 200

        answer = front.now(range="bytes=0-9", authorization=f"Bearer {token.text}")

        assert answer is not None
        assert (206, DATA[:10]) == (answer.status, answer.body)
        assert front.now(range="bytes=0-9") is None
        assert front.now(range="bytes=0-9", authorization=f"Bearer {other.text}") is None


def cut(path: Path) -> None:
    os.truncate(path, 100)


def overwrite(path: Path) -> None:
    """In place, with as many bytes."""
    with path.open("r+b") as file:
        file.write(b"x" * 100)


@pytest.mark.parametrize("damage", [cut, overwrite])
@plays
async def test_bytes_that_are_changed_while_they_are_read_do_not_leave(tmp_path, damage: Callable[[Path], None]):
    """Nor do those read afterwards, until the file has its digest again."""
    async with running(tmp_path) as site:
        damaged: list[Path] = []

        def preadv(descriptor: int, buffers: tuple[bytearray], offset: int, flags: int) -> int:
            for path in damaged:
                os.chmod(path, 0o600)
                damage(path)
                os.utime(path, ns=(0, 0))  # a file system's clock may stand still for as long as this took
            return in_memory(descriptor, buffers, offset, flags)

        front, file = await front_of(site, preadv)
        stored = site.store.local_path(addresses.blob(file.sha256))
        assert front.now(range="bytes=0-9").body == DATA[:10]
        damaged.append(stored)

        assert front.now(range="bytes=0-9") is None
        assert (await site.get(front.path, range="bytes=0-9")).status == 503
