"""Project pages of a hosted index: representation, freshness, surrogate keys and body together."""

import gzip
import hashlib
import json
from dataclasses import replace

import pytest
import zstandard
from read.plays import plays
from read.site import HTML, JSON, PIP, Site, running

from holdfast.core.negotiation import Media
from holdfast.store.local import LocalStore
from holdfast.tree import addresses
from holdfast.tree.journal import BytesRemoved, ProjectGone
from holdfast.tree.record import encode_record

PAGE = {
    "cache-control": "no-cache",
    "vary": "Accept, Accept-Encoding",
    "x-pypi-last-serial": "1",
    "surrogate-key": "project/main/demo",
    "x-content-type-options": "nosniff",
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "X-PyPI-Last-Serial",
}
SANDBOX = {
    "content-security-policy": "sandbox allow-top-navigation; default-src 'none'; frame-ancestors 'none'",
    "x-frame-options": "DENY",
}


@pytest.mark.parametrize(
    ("accept", "encoding", "media", "tag", "unpack"),
    [
        (PIP, "gzip, deflate", Media.JSON, "json-gzip", gzip.decompress),
        (PIP, "gzip, deflate, zstd", Media.JSON, "json-zstd", zstandard.decompress),
        (JSON, None, Media.JSON, "json", bytes),
        (HTML, None, Media.HTML_V1, "html", bytes),
        (None, None, Media.TEXT_HTML, "text", bytes),
        ("image/png", "br", Media.TEXT_HTML, "text", bytes),
    ],
)
@plays
async def test_each_client_gets_its_representation(tmp_path, accept, encoding, media, tag, unpack):
    async with running(tmp_path) as site:
        file = site.wheel("demo")
        site.publish("demo", file)
        asked = {name: value for name, value in (("accept", accept), ("accept_encoding", encoding)) if value}

        cold, hot = await site.get("/simple/demo/", **asked), await site.get("/simple/demo/", **asked)

        packed = {"content-encoding": tag.split("-")[1]} if "-" in tag else {}
        expected = PAGE | packed | (SANDBOX if not media.is_json else {}) | {"content-type": media.value}
        etag = cold.headers["etag"]
        assert etag.endswith(f'-{tag}"') and etag.startswith('"')
        length = {"content-length": str(len(cold.body))}
        assert (200, expected | length | {"etag": etag, "cache-status": "holdfast; fwd=miss"}) == (
            cold.status,
            cold.headers,
        )
        assert (200, cold.headers | {"cache-status": "holdfast; hit"}, cold.body) == (hot.status, hot.headers, hot.body)
        body = unpack(cold.body).decode()
        assert file.filename in body and file.sha256 in body


@plays
async def test_query_format_wins_over_accept(tmp_path):
    async with running(tmp_path) as site:
        site.publish("demo", site.wheel("demo"))

        answer = await site.get(f"/simple/demo/?format={JSON}", accept="text/html")

        assert (200, JSON) == (answer.status, answer.headers["content-type"])


@plays
async def test_an_unchanged_page_is_a_304_that_repeats_tag_freshness_and_vary(tmp_path):
    async with running(tmp_path) as site:
        site.publish("demo", site.wheel("demo"))
        etag = (await site.get("/simple/demo/", accept=JSON)).headers["etag"]

        for tags in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            answer = await site.get("/simple/demo/", accept=JSON, if_none_match=tags)

            assert (304, b"") == (answer.status, answer.body)
            assert (etag, "no-cache", PAGE["vary"]) == tuple(
                answer.headers[name] for name in ("etag", "cache-control", "vary")
            )
        assert 200 == (await site.get("/simple/demo/", accept=JSON, if_none_match='"other"')).status
        assert 200 == (await site.get("/simple/demo/", accept=HTML, if_none_match=etag)).status


