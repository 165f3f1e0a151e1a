"""A release fails for one kind of credential: the gate stops it, the one before serves on, and a good one passes."""

import json
import os
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from holdfast.drill.checkers import check_contiguous, check_fsck, check_served
from holdfast.drill.clients import Load
from holdfast.drill.corpus import Wheel, wheel
from holdfast.drill.proxy import FaultProxy
from holdfast.drill.publishers import as_token, twine_upload_each
from holdfast.drill.releases import changed_release, this_release
from holdfast.drill.rig import HUNG_SECONDS, Rig, fetch, free_port, wait_until
from holdfast.drill.scenario import CannotRun, Say
from holdfast.drill.steps import publish, warm

INCIDENTS = ("r10-upload-deploy",)
SLOW = True  # three instances, and real tools against all of them
PROMOTE = Path(__file__).resolve().parents[4] / "deploy" / "promote"  # of a checkout
PROMOTE_SECONDS_MAX = 240
CANARY = "[index.main]\n\n[index.canary]\nprivate = true\n"
# What somebody changed: robots have no address, and the new code asks for one.
BROKEN = (
    "control/accounts/actions.py",
    """
_authenticate = authenticate


def authenticate(*args, **kwargs):
    actor = _authenticate(*args, **kwargs)
    if actor is not None and User.objects.filter(username=actor.user, is_robot=True).exists():
        raise KeyError("email")
    return actor
""",
)


def run(say: Say) -> None:
    if not PROMOTE.exists():
        raise CannotRun("deploy/promote is not here: this drill needs a checkout")
    with Rig() as rig:
        settings = rig.folder / "holdfast.toml"
        settings.write_text(CANARY)
        rig.restart({"HOLDFAST_CONFIG": str(settings)})
        publish(rig, "before", "1.0")
        tokens = _tokens(rig)
        serving = json.loads(rig.run("canary", "run", "--json").stdout)
        assert serving["ok"], serving
        say(f"the release that serves passes {len(serving['checks'])} checks itself")
        old = this_release(rig.folder / "old")
        bad = changed_release(rig.folder / "bad", *BROKEN)
        paths = warm(rig, "before")
        with (
            FaultProxy(rig.url) as proxy,
            Load(proxy.url, paths, ["before==1.0"], rig.folder, readers=1, pause_seconds=0.1) as load,
        ):
            with _uploads(proxy, rig, tokens) as codes:
                said, is_switched = _promote(rig, old, bad)
            assert said.returncode == 1, said.stdout + said.stderr
            assert not is_switched, "the traffic was sent to the bad release"
            failed = [line for line in said.stdout.splitlines() if line.startswith("FAIL")]
            assert failed, said.stdout
            assert all(line.startswith("FAIL  robot, ") for line in failed), failed
            _demand_codes(codes, tokens)
            assert _running(rig.folder / "next") == 0, "the bad release still runs"
            say(
                f"bad release: no, for {len(failed)} checks; {sum(codes.values())} uploads by twine meanwhile, all good"
            )

            with _uploads(proxy, rig, tokens) as codes:
                said, is_switched = _promote(rig, old, old)
                try:
                    assert said.returncode == 0, said.stdout + said.stderr
                    assert is_switched
                    proxy.aim(is_switched)
                    _uploads_once(proxy, rig, tokens)
                finally:
                    proxy.aim(rig.url)
                    _stop(rig.folder / "next")
            _demand_codes(codes, tokens)
            say(f"good release: yes, and every kind uploads there; {sum(codes.values())} uploads meanwhile, all good")
        assert not load.failures, load.failures[:5]
        assert load.counts["installs"] >= 2, load.counts
        say(f"{load.counts['installs']} installs and {load.counts['reads']} reads went through all of it")
        _no_litter(rig)
        check_contiguous(rig.data)
        check_fsck(rig)


def _tokens(rig: Rig) -> dict[str, str]:
    """A token of each kind that an operator hands out at the command line."""
    rig.run("user", "create", "ci", "--robot")
    assert rig.upload(wheel("kind-narrow", "0.1")).status == 200
    return {
        "person": rig.run("token", "create", "p", "--user", "alice").stdout.strip(),
        "robot": rig.run("token", "create", "r", "--user", "ci").stdout.strip(),
        "narrow": rig.run("token", "create", "n", "--project", "kind-narrow").stdout.strip(),
    }


