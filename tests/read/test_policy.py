"""Rules at every door: what a page does not list is refused by name and URL too, cold, kept or held in memory."""

import json

import pytest
import wheels
from pull.fake_upstream import FakeFile, FakeUpstream
from read.plays import plays
from read.policed import DAY, DOORS, address, ask, doors_open, is_given, policed, wheel
from read.site import JSON

GOOD = wheel("1.0", provenance="https://attested.example/demo-1.0")
RULES = {
    "cooldown": ({"cooldown_seconds": 7 * DAY}, wheel("2.0", age_days=6.9), "held back until 2026-06-01T02:24:00Z"),
    "cooldown-for": ({"cooldown_for": (("de*", DAY),)}, wheel("2.0", age_days=0.5), "younger than the day"),
    "deny": ({"deny": (("demo>=2", "broken"),)}, wheel("2.0"), "(rule `demo>=2`): broken; choose another version"),
    "provenance": ({"require": ("provenance",)}, wheel("2.0"), "no provenance attestation"),
    "size": ({"file_bytes_max": 400}, wheel("2.0", data=b"x" * 401), "has 401 bytes, index main takes 400"),
}


@pytest.mark.parametrize(("index", "held", "sentence"), RULES.values(), ids=RULES)
@plays
async def test_a_rule_holds_at_every_door_cold_kept_and_in_memory(tmp_path, index, held, sentence):
    async with FakeUpstream() as upstream, policed(tmp_path, upstream, index) as site:
        upstream.add("demo", GOOD, held)

        refused = await ask(site, "file", held)  # as from a lock file, with no page visit
        seen = {door: await ask(site, door, held) for door in DOORS}
        cold = {door for door, answer in seen.items() if is_given(answer, door, held)}
        fetched = upstream.requests[f"/files/demo/{held.filename}"]
        elsewhere = await doors_open(site, held, "/open")
        await site.pull.until_idle()
        kept = await doors_open(site, held)
        again = await doors_open(site, held, "/open")

        assert (set(), 0, set(), set(DOORS), set(DOORS)) == (cold, fetched, kept, elsewhere, again)
        assert set(DOORS) == await doors_open(site, GOOD)
        # Nobody knew the file before its page was seen; then the refusal tells why.
        assert 404 == refused.status
        for door in ("metadata", "file"):
            assert (403, True) == (seen[door].status, sentence in json.loads(seen[door].body)["detail"])
        assert "1.0" == json.loads(seen["legacy"].body)["info"]["version"]
        assert ["1.0"] == json.loads(seen["json"].body)["versions"]


@plays
async def test_a_licence_holds_the_file_and_its_metadata_back_but_not_its_listing(tmp_path):
    held = wheel("2.0", license="MIT AND AGPL-3.0-only")
    either = wheel("3.0", license="AGPL-3.0-only OR MIT")
    silent = FakeFile("demo-4.0.tar.gz", data=b"sdist", upload_time=None)
    index = {"licenses_denied": ("AGPL*",)}
    async with FakeUpstream() as upstream, policed(tmp_path, upstream, index) as site:
        upstream.add("demo", GOOD, held, either, silent)

        assert {"html", "json", "legacy", "release"} == await doors_open(site, held)
        assert 0 == upstream.requests[f"/files/demo/{held.filename}"]
        for file in (GOOD, either):
            assert set(DOORS) == await doors_open(site, file)
        assert 200 == (await ask(site, "file", silent)).status
        assert "declares the licence 'MIT AND AGPL-3.0-only'" in (await ask(site, "file", held)).body.decode()


@plays
async def test_a_file_without_sha256_is_held_back_where_one_is_required(tmp_path):
    bare = wheel("2.0", hashes=(), metadata=None)
    path = f"/packages/-/demo/{bare.filename}"
    async with FakeUpstream() as upstream, policed(tmp_path, upstream, {"require": ("hash",)}) as site:
        upstream.add("demo", GOOD, bare)

        page = await site.get("/simple/demo/", accept=JSON)
        answers = [await site.get(prefix + path) for prefix in ("", "/open")]

        assert [GOOD.filename] == [file["filename"] for file in json.loads(page.body)["files"]]
        assert [403, 200] == [answer.status for answer in answers]