@plays
async def test_the_next_request_after_a_publication_sees_it(tmp_path):
    async with running(tmp_path) as site:
        first = site.wheel("demo", "1.0")
        site.publish("demo", first)
        assert 404 == (await site.get("/simple/newcomer/")).status
        assert 404 == (await site.get("/simple/newcomer/")).status
        before = await site.get("/simple/demo/", accept=JSON)
        list_before = await site.get("/simple/", accept=JSON)

        site.publish("demo", first, site.wheel("demo", "2.0"))
        site.publish("newcomer")

        after = await site.get("/simple/demo/", accept=JSON)
        list_after = await site.get("/simple/", accept=JSON)
        assert (["1.0"], ["1.0", "2.0"]) == (json.loads(before.body)["versions"], json.loads(after.body)["versions"])
        assert before.headers["etag"] != after.headers["etag"]
        assert 200 == (await site.get("/simple/newcomer/")).status
        assert ["demo"] == [p["name"] for p in json.loads(list_before.body)["projects"]]
        assert ["demo", "newcomer"] == [p["name"] for p in json.loads(list_after.body)["projects"]]


@plays
async def test_a_damaged_record_keeps_the_last_good_page(tmp_path):
    async with running(tmp_path) as site:
        site.publish("demo", site.wheel("demo", "1.0"))
        before = await site.get("/simple/demo/", accept=JSON)
        record = replace(site.publish("demo", site.wheel("demo", "2.0")), serial=0)
        key = next(i.key for i in site.store.list("v1/main/project/demo/") if _serial_of(site.store, i.key) == 2)
        site.store.put(key, b"rotten")
        assert record.name == "demo"

        after = await site.get("/simple/demo/", accept=JSON)
        unseen = await site.get("/simple/demo/", accept=HTML)

        assert (200, before.body, "holdfast; hit; detail=stale") == (
            after.status,
            after.body,
            after.headers["cache-status"],
        )
        assert (503, "no-store") == (unseen.status, unseen.headers["cache-control"])


def _serial_of(store: LocalStore, key: str) -> int:
    from holdfast.tree.record import decode_record

    return decode_record(store.get(key), None).serial


@plays
async def test_warm_pages_outlive_the_store_and_unseen_ones_are_503(tmp_path):
    async with running(tmp_path) as site:
        site.publish("warm", site.wheel("warm"))
        site.publish("unseen", site.wheel("unseen"))
        assert 200 == (await site.get("/simple/warm/")).status

        site.store.broken = True

        warm, unseen = await site.get("/simple/warm/"), await site.get("/simple/unseen/")
        assert (200, 503, "5") == (warm.status, unseen.status, unseen.headers["retry-after"])
        assert 404 == (await site.get("/simple/nobody/")).status  # the journal was read a moment ago


@plays
async def test_a_front_without_its_tree_starts_and_says_503(tmp_path):
    async with running(tmp_path, tree_of="f" * 16) as site:
        page, lists = await site.get("/simple/demo/"), await site.get("/simple/")
        ready, alive = await site.get("/readyz"), await site.get("/healthz")

        assert (503, 503, 503, 200) == (page.status, lists.status, ready.status, alive.status)
        assert "instance" in json.loads(ready.body)["tree"]["trouble"]


@plays
async def test_a_deleted_project_is_404_and_a_quarantined_one_keeps_an_empty_page(tmp_path):
    async with running(tmp_path) as site:
        file = site.wheel("demo")
        site.publish("demo", file)
        assert 200 == (await site.get("/simple/demo/", accept=JSON)).status

        site.publish("demo", file, status="quarantined", status_reason="malware")
        quarantined = await site.get("/simple/demo/", accept=JSON)
        refused = await site.get(f"/packages/{file.sha256[:2]}/{file.sha256[2:4]}/{file.sha256[4:]}/{file.filename}")
        site.tell(ProjectGone("main", "demo", "demo", site.serial + 1))
        gone = await site.get("/simple/demo/", accept=JSON)

        page = json.loads(quarantined.body)
        assert (200, [], [], "quarantined") == (
            quarantined.status,
            page["files"],
            page["versions"],
            page["project-status"]["status"],
        )
        assert 403 == refused.status
        assert (404, "no-store", "application/problem+json") == (
            gone.status,
            gone.headers["cache-control"],
            gone.headers["content-type"],
        )


