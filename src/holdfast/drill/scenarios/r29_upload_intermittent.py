"""15 % of the writes to the store fail at random: 100 of 100 twine uploads succeed, no object twice, no row alone.

Once with a pair, once with the bucket alone; half of the failures come after the store did what it was asked.
HOLDFAST_DRILL_SEED draws others.
"""

import os

from holdfast.drill.bucket_stage import BucketStage, bucket_stage
from holdfast.drill.checkers import check_fsck, check_served, rows
from holdfast.drill.clients import pip_install, uv_install
from holdfast.drill.corpus import Wheel, wheel
from holdfast.drill.faults import NO_FAULT, Fault
from holdfast.drill.publishers import as_token, twine_upload_each
from holdfast.drill.scenario import Say

INCIDENTS = ("r29-upload-intermittent",)
SLOW = True  # 200 uploads by a real tool
UPLOADS = 100
PROJECTS = 10
SHARE = 0.15
BUSY = '<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>'


def run(say: Say) -> None:
    seed = int(os.environ.get("HOLDFAST_DRILL_SEED", "1"))
    for paired in (True, False):
        with bucket_stage(paired=paired) as stage:
            wheels = [wheel(f"storm-{n % PROJECTS}", f"1.{n}", filler_bytes=1000 * n) for n in range(UPLOADS)]
            for carried_out in (False, True):
                stage.proxy.set(
                    Fault(
                        methods=("PUT",),
                        status=503,
                        body=BUSY,
                        content_type="application/xml",
                        share=SHARE,
                        carried_out=carried_out,
                        seed=seed,
                    )
                )
                half = wheels[UPLOADS // 2 :] if carried_out else wheels[: UPLOADS // 2]
                codes = twine_upload_each(stage.legacy, half, stage.rig.folder, as_token(stage.rig.token()))
                assert codes == [0] * len(half), f"exit codes {codes}"
            refused = stage.rig.log().count("upload refused with 5")
            stage.proxy.set(NO_FAULT)
            name = "a pair" if paired else "one bucket"
            say(f"{name}: {UPLOADS} of {UPLOADS} uploads, {stage.proxy.touched} writes failed, {refused} answered 5xx")
            _check(stage, wheels, paired=paired)
            say(f"{name}: each file installable, no object twice, rows and objects agree")


def _check(stage: BucketStage, wheels: list[Wheel], *, paired: bool) -> None:
    rig = stage.rig
    if paired:
        stage.wait_equal()
    check_fsck(rig)
    keys = list(stage.bucket.objects())
    blobs = {key.removeprefix("blobs/").replace("/", "") for key in keys if key.startswith("blobs/")}
    assert {made.sha256 for made in wheels} <= blobs
    assert len(blobs) == 2 * len(wheels), f"{len(blobs)} blobs for {len(wheels)} files and their metadata"
    assert sum(key.startswith("v1/main/file/") for key in keys) == len(wheels) == rows(rig, "projects_file")
    served: set[str] = set()
    for number in range(PROJECTS):
        served |= set(check_served(rig, f"storm-{number}"))
    assert served == {made.filename for made in wheels}
    for install in (pip_install, uv_install):
        assert install(f"{rig.url}/simple/", "storm-1==1.91", rig.folder).returncode == 0