@plays
async def test_a_file_of_unknown_size_is_held_to_its_size_once_that_is_known(tmp_path):
    big = FakeFile("demo-2.0.tar.gz", data=b"x" * 401)
    async with (
        FakeUpstream(mode="html") as upstream,
        policed(tmp_path, upstream, {"file_bytes_max": 400}) as site,
    ):
        upstream.add("demo", GOOD, big)
        page = await site.get("/simple/demo/", accept=JSON)

        cold = await ask(site, "file", big)
        await site.pull.until_idle()
        kept = await ask(site, "file", big)

        assert big.filename in page.body.decode()
        assert [403, 403, 200] == [cold.status, kept.status, (await ask(site, "file", GOOD)).status]


@plays
async def test_a_part_that_does_not_tell_the_size_is_not_given_out_before_that_is_known(tmp_path):
    big = FakeFile("demo-2.0.tar.gz", data=b"x" * 401)
    async with (
        FakeUpstream(mode="html", range_totals=False) as upstream,
        policed(tmp_path, upstream, {"file_bytes_max": 400}) as site,
    ):
        upstream.add("demo", big)
        await site.get("/simple/demo/", accept=JSON)

        assert [503, 403] == [(await ask(site, door, big)).status for door in ("range", "file")]
        assert 206 == (await ask(site, "range", big, "/open")).status


@plays
async def test_a_file_without_sha256_is_held_to_its_size_once_that_is_known(tmp_path):
    big, small = (FakeFile(f"demo-{n}.tar.gz", data=b"x" * n, hashes=()) for n in (401, 400))
    async with (
        FakeUpstream(mode="html") as upstream,
        policed(tmp_path, upstream, {"file_bytes_max": 400}) as site,
    ):
        upstream.add("demo", big, small)
        await site.get("/simple/demo/", accept=JSON)
        paths = [f"/packages/-/demo/{file.filename}" for file in (big, small)]

        cold = [(await site.get(path)).status for path in paths]
        await site.pull.until_idle()
        kept = [(await site.get(path)).status for path in paths]

        assert ([403, 200], [403, 200]) == (cold, kept)


@plays
async def test_a_file_without_sha256_is_given_out_when_its_licence_can_be_known(tmp_path):
    licences = {"2.0": "AGPL-3.0-only", "3.0": "MIT"}
    built = [wheels.wheel("demo", v, metadata={"License-Expression": name}) for v, name in licences.items()]
    held, good = (FakeFile(filename, data=data, hashes=()) for filename, data in built)
    async with FakeUpstream() as upstream, policed(tmp_path, upstream, {"licenses_denied": ("AGPL*",)}) as site:
        upstream.add("demo", held, good)
        await site.get("/simple/demo/", accept=JSON)
        paths = [f"/packages/-/demo/{file.filename}" for file in (held, good)]

        cold = [await site.get(path) for path in paths]
        await site.pull.until_idle()
        kept = [(await site.get(path)).status for path in paths]

        assert [(503, "1"), (503, "1")] == [(answer.status, answer.headers["retry-after"]) for answer in cold]
        assert [403, 200] == kept


@pytest.mark.parametrize(
    ("index", "reason"),
    [
        (
            {"allow": ("num*",)},
            "demo is not among the names that index main lets in from upstreams (its setting `allow`)",
        ),
        ({"deny": (("demo", "use acme-demo"),)}, "demo is denied in index main (rule `demo`): use acme-demo"),
    ],
    ids=["allow", "deny"],
)
@plays
async def test_a_project_that_is_wholly_excluded_is_403_with_the_reason(tmp_path, index, reason):
    async with FakeUpstream() as upstream, policed(tmp_path, upstream, index) as site:
        upstream.add("demo", GOOD)
        upstream.add("numpy", wheel("1.0", name="numpy"))

        pages = [await ask(site, door, GOOD) for door in ("html", "json", "legacy", "release")]
        await ask(site, "json", GOOD, "/open")
        files = [await ask(site, door, GOOD) for door in ("metadata", "file", "head", "range")]

        assert [403] * 8 == [answer.status for answer in (*pages, *files)]
        assert reason == json.loads(pages[1].body)["detail"]
        assert 200 == (await site.get("/simple/numpy/")).status


