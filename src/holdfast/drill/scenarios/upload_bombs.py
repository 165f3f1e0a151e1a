"""Uploads made to fill memory are refused with a sentence; front and control stay flat and installs are served.

Zips and tars that unpack to gigabytes, overlap or have members without end, metadata and RECORD of millions of lines,
forms of thousands of parts, endless part headers. `upload-memory` sends those that take seconds as well.
"""

from holdfast.drill.bombs import BOUNDARY, Bomb, all_bombs
from holdfast.drill.clients import Load
from holdfast.drill.corpus import wheel
from holdfast.drill.giant import basic
from holdfast.drill.memory import Peak
from holdfast.drill.rig import Answer, Rig, fetch
from holdfast.drill.scenario import Say
from holdfast.drill.steps import publish, warm

INCIDENTS = ()
GROWTH_MIB_MAX = 150.0


def run(say: Say) -> None:
    send_bombs([bomb for bomb in all_bombs() if not bomb.slow], say)


def send_bombs(bombs: list[Bomb], say: Say) -> None:
    """One after the other to one instance that serves installs meanwhile."""
    with Rig() as rig:
        rig.wait_for_control()
        publish(rig, "hosted", "1.0")
        assert rig.upload(wheel("hosted", "1.1", filler_bytes=8 << 20)).status == 200  # what is loaded once is loaded
        with Load(rig.url, warm(rig, "hosted"), [], rig.folder, readers=1, pause_seconds=0.05) as load:
            grown = [_explode(rig, bomb) for bomb in bombs]
        front, control = (max(growths) for growths in zip(*grown, strict=True))
        say(f"{len(bombs)} bombs: front grew by at most {front:.0f} MiB, control by {control:.0f} MiB")
        say(f"{load.counts['reads']} reads meanwhile, slowest {load.slowest_seconds:.2f} s")
        assert load.counts["reads"] > 10, load.counts
        assert not load.failures, "\n".join(load.failures[:20])
        left = list((rig.data / "spool").iterdir())
        assert not left, f"bodies left in the spool: {left}"


def _explode(rig: Rig, bomb: Bomb) -> tuple[float, float]:
    """Send one and hold it to its answer; growth of front and control, MiB."""
    body = bomb.make()
    with Peak(rig, "front") as front, Peak(rig, "control") as control:
        answer = _post(rig, body)
    said = answer.body.decode()
    if bomb.told:
        assert answer.status in (400, 413), (bomb.name, answer.status, answer.headers, said[:300])
        assert bomb.told in said and said.rstrip().endswith("."), (bomb.name, bomb.told, said[:500])
    else:
        assert answer.status == 200 or "already exists" in said, (bomb.name, answer.status, said[:500])
    for role, peak in (("front", front), ("control", control)):
        assert peak.growth <= GROWTH_MIB_MAX, f"{bomb.name}: {role} grew by {peak.growth:.0f} MiB"
    return front.growth, control.growth


def _post(rig: Rig, body: bytes) -> Answer:
    return fetch(
        f"{rig.url}/legacy/",
        timeout=120,
        data=body,
        headers={
            "Authorization": basic(rig.token()),
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        },
    )
