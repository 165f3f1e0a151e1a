"""The primary store answers every write with 500: uploads succeed and install at once; the replica catches up."""

import socket
from urllib.parse import urlsplit

from holdfast.drill.bucket_stage import BucketStage, bucket_stage
from holdfast.drill.checkers import check_contiguous, check_served, listed, pair_behind, rows
from holdfast.drill.corpus import wheel
from holdfast.drill.faults import NO_FAULT, Fault
from holdfast.drill.publishers import as_token, twine_upload
from holdfast.drill.rig import wait_until
from holdfast.drill.scenario import Say
from holdfast.drill.steps import publish

INCIDENTS = ("r27-upload-500-provider",)
SLOW = True  # each failed write is tried again by the store's client
BROKEN = Fault(
    methods=("PUT", "POST"),
    status=500,
    body='<?xml version="1.0"?><Error><Code>InternalError</Code><Message>We encountered an error</Message></Error>',
    content_type="application/xml",
)
SPOOL_BYTES = 2 * 1024 * 1024
ARRIVED_BYTES = 1024 * 1024  # a front counts what arrives by this much


def run(say: Say) -> None:
    with bucket_stage(paired=True) as stage:
        publish(stage.rig, "before", "1.0")
        stage.proxy.set(BROKEN)
        stage.publish_and_install("during")
        publish(stage.rig, "before", "1.1")
        assert stage.proxy.touched > 0, "no write met the fault"
        assert pair_behind(stage.rig) == 1
        say(f"{stage.proxy.touched} writes failed; twine and uv published, pip and uv installed at once")
        stage.proxy.set(NO_FAULT)
        stage.wait_equal()
        assert len(check_served(stage.rig, "before")) == 2
        check_contiguous(stage.folder.parent)
        say("healed: both stores hold the same keys with the same bytes")
        _spool_full(stage)
        say("spool full: 503 with Retry-After, no row, nothing listed; the same upload succeeds when there is room")


def _spool_full(stage: BucketStage) -> None:
    rig = stage.rig
    rig.restart({"HOLDFAST_UPLOAD_BYTES_MAX": str(SPOOL_BYTES), "HOLDFAST_SPOOL_BYTES_MAX": str(SPOOL_BYTES)})
    rig.wait_for_control()
    made, before = wheel("late", "1.0", filler_bytes=SPOOL_BYTES * 3 // 4), rows(rig, "projects_file")
    place = urlsplit(rig.url)
    with socket.create_connection((place.hostname, place.port), timeout=20) as stalled:
        head = f"POST /legacy/ HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: {SPOOL_BYTES}\r\n\r\n"
        stalled.sendall(head.encode() + bytes(ARRIVED_BYTES + 1))
        wait_until(lambda: _spooled(stage) >= ARRIVED_BYTES, 20, "an upload that stops half-way")
        answer = rig.upload(made)
        assert answer.status == 503, (answer.status, answer.body[:300])
        assert int(answer.headers["retry-after"]) > 0, answer.headers
        assert twine_upload(stage.legacy, [made], rig.folder, as_token(rig.token())).returncode != 0
        assert rows(rig, "projects_file") == before
        assert listed(rig, "late") == {}
        assert rows(rig, "projects_intent") == 0
        check_served(rig, "before")
    wait_until(lambda: _spooled(stage) == 0, 20, "the stalled upload is forgotten")
    done = twine_upload(stage.legacy, [made], rig.folder, as_token(rig.token()))
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-1500:]
    assert listed(rig, "late") == {made.filename: made.sha256}


def _spooled(stage: BucketStage) -> float:
    for line in stage.rig.get("/metrics").body.decode().splitlines():
        if line.startswith("holdfast_spool_bytes"):
            return float(line.rpartition(" ")[2])
    return -1
