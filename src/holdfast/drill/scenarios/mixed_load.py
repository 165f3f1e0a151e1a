"""Real installs and raw reads see no failure while every other part is broken in turn, for a minute."""

import shutil
import signal
import time

from holdfast.drill.checkers import check_fsck, journal
from holdfast.drill.clients import Load
from holdfast.drill.scenario import Say
from holdfast.drill.steps import publish, warm, world

INCIDENTS = ("r03-db-lock",)
SLOW = True
SECONDS = 60.0


def run(say: Say) -> None:
    with world() as w:
        rig = w.rig
        publish(rig, "hosted", "1.0", "1.1")
        paths = warm(rig, "hosted", "dep-0", "dep-1", "dep-2")
        backup = rig.folder / "backup.tar"
        rig.run("backup", str(backup))
        before = journal(rig.data)
        started = time.monotonic()
        with Load(rig.url, paths, ["hosted", "dep-0"], rig.folder) as load:
            say("database locked")
            with rig.database_locked():
                time.sleep(6)
            say("database read-only")
            for file in rig.database_files():
                file.chmod(0o400)
            time.sleep(4)
            for file in rig.database_files():
                file.chmod(0o600)
            for role in ("control", "work", "pull"):
                say(f"{role} killed")
                rig.wait_respawn(role, rig.kill(role))
                time.sleep(1)
            say("database deleted, control restarted ten times")
            hidden = rig.folder / "hidden"
            hidden.mkdir()
            for file in rig.database_files():
                shutil.move(file, hidden / file.name)
            for _ in range(10):
                pid = rig.pids()["control"]
                try:
                    rig.kill("control")
                except ProcessLookupError:
                    pass  # it was just between two lives
                rig.wait_respawn("control", pid, 30)
            assert journal(rig.data) == before, "the journal changed while the database was gone"
            assert not rig.database_files(), "a database was made where one was lost"
            say("database restored from the backup")
            begun = time.monotonic()
            rig.run("restore", str(backup))
            while rig.run("token", "list", check=False).returncode:
                assert time.monotonic() - begun < 60, "users and tokens are not back within 60 s"
                time.sleep(0.2)
            say(f"tokens are back after {time.monotonic() - begun:.1f} s")
            while time.monotonic() - started < SECONDS:
                time.sleep(0.2)
        say(f"{load.counts['reads']} reads, {load.counts['installs']} installs, slowest {load.slowest_seconds:.3f} s")
        assert load.counts["reads"] > 500 and load.counts["installs"] > 5, load.counts
        assert not load.failures, "\n".join(load.failures[:20])
        publish(rig, "afterwards", "1.0")
        check_fsck(rig)
        rig.kill("work", signal.SIGTERM)
