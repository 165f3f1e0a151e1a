"""One broken project upstream: it alone is unavailable, every other cold project is pulled as ever."""

from holdfast.drill.corpus import wheel
from holdfast.drill.faults import Fault
from holdfast.drill.scenario import Say
from holdfast.drill.steps import world


def run(say: Say) -> None:
    names = [f"fine-{i}" for i in range(12)]
    with world([wheel(name, "1.0") for name in (*names, "broken")]) as w:
        w.proxy.set(Fault(paths="/simple/broken/*", status=503, body="only this one"))
        for name in names:
            broken = w.rig.get("/simple/broken/")
            assert broken.status == 503, (broken.status, broken.body[:300])
            fine = w.rig.get(f"/simple/{name}/")
            assert fine.status == 200, (name, fine.status, fine.body[:300])
        say("12 cold pages beside a project that answers 503 throughout")
