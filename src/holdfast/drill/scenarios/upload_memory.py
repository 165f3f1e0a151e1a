"""A wheel of 5 GiB and every bomb are uploaded while front and control stay flat and installs are served."""

from holdfast.drill.bombs import all_bombs
from holdfast.drill.checkers import check_fsck, listed
from holdfast.drill.clients import Load
from holdfast.drill.giant import GiantWheel, basic, send
from holdfast.drill.memory import Peak
from holdfast.drill.rig import Rig
from holdfast.drill.scenario import Say
from holdfast.drill.scenarios import upload_bombs
from holdfast.drill.steps import publish, warm

INCIDENTS = ()
SLOW = True
FILLER_BYTES = 5 << 30


def run(say: Say) -> None:
    made = GiantWheel("gigantic", "1.0", FILLER_BYTES)
    made.prepare()
    with Rig() as rig:
        rig.wait_for_control()
        publish(rig, "hosted", "1.0")
        with (
            Load(rig.url, warm(rig, "hosted"), ["hosted"], rig.folder, readers=1) as load,
            Peak(rig, "front") as front,
            Peak(rig, "control") as control,
        ):
            sent = send(rig.port, made, basic(rig.token()))
        assert sent.status == 200, (sent.status, sent.body[:500])
        say(f"5 GiB sent in {sent.sending_seconds:.1f} s, answered {sent.answer_seconds:.1f} s after its last byte")
        for role, peak in (("front", front), ("control", control)):
            say(f"{role}: {peak.before:.0f} -> {peak.highest:.0f} MiB")
        say(f"{load.counts['reads']} reads, {load.counts['installs']} installs, slowest {load.slowest_seconds:.2f} s")
        assert max(front.growth, control.growth) <= upload_bombs.GROWTH_MIB_MAX, (front.growth, control.growth)
        assert not load.failures, "\n".join(load.failures[:20])
        assert set(listed(rig, made.project)) == {made.filename}
        check_fsck(rig)
    upload_bombs.send_bombs(all_bombs(), say)