@plays
async def test_a_large_page_comes_from_its_rendered_object_and_else_from_the_helper(tmp_path):
    async with running(tmp_path) as site:
        one = site.wheel("demo")
        digests = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(2000)]
        files = [replace(one, filename=f"demo-{n}.0.tar.gz", sha256=sha256) for n, sha256 in enumerate(digests)]
        site.publish("demo", *files)

        made = await site.get("/simple/demo/", accept=JSON, accept_encoding="gzip")
        digest = site.plane.reader.find("main", "demo").record
        renderer = made.headers["etag"].split("-", 1)[1].removesuffix('-json-gzip"')
        site.store.put(addresses.rendered(renderer, digest, "html.zstd"), zstandard.compress(b"ready made"))
        ready = await site.get("/simple/demo/", accept=HTML)

        assert 2000 == len(json.loads(gzip.decompress(made.body))["files"])
        assert (200, b"ready made") == (ready.status, ready.body)


@plays
async def test_a_removed_digest_leaves_the_page_the_file_and_the_metadata(tmp_path):
    async with running(tmp_path) as site:
        good, bad = site.wheel("demo", "1.0"), site.wheel("demo", "2.0")
        site.publish("demo", good, bad)
        address = f"/packages/{bad.sha256[:2]}/{bad.sha256[2:4]}/{bad.sha256[4:]}/{bad.filename}"
        before = await site.get("/simple/demo/", accept=JSON)
        assert [200, 200] == [(await site.get(address + end)).status for end in ("", ".metadata")]

        site.tell(BytesRemoved((bad.sha256,), "malware"))

        after = await site.get("/simple/demo/", accept=JSON, if_none_match=before.headers["etag"])
        assert (200, [good.filename]) == (after.status, [f["filename"] for f in json.loads(after.body)["files"]])
        answers = [await site.get(address + end) for end in ("", ".metadata")]
        assert [410, 410] == [answer.status for answer in answers]
        assert "malware" in json.loads(answers[0].body)["detail"]


@plays
async def test_spellings_that_need_no_redirect_cost_no_memory(tmp_path):
    async with running(tmp_path) as site:
        site.publish("a-b", site.wheel("a-b"))

        for n in range(1, 100):
            assert 200 == (await site.get(f"/legacy/+simple/a{'-' * n}b/", accept=JSON)).status

        assert len(site.plane.hot.entries) < 10


@plays
async def test_a_query_of_many_fields_is_answered(tmp_path):
    async with running(tmp_path) as site:
        site.publish("demo", site.wheel("demo"))

        answer = await site.get("/simple/demo/?" + "a=1&" * 30, accept=JSON)

        assert (200, JSON) == (answer.status, answer.headers["content-type"])


@plays
async def test_a_removed_digest_leaves_the_last_good_page_too(tmp_path):
    async with running(tmp_path) as site:
        good, bad = site.wheel("demo", "1.0"), site.wheel("demo", "2.0")
        site.publish("demo", good, bad)
        await site.get("/simple/demo/", accept=JSON)
        digest = site.plane.reader.find("main", "demo").record

        site.store.delete(addresses.record("main", "demo", digest))
        site.tell(BytesRemoved((bad.sha256,), "malware"))

        after = await site.get("/simple/demo/", accept=JSON)
        assert 503 == after.status and bad.sha256.encode() not in after.body


@plays
async def test_a_quarantined_project_has_no_last_good_page(tmp_path):
    async with running(tmp_path) as site:
        file = site.wheel("demo")
        site.publish("demo", file)
        await site.get("/simple/demo/", accept=JSON)

        record = site.publish("demo", file, status="quarantined")
        site.store.delete(addresses.record("main", "demo", encode_record(record).digest))

        assert 503 == (await site.get("/simple/demo/", accept=JSON)).status


class _Defective(Site):
    async def _forward(self, request):
        raise RuntimeError("a mistake of ours, with /a/path in it")


@plays
async def test_a_defect_of_ours_is_an_answer_that_says_so_and_no_more(tmp_path):
    site = _Defective(tmp_path)
    await site.plane.start()
    try:
        answer = await site.get("/api/anything")
    finally:
        await site.plane.stop()

    assert (500, "application/problem+json", "no-store") == (
        answer.status,
        answer.headers["content-type"],
        answer.headers["cache-control"],
    )
    assert b"mistake" not in answer.body and b"noted" in answer.body
