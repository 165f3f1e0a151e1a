"""Files and core metadata: by card, verified, in whole or in part, never what was removed or damaged."""

import hashlib
import json
from dataclasses import replace

import pytest
from read.plays import plays
from read.site import path_of, running

from holdfast.read.files import SMALL_BYTES_MAX
from holdfast.tree import addresses
from holdfast.tree.journal import FileRemoved

SMALL = b"0123456789" * 10
LARGE = bytes(range(256)) * 1024


def headers_of(sha256: str, content_type: str, cache: str) -> dict[str, str]:
    return {
        "content-type": content_type,
        "etag": f'"{sha256}"',
        "cache-control": "public, max-age=31536000, immutable",
        "accept-ranges": "bytes",
        "surrogate-key": "project/main/demo",
        "cache-status": f"holdfast; {cache}",
        "x-content-type-options": "nosniff",
    }


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["from memory", "from a file"])
@plays
async def test_a_file_is_immutable_and_carries_its_digest(tmp_path, data):
    assert len(SMALL) < SMALL_BYTES_MAX < len(LARGE)
    async with running(tmp_path) as site:
        file = site.wheel("demo", data=data)
        site.publish("demo", file)

        cold, warm = await site.get(path_of(file)), await site.get(path_of(file))
        head = await site.client.request("HEAD", path_of(file))
        unchanged = await site.get(path_of(file), if_none_match=f'"{file.sha256}"')

        length = {"content-length": str(len(data))}
        status = "fwd=miss" if data is SMALL else "hit"
        expected = headers_of(file.sha256, "application/octet-stream", status) | length
        assert (200, expected, data) == (cold.status, cold.headers, cold.body)
        assert (200, expected | {"cache-status": "holdfast; hit"}, data) == (warm.status, warm.headers, warm.body)
        assert (200, b"", length["content-length"]) == (head.status, head.body, head.headers["content-length"])
        assert (304, b"", expected["cache-control"]) == (
            unchanged.status,
            unchanged.body,
            unchanged.headers["cache-control"],
        )


@plays
async def test_metadata_is_text_under_its_own_digest(tmp_path):
    async with running(tmp_path) as site:
        file = site.wheel("demo")
        site.publish("demo", file)

        for _ in range(2):
            answer = await site.get(path_of(file, metadata=True))

            assert (200, "text/plain; charset=utf-8") == (answer.status, answer.headers["content-type"])
            assert f'"{file.metadata_sha256}"' == answer.headers["etag"]
            assert file.metadata_sha256 == hashlib.sha256(answer.body).hexdigest()


RANGES = [
    ("bytes=0-9", 206, "bytes 0-9/{n}", slice(0, 10)),
    ("bytes=5-", 206, "bytes 5-{l}/{n}", slice(5, None)),
    ("bytes=-7", 206, "bytes {t}-{l}/{n}", slice(-7, None)),
    ("bytes=0-999999999", 206, "bytes 0-{l}/{n}", slice(0, None)),
    ("bytes=-999999999", 206, "bytes 0-{l}/{n}", slice(0, None)),
    ("bytes=999999999-", 416, "bytes */{n}", None),
    ("bytes=-0", 416, "bytes */{n}", None),
    ("bytes=0-1,4-5", 200, None, slice(0, None)),
    ("bytes=9-2", 200, None, slice(0, None)),
    ("bytes=x-", 200, None, slice(0, None)),
    ("lines=0-1", 200, None, slice(0, None)),
]


@pytest.mark.parametrize(("asked", "status", "content_range", "part"), RANGES)
@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["from memory", "from a file"])
@plays
async def test_single_ranges(tmp_path, data, asked, status, content_range, part):
    async with running(tmp_path) as site:
        file = site.wheel("demo", data=data)
        site.publish("demo", file)
        await site.get(path_of(file))

        answer = await site.get(path_of(file), range=asked)

        size = len(data)
        expected = content_range and content_range.format(n=size, l=size - 1, t=size - 7)
        assert (status, expected) == (answer.status, answer.headers.get("content-range"))
        if part is not None:
            assert data[part] == answer.body
            assert str(len(answer.body)) == answer.headers["content-length"]


