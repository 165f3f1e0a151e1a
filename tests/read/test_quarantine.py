"""A project in quarantine: hidden at the next request, refused with the reason, and back when the quarantine ends."""

import json

from read.plays import plays
from read.site import JSON, path_of, running

from holdfast.tree import addresses

REASON = "reported as malware; a moderator will look"


@plays
async def test_its_files_and_metadata_are_refused_with_the_reason_and_come_back(tmp_path):
    async with running(tmp_path) as site:
        file = site.wheel("demo")
        site.publish("demo", file)
        before = [(await site.get(path_of(file) + end)).status for end in ("", ".metadata")]
        site.publish("demo", file, status="quarantined", status_reason=REASON)
        hidden = [await site.get(path_of(file) + end) for end in ("", ".metadata")]
        again = await site.get(path_of(file))
        page = json.loads((await site.get("/simple/demo/", accept=JSON)).body)
        listed = json.loads((await site.get("/simple/", accept=JSON)).body)
        site.publish("demo", file)
        after = [(await site.get(path_of(file) + end)).status for end in ("", ".metadata")]

    assert [200, 200] == before == after
    for answer in (*hidden, again):
        assert 403 == answer.status
        assert json.loads(answer.body)["detail"].endswith(f"belongs to a project in quarantine: {REASON}")
    assert ({"status": "quarantined", "reason": REASON}, [], []) == (
        page["project-status"],
        page["files"],
        listed["projects"],
    )


@plays
async def test_a_record_that_cannot_be_read_refuses_without_the_reason(tmp_path):
    async with running(tmp_path) as site:
        file = site.wheel("demo")
        record = site.publish("demo", file, status="quarantined", status_reason=REASON)
        for info in list(site.store.list(addresses.records_of("main", "demo"))):
            site.store.delete(info.key)

        answer = await site.get(path_of(file))

    assert record.status == "quarantined"
    assert 403 == answer.status
    assert json.loads(answer.body)["detail"].endswith("belongs to a project in quarantine")


@plays
async def test_the_provenance_of_its_files_is_refused_with_the_reason_too(tmp_path):
    async with running(tmp_path) as site:
        site.publish("demo", site.wheel("demo"), status="quarantined", status_reason=REASON)

        answer = await site.get("/integrity/demo/1.0/demo-1.0-py3-none-any.whl/provenance")

    assert 403 == answer.status
    assert json.loads(answer.body)["detail"].endswith(f"belongs to a project in quarantine: {REASON}")
