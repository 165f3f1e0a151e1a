"""The primary store refuses connections: uploads go on, reads come from the survivor, what only it had is 503."""

from holdfast.drill.bucket_stage import BucketStage, bucket_stage
from holdfast.drill.checkers import check_contiguous, check_served
from holdfast.drill.clients import pip_install, uv_install
from holdfast.drill.corpus import Wheel
from holdfast.drill.faults import NO_FAULT, Fault
from holdfast.drill.scenario import Say
from holdfast.drill.steps import publish, warm

INCIDENTS = ("r28-upload-store-down",)


def run(say: Say) -> None:
    with bucket_stage(paired=True) as stage:
        rig = stage.rig
        publish(rig, "before", "1.0")
        lonely = _only_in_primary(stage)
        _check_unavailable(stage, lonely)
        say("what only the dead store had is 503 with Retry-After, never 404, and its siblings go on")
        stage.publish_and_install("during")
        publish(rig, "before", "1.1")
        for install in (pip_install, uv_install):
            assert install(f"{rig.url}/simple/", "before==1.1", rig.folder).returncode == 0
            assert install(f"{rig.url}/simple/", "lonely==1.0", rig.folder, retries=0).returncode != 0
        assert rig.get("/simple/never-was/").status == 404
        say("twine and uv publish, pip and uv install from the survivor")
        stage.proxy.set(NO_FAULT)
        stage.wait_equal()
        assert len(check_served(rig, "before")) == 2
        assert set(check_served(rig, "lonely")) == {lonely.filename}
        check_contiguous(stage.folder.parent)
        say("back: both stores hold the same keys with the same bytes, the lonely file is served")


def _only_in_primary(stage: BucketStage) -> Wheel:
    """A file that was uploaded while the second store was away, just before the first one went."""
    away = stage.folder.rename(stage.folder.with_name("away"))
    (lonely,) = publish(stage.rig, "lonely", "1.0")
    assert stage.rig.get("/simple/").status == 200  # the front has seen the journal, and no byte of the file
    warm(stage.rig, "before")
    stage.proxy.set(Fault(refuse=True))
    away.rename(stage.folder)
    return lonely


def _check_unavailable(stage: BucketStage, lonely: Wheel) -> None:
    path = f"/packages/{lonely.sha256[:2]}/{lonely.sha256[2:4]}/{lonely.sha256[4:]}/{lonely.filename}"
    for asked in ("/simple/lonely/", path, f"{path}.metadata"):
        answer = stage.rig.get(asked)
        assert answer.status == 503, (asked, answer.status, answer.body[:300])
        assert answer.headers.get("retry-after"), (asked, answer.headers)
    check_served(stage.rig, "before")
