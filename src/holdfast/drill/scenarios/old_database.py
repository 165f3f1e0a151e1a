"""A database restored from an hour ago under a newer tree: no write until reconcile, deleted filenames stay taken."""

from holdfast.drill.checkers import check_contiguous, check_fsck, journal, listed
from holdfast.drill.corpus import wheel
from holdfast.drill.rig import Rig
from holdfast.drill.scenario import Say
from holdfast.drill.steps import publish


def run(say: Say) -> None:
    with Rig() as rig:
        publish(rig, "kept", "1.0")
        backup = rig.folder / "backup.tar"
        rig.run("backup", str(backup))
        publish(rig, "kept", "1.1")
        deleted = publish(rig, "doomed", "1.0")[0]
        rig.run("project", "delete", "doomed", "1.0", "--yes")
        before = journal(rig.data)
        rig.stop()
        rig.run("restore", str(backup))
        rig.start()
        rig.wait_for_control()
        answer = rig.upload(wheel("newcomer", "1.0"), timeout=40)
        assert answer.status == 503, (answer.status, answer.body[:500])
        assert b"reconcile" in answer.body, answer.body[:500]
        assert journal(rig.data) == before, "something was written before reconcile"
        assert len(listed(rig, "kept")) == 2
        say("writes are refused, the message names reconcile, installs see the newer tree")

        rig.run("reconcile")
        publish(rig, "newcomer", "1.0")
        assert len(listed(rig, "kept")) == 2
        other = wheel("doomed", "1.0", filler_bytes=10)
        taken = rig.upload(other)
        assert taken.status == 400 and b"already exists" in taken.body, (taken.status, taken.body[:500])
        assert deleted.filename not in listed(rig, "doomed")
        after = journal(rig.data)
        assert {k: after[k] for k in before} == before, "history was rewritten"
        check_contiguous(rig.data)
        check_fsck(rig)
        say("after reconcile writes go on, and the deleted filename stays taken")
