"""Policy settings are taken in while the instance runs: judged whole, named one by one, and nothing else with them."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.config import AutoQuarantine, Config, IndexConfig, UpstreamConfig
from holdfast.core.errors import Unavailable
from holdfast.effective import write_snapshot
from holdfast.policy_reload import NotServed, PolicyInForce, SnapshotFollower, compared, reload_policy
from holdfast.settings.loading import SettingsError, load

UPSTREAM = UpstreamConfig("upstream", "https://index.example/simple/")
# Holds the lock of a data folder as `serve` does, until its standard input ends.
HOLDER = """
import fcntl, os, sys
handle = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(handle, fcntl.LOCK_EX)
os.write(handle, str(os.getpid()).encode())
print("held", flush=True)
sys.stdin.read()
"""


def config(**facts: object) -> Config:
    return replace(Config(Path("/srv/here"), upstreams=(UPSTREAM,)), **facts)  # type: ignore[arg-type]


def test_policy_is_taken_and_everything_else_waits_for_a_start():
    running = config(indexes=(IndexConfig("main", layers=("upstream",)), IndexConfig("old")))
    rule = AutoQuarantine(reports=2)
    new = IndexConfig(
        "main",
        layers=(),
        cooldown_seconds=86400,
        deny=(("acme<2", "old"),),
        reserved=("acme-*",),
        auto_quarantine=(rule,),
    )
    cooler = replace(UPSTREAM, cooldown_seconds=60, undated="refuse", absent_seconds=5)
    wanted = config(indexes=(new, IndexConfig("new")), upstreams=(cooler,), fronts=3)

    found = compared(running, wanted)

    assert (
        "index.main.cooldown_seconds: 0 -> 86400",
        "index.main.deny: () -> (('acme<2', 'old'),)",
        "index.main.reserved: () -> ('acme-*',)",
        "index.main.auto_quarantine: None -> (AutoQuarantine(reports=2, observers=1, age_seconds=0, rele…",
        "upstream.upstream.cooldown_seconds: 0 -> 60",
        "upstream.upstream.undated: trust-existing -> refuse",
    ) == found.changed
    assert (
        "fronts",
        "index.new",
        "index.old",
        "index.main.layers",
        "upstream.upstream.absent_seconds",
    ) == found.waiting
    main, old = found.config.indexes
    assert (("upstream",), 86400, "old") == (main.layers, main.cooldown_seconds, old.name)
    assert 1 == found.config.fronts


def test_what_a_start_fills_in_is_no_difference():
    running = config(listen_port=4711, instance="0123", upstreams=(UPSTREAM,))

    assert ((), ()) == (
        (found := compared(running, config(listen_port=0, upstreams=(replace(UPSTREAM, url=""),)))).changed,
        found.waiting,
    )


@pytest.fixture
def served(tmp_path: Path):
    """A data folder whose lock is held by a process with an environment of its own, and its configuration file."""
    file = tmp_path / "holdfast.toml"
    file.write_text("")
    environ = {**os.environ, "HOLDFAST_INDEX_COOLDOWN": "7d", "HOLDFAST_UPSTREAM": "https://index.example/simple/"}
    given = {key: value for key, value in environ.items() if key.startswith("HOLDFAST_")}
    running = load(given, file, {"data": str(tmp_path / "data")}, tmp_path)
    running.run_folder.mkdir(parents=True)
    write_snapshot(running)
    command = [sys.executable, "-c", HOLDER, str(running.lock_file)]
    with subprocess.Popen(command, stdin=-1, stdout=-1, env=environ, cwd=tmp_path, text=True) as holder:
        assert holder.stdout is not None and "held\n" == holder.stdout.readline()
        yield running, file
        holder.communicate("")


def test_it_reads_what_the_server_was_started_with_and_fronts_notice(served: tuple[Config, Path]):
    """The cooldown of the server's own environment stays, although the one who reloads has no such variable."""
    running, file = served
    follower = SnapshotFollower(running)
    file.write_text('[index.main]\ndeny = ["acme<2: old"]\n')

    tried = reload_policy(running, apply=False)
    unseen = follower.look()
    done = reload_policy(running)
    seen, again = follower.look(), follower.look()

    assert ("index.main.deny: () -> (('acme<2', 'old'),)",) == tried.changed == done.changed
    assert () == done.waiting
    assert unseen is None and again is None
    assert seen is not None
    assert (7 * 86400, (("acme<2", "old"),)) == (seen.indexes[0].cooldown_seconds, seen.indexes[0].deny)
    assert () == reload_policy(running).changed


def test_settings_that_are_wrong_anywhere_change_nothing(served: tuple[Config, Path]):
    running, file = served
    before = running.resolved_file.read_bytes()
    file.write_text('frontz = 2\n[index.main]\ndeny = ["acme<2: old"]\n')

    with pytest.raises(SettingsError, match="frontz"):
        reload_policy(running)

    assert before == running.resolved_file.read_bytes()


def test_without_a_server_there_is_nothing_to_reload(tmp_path: Path):
    with pytest.raises(NotServed, match="a start reads the settings itself"):
        reload_policy(replace(config(), data=tmp_path))


def test_a_snapshot_that_cannot_be_read_leaves_what_was_known(served: tuple[Config, Path]):
    running, _ = served
    follower = SnapshotFollower(running)
    running.resolved_file.write_bytes(b"{")

    with pytest.raises(Unavailable, match="settings in force cannot be read"):
        follower.look()


def test_control_has_the_policy_as_reloaded_and_all_else_as_started(served: tuple[Config, Path]):
    running, file = served
    in_force = PolicyInForce(replace(running, instance="0123"))
    before = in_force()
    file.write_text('[index.main]\nreserved = ["acme-*"]\n')
    reload_policy(running)

    after = in_force()
    running.resolved_file.write_bytes(b"{")

    assert ((), ("acme-*",)) == (before.indexes[0].reserved, after.indexes[0].reserved)
    assert "0123" == after.instance
    assert after == in_force()