@plays
async def test_if_range_with_other_bytes_gets_the_whole_file(tmp_path):
    async with running(tmp_path) as site:
        file = site.wheel("demo", data=LARGE)
        site.publish("demo", file)

        same = await site.get(path_of(file), range="bytes=0-9", if_range=f'"{file.sha256}"')
        other = await site.get(path_of(file), range="bytes=0-9", if_range='"other"')
        weak = await site.get(path_of(file), range="bytes=0-9", if_range=f'W/"{file.sha256}"')

        assert (206, 200, 200) == (same.status, other.status, weak.status)


@plays
async def test_what_has_no_card_is_absent_whatever_bytes_are_there(tmp_path):
    async with running(tmp_path) as site:
        file = site.wheel("demo", index="other")
        site.publish("demo", site.wheel("demo", "2.0"))

        answer = await site.get(path_of(file))

        assert (404, "no-store") == (answer.status, answer.headers["cache-control"])


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
@plays
async def test_damaged_bytes_never_leave(tmp_path, data):
    async with running(tmp_path) as site:
        file = site.wheel("demo", data=data)
        site.publish("demo", file)
        site.store.put(addresses.blob(file.sha256), data[:-1] + b"!")

        answer = await site.get(path_of(file))
        part = await site.get(path_of(file), range="bytes=0-9")

        assert (503, 503) == (answer.status, part.status)
        assert file.sha256 not in answer.body.decode() and "retry-after" in answer.headers


@plays
async def test_a_file_changed_in_place_is_verified_again(tmp_path):
    async with running(tmp_path) as site:
        file = site.wheel("demo", data=LARGE)
        site.publish("demo", file)
        assert 200 == (await site.get(path_of(file))).status
        path = site.store.local_path(addresses.blob(file.sha256))

        with open(path, "r+b") as stored:
            stored.write(b"!")

        assert 503 == (await site.get(path_of(file))).status


@plays
async def test_missing_bytes_are_our_trouble_unless_the_owner_deleted_them(tmp_path):
    from dataclasses import replace

    from holdfast.tree.writer import put_card

    async with running(tmp_path) as site:
        lost, deleted = site.wheel("demo", "1.0"), site.wheel("demo", "2.0")
        site.publish("demo", lost, deleted)
        for file in (lost, deleted):
            site.store.delete(addresses.blob(file.sha256))
        card = site.plane.reader.card("main", deleted.sha256, deleted.filename)
        put_card(site.store, replace(card, deleted=True))
        site.tell(FileRemoved("main", "demo", deleted.filename, deleted.sha256))

        assert [503, 410] == [(await site.get(path_of(file))).status for file in (lost, deleted)]


@plays
async def test_an_unreadable_store_is_503_for_files(tmp_path):
    async with running(tmp_path) as site:
        warm, cold = site.wheel("demo", "1.0"), site.wheel("demo", "2.0")
        site.publish("demo", warm, cold)
        await site.get(path_of(warm))

        site.store.broken = True

        answers = [await site.get(path_of(file)) for file in (warm, cold)]
        assert [200, 503] == [answer.status for answer in answers]
        assert 503 == json.loads(answers[1].body)["status"]


@plays
async def test_a_file_that_another_machine_just_took_in_is_not_absent_here(tmp_path):
    async with running(tmp_path) as site:
        file = site.wheel("demo")  # its publication has not been seen here yet

        found = await site.get(path_of(file))
        site.store.broken = True
        unknown = await site.get(path_of(replace(file, filename="other-1.0-py3-none-any.whl")))

        assert (200, 503) == (found.status, unknown.status)