def _promote(rig: Rig, old: Path, new: Path) -> tuple["subprocess.CompletedProcess[str]", str]:
    """Run deploy/promote; what it said, and where the traffic was sent, "" when nowhere."""
    port, target = free_port(), rig.folder / "target"
    target.unlink(missing_ok=True)
    environment = rig.environment() | {
        "HOLDFAST_DATA": str(rig.folder / "next"),
        "HOLDFAST_LISTEN": f"127.0.0.1:{port}",
        "HOLDFAST_STORE": str(rig.data / "store"),
        "HOLDFAST_DATABASE_URL": f"sqlite://{rig.data / 'holdfast.sqlite3'}",
        "HOLDFAST_SECRET_KEY_FILE": str(rig.data / "secret-key"),
        "HOLDFAST_PUBLIC_URL": rig.url,
    }
    switch = ["sh", "-c", f'printf %s "$1" > "{target}"', "switch", f"http://127.0.0.1:{port}"]
    done = subprocess.run(
        [str(PROMOTE), str(old), str(rig.data), str(new), *switch],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PROMOTE_SECONDS_MAX,
        check=False,
    )
    return done, target.read_text() if target.exists() else ""


@contextmanager
def _uploads(proxy: FaultProxy, rig: Rig, tokens: dict[str, str]) -> Iterator[Counter[tuple[str, int]]]:
    """twine with each kind of credential, over and over through the proxy; how often each ended with which code."""
    codes: Counter[tuple[str, int]] = Counter()
    over = threading.Event()
    began = len(list(rig.folder.glob("round-*")))

    def go_on() -> None:
        turn = began
        while not over.is_set():
            turn += 1
            (rig.folder / f"round-{turn}").mkdir()
            for kind, token in tokens.items():
                made = wheel(f"kind-{kind}", f"1.{turn}")
                [code] = twine_upload_each(f"{proxy.url}/legacy/", [made], rig.folder, as_token(token))
                codes[kind, code] += 1

    uploader = threading.Thread(target=go_on, daemon=True)
    uploader.start()
    try:
        yield codes
    finally:
        over.set()
        uploader.join(PROMOTE_SECONDS_MAX)


def _uploads_once(proxy: FaultProxy, rig: Rig, tokens: dict[str, str]) -> None:
    for kind, token in tokens.items():
        made = wheel(f"kind-{kind}", "2.0")
        assert twine_upload_each(f"{proxy.url}/legacy/", [made], rig.folder, as_token(token)) == [0], kind
        wait_until(partial(_is_served, rig, made), 10, f"{kind} on the release before")


def _is_served(rig: Rig, made: Wheel) -> bool:
    return made.filename in check_served(rig, made.project)


def _demand_codes(codes: Counter[tuple[str, int]], tokens: dict[str, str]) -> None:
    assert {code for _, code in codes} == {0}, codes
    assert {kind for kind, _ in codes} == set(tokens), f"not every kind had its turn: {codes}"


def _running(data: Path) -> int:
    """The process that runs on a data folder, 0 for none."""
    try:
        pid = int((data / "lock").read_text())
        os.kill(pid, 0)
    except (OSError, ValueError):
        return 0
    return pid


def _stop(data: Path) -> None:
    pid = _running(data)
    if pid:
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not _running(data), 20, "the new release to end")


def _is_there(rig: Rig, path: str) -> bool:
    return rig.get(path).status == 200


def _no_litter(rig: Rig) -> None:
    """Nothing that anybody may see tells of canaries, and in their own index none is left."""
    for path in ("/simple/", "/", "/rss/updates.xml", "/rss/packages.xml", "/search/?q=holdfast"):
        wait_until(partial(_is_there, rig, path), HUNG_SECONDS, path)
        assert b"holdfast-canary" not in rig.get(path).body, path
    reader = rig.run("token", "create", "reader", "--read-index", "canary").stdout.strip()
    page = fetch(f"{rig.url}/canary/simple/", headers={"Authorization": f"Bearer {reader}"})
    assert page.status == 200, page
    assert b"holdfast-canary" not in page.body, page.body
