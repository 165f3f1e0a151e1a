"""A wrong store credential is refused before it is used; one that goes bad later is a 503, never 403 or 404."""

import time

from holdfast.drill.bucket import GOOD, Credential, refuses_all_but
from holdfast.drill.bucket_stage import BucketStage, bucket_stage
from holdfast.drill.checkers import check_served, listed
from holdfast.drill.corpus import wheel
from holdfast.drill.rig import wait_until
from holdfast.drill.scenario import Say
from holdfast.drill.steps import publish, warm

INCIDENTS = ("r44-files-403",)
SLOW = True  # five starts over a bucket
WRONG = Credential("wrong-key", "wrong-secret")
RECOVERY_SECONDS_MAX = 1.0


def run(say: Say) -> None:
    with bucket_stage(paired=False, fault=refuses_all_but(GOOD)) as stage:
        _activation(stage, say)
        _goes_bad(stage, say)
        _starts_although_it_went_bad(stage, say)
    with bucket_stage(paired=True, fault=refuses_all_but(GOOD)) as stage:
        publish(stage.rig, "before", "1.0")
        stage.proxy.set(refuses_all_but(None))
        stage.publish_and_install("during")
        stage.proxy.set(refuses_all_but(GOOD))
        stage.wait_equal()
        say("a pair: uploads and installs go on while one store refuses; both are equal afterwards")


def _activation(stage: BucketStage, say: Say) -> None:
    """`check` tells beforehand; a start with the wrong one is refused, and nothing was written."""
    rig = stage.rig
    rig.wait_for_control()
    publish(rig, "before", "1.0")
    proven = rig.run("check", check=False)
    told = rig.run("check", check=False, settings=WRONG.settings)
    assert told.returncode == 1, told.stdout
    assert "refuses the credential" in told.stdout, told.stdout
    assert proven.returncode == 0, proven.stdout
    before = stage.bucket.objects()
    try:
        rig.restart(WRONG.settings)
        raise AssertionError("it started with a credential that the store refuses")
    except RuntimeError:
        pass  # `serve` ended, as it should
    assert "never worked here" in rig.log(), rig.log()[-2000:]
    assert stage.bucket.objects() == before, "a start that was refused changed the store"
    marks = [_fingerprint(done.stdout) for done in (proven, told)]
    assert len(set(marks)) == 2, marks
    assert all(mark in rig.log() for mark in marks), "the log does not tell which credential"
    assert all(secret.secret not in rig.log() + told.stdout + proven.stdout for secret in (GOOD, WRONG))
    rig.restart(GOOD.settings)
    assert len(check_served(rig, "before")) == 1
    say(f"the wrong credential ({marks[1]}) is refused by check and serve, the one before ({marks[0]}) goes on")


def _goes_bad(stage: BucketStage, say: Say) -> None:
    rig = stage.rig
    rig.wait_for_control()
    (cold,) = publish(rig, "cold", "1.0")
    rig.get("/simple/")
    paths = warm(rig, "before")
    stage.proxy.set(refuses_all_but(None))
    for _ in range(3):
        assert [200] * len(paths) == [rig.get(path).status for path in paths], "what was read before does not serve"
    file = f"/packages/{cold.sha256[:2]}/{cold.sha256[2:4]}/{cold.sha256[4:]}/{cold.filename}"
    for path in ("/simple/cold/", file):
        answer = rig.get(path)
        assert (answer.status, bool(answer.headers.get("retry-after"))) == (503, True), (path, answer.status)
    held = rig.upload(wheel("held", "1.0"))
    assert held.status == 503, (held.status, held.body[:300])
    assert listed(rig, "held") == {} or rig.get("/simple/held/").status == 503
    stage.proxy.set(refuses_all_but(GOOD))
    since = time.monotonic()
    wait_until(lambda: rig.get(file).status == 200, 10, "the cold file after the fix")
    seconds = time.monotonic() - since
    assert seconds <= RECOVERY_SECONDS_MAX, f"recovery took {seconds:.2f} s"
    stage.publish_and_install("after")
    say(f"went bad while running: read files serve, others 503, uploads 503; back {seconds:.2f} s after the fix")


def _starts_although_it_went_bad(stage: BucketStage, say: Say) -> None:
    """It worked here once: a machine that comes back while the store refuses it is not kept down."""
    rig = stage.rig
    stage.proxy.set(refuses_all_but(None))
    rig.stop()
    rig.start(wait=False)
    wait_until(lambda: rig.get("/healthz", timeout=2).status == 200, 40, "a start with an expired credential")
    answer = rig.get("/simple/before/")
    assert answer.status == 503, (answer.status, answer.body[:300])
    stage.proxy.set(refuses_all_but(GOOD))
    wait_until(lambda: rig.get("/simple/before/").status == 200, 10, "installs after the fix")
    wait_until(lambda: rig.get("/readyz").status == 200, 10, "readiness after the fix")
    say("a start with a credential that worked before and is refused now: 503, and back by itself")


def _fingerprint(report: str) -> str:
    (line,) = [line for line in report.splitlines() if "fingerprint " in line]
    return line.rpartition("fingerprint ")[2].partition(":")[0]