@plays
async def test_a_page_is_made_again_when_the_first_file_comes_of_age(tmp_path):
    young = wheel("2.0", age_days=6)
    async with FakeUpstream() as upstream:
        upstream.add("demo", GOOD, young)
        async with policed(tmp_path, upstream, {"cooldown_seconds": 7 * DAY}, freshness_seconds=30 * DAY) as site:
            before = await ask(site, "json", young)
            warm = await ask(site, "json", young)
            site.clock.advance(DAY - 1)
            still = await ask(site, "json", young)
            site.clock.advance(2)
            after = await ask(site, "json", young)
            unchanged = await site.get("/simple/demo/", accept=JSON, if_none_match=before.headers["etag"])
            known = await site.get("/simple/demo/", accept=JSON, if_none_match=after.headers["etag"])

            listed = [young.filename in answer.body.decode() for answer in (before, warm, still, after)]
            assert [False, False, False, True] == listed
            assert (before.headers["etag"], 200, 304) == (still.headers["etag"], unchanged.status, known.status)
            assert before.headers["etag"] != after.headers["etag"]
            assert 200 == (await ask(site, "file", young)).status


@plays
async def test_a_page_that_holds_too_much_back_is_served_on_while_its_record_cannot_be_read(tmp_path):
    young = wheel("2.0", age_days=7 - 10 / DAY)
    async with FakeUpstream() as upstream:
        upstream.add("demo", GOOD, young)
        async with policed(tmp_path, upstream, {"cooldown_seconds": 7 * DAY}, freshness_seconds=30 * DAY) as site:
            before = await ask(site, "json", young)
            site.clock.advance(11)
            site.store.broken = True
            answer = await ask(site, "json", young)

            assert (200, before.body) == (answer.status, answer.body)


@pytest.mark.parametrize(
    ("undated", "first", "later"),
    [("trust-existing", True, False), ("first-seen", False, False), ("refuse", False, False)],
)
@plays
async def test_the_age_of_undated_files_is_what_the_upstreams_setting_says(tmp_path, undated, first, later):
    old, new = (wheel(version, upload_time=None) for version in ("1.0", "2.0"))
    async with (
        FakeUpstream() as upstream,
        policed(tmp_path, upstream, {"cooldown_seconds": 7 * DAY}, undated=undated) as site,
    ):
        upstream.add("demo", old)
        seen = await doors_open(site, old) >= {"json", "file"}
        upstream.add("demo", old, new)
        site.clock.advance(3600)
        await site.pull.page("demo")
        await site.get("/simple/demo/")
        site.clock.advance(3600)
        arrived = bool(await doors_open(site, new))
        site.clock.advance(8 * DAY)
        aged = await doors_open(site, new) >= {"json", "file"}

        assert (first, later, undated != "refuse") == (seen, arrived, aged)


@plays
async def test_what_is_hosted_is_never_held_back_by_rules(tmp_path):
    index = {"cooldown_seconds": 10_000 * DAY, "allow": ("nothing",), "deny": (("mine", "no"),), "file_bytes_max": 1}
    async with FakeUpstream() as upstream, policed(tmp_path, upstream, index) as site:
        file = site.wheel("mine", "1.0")
        site.publish("mine", file)

        answers = [await site.get(path) for path in ("/simple/mine/", "/pypi/mine/json")]
        digest = file.sha256
        answers.append(await site.get(f"/packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{file.filename}"))

        assert [200] * 3 == [answer.status for answer in answers]


@plays
async def test_the_verdict_needs_neither_pull_nor_the_upstream(tmp_path):
    held = wheel("2.0", age_days=1)
    index = {"cooldown_seconds": 7 * DAY}
    async with FakeUpstream() as upstream:
        upstream.add("demo", GOOD, held)
        async with policed(tmp_path, upstream, index) as site:
            await doors_open(site, GOOD)
            await site.pull.until_idle()

        async with policed(tmp_path, upstream, index, pull=False) as site:
            assert set(DOORS) == await doors_open(site, GOOD)
            assert set() == await doors_open(site, held)


@plays
async def test_with_an_unreadable_card_book_a_cold_file_is_unavailable_and_not_given_out(tmp_path):
    async with FakeUpstream() as upstream, policed(tmp_path, upstream, {"cooldown_seconds": DAY}) as site:
        upstream.add("demo", GOOD)
        await site.get("/simple/demo/")
        site.store.broken = True

        assert 503 == (await site.get(address(GOOD))).status


@plays
async def test_a_page_no_rule_touches_keeps_the_bytes_and_the_tag_it_has_without_rules(tmp_path):
    index = {"cooldown_seconds": DAY, "deny": (("other", "no"),)}
    async with FakeUpstream() as upstream, policed(tmp_path, upstream, index) as site:
        upstream.add("demo", GOOD)

        ruled, free = [await ask(site, "json", GOOD, prefix) for prefix in ("", "/open")]

        assert free.body == ruled.body
        # The rest of the tag tells the index's own address.
        assert free.headers["etag"].split("-")[0] == ruled.headers["etag"].split("-")[0]
