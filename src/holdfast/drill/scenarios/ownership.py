"""A hosted name is never answered by an upstream: not before it is granted, not after it is deleted."""

from holdfast.drill.checkers import listed
from holdfast.drill.corpus import wheel
from holdfast.drill.faults import NO_FAULT, UPSTREAM_MODES
from holdfast.drill.scenario import Say
from holdfast.drill.steps import publish, world


def run(say: Say) -> None:
    with world([wheel("requests", "2.0"), wheel("later", "9.0")]) as w:
        mine = wheel("requests", "99.0")
        refused = w.rig.upload(mine)
        assert refused.status == 403, (refused.status, refused.body[:500])
        assert b"shadow" in refused.body, refused.body[:500]
        assert "requests-99.0-py3-none-any.whl" not in listed(w.rig, "requests")
        say("creating a name the upstream has is refused without a grant")

        w.proxy.set(UPSTREAM_MODES["refused"])
        unknown = w.rig.upload(wheel("unasked", "1.0"), timeout=40)
        assert unknown.status == 503 and "retry-after" in unknown.headers, (unknown.status, unknown.body[:300])
        w.proxy.set(NO_FAULT)
        say("creating a name while the upstream cannot be asked is 503")

        w.rig.run("project", "shadow", "requests")
        answer = w.rig.upload(mine)
        assert answer.status == 200, (answer.status, answer.body[:500])
        assert list(listed(w.rig, "requests")) == [mine.filename]
        say("with the grant the hosted project hides the upstream's wholly")

        w.upstream.wheels.remove(next(x for x in w.upstream.wheels if x.project == "later"))
        publish(w.rig, "gone", "1.0")
        w.upstream.add(wheel("gone", "5.0"))
        w.rig.run("project", "delete", "gone", "--yes")
        answer = w.rig.get("/simple/gone/")
        assert answer.status == 404, (answer.status, answer.body[:300])
        say("a deleted hosted project answers 404 although the upstream has one of that name")
