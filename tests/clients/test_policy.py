"""What may come in, as installers see it: they resolve to the newest version that is let in, and are told why not."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from holdfast.core.advisories import Advisories, Advisory, Affected
from holdfast.drill.corpus import Upstream, Wheel, wheel
from holdfast.drill.rig import HUNG_SECONDS, Rig, wait_until
from holdfast.store.opening import open_store
from holdfast.tree import overrides
from holdfast.tree.advisories import put_advisories
from holdfast.tree.overrides import Overrides, PolicyPass
from tests.clients.installers import INSTALLERS, pip_command, uv_command
from tests.clients.person import Person

NOW = datetime.now(UTC)


def aged(project: str, version: str, days: float) -> Wheel:
    return replace(wheel(project, version), uploaded=NOW - timedelta(days=days))


OLD, AGED, YOUNG, YOUNGER = (aged("waits", v, d) for v, d in (("1.0", 90), ("1.1", 8), ("2.0", 1), ("2.1", 0.1)))
BEFORE, BAD = aged("turns-bad", "1.0", 90), aged("turns-bad", "1.1", 80)


@pytest.fixture(scope="module")
def policed(tools: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """An instance whose default index asks for a week of cooldown."""
    settings = tmp_path_factory.mktemp("settings") / "holdfast.toml"
    settings.write_text('[index.main]\ncooldown = "7d"\ndeny = ["refused: use waits"]\n')
    with (
        Upstream([OLD, AGED, YOUNG, YOUNGER, BEFORE, BAD, wheel("refused", "1.0")]) as upstream,
        Rig(f"{upstream.url}/simple/", {"HOLDFAST_CONFIG": str(settings)}) as rig,
    ):
        yield rig


def decide(rig: Rig, edit: Callable[[Overrides], Overrides]) -> None:
    store = open_store("", rig.data / "store")
    overrides.change(store, edit, by="alice", what="a test", now=datetime.now(UTC))


def path_of(made: Wheel) -> str:
    return f"/packages/{made.sha256[:2]}/{made.sha256[2:4]}/{made.sha256[4:]}/{made.filename}"


def wait_listed(rig: Rig, made: Wheel, *, listed: bool) -> None:
    page = f"/simple/{made.project}/"
    wait_until(
        lambda: (made.filename.encode() in rig.get(page).body) == listed,
        HUNG_SECONDS,  # the drill `policy` says how fast
        f"{made.filename} {'on' if listed else 'off'} its page",
    )


@pytest.mark.parametrize("installer", ["pip-newest", "uv", "poetry"])
def test_cooldown_resolves_to_the_newest_version_that_is_old_enough(policed: Rig, alice: Person, installer: str):
    """2.0 is a day old and 2.1 younger: everybody gets 1.1."""
    python = INSTALLERS[installer](alice, f"{policed.url}/simple/", "waits", "consumer")

    assert "1.1" == alice.version_seen(python, "waits")


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_a_locked_url_of_a_held_back_file_is_refused(policed: Rig, alice: Person, tool: str):
    """No page visit, a digest that fits: the file is refused all the same. uv shows the reason, pip the status."""
    python = alice.environment_for_installs("consumer")
    index = f"{policed.url}/simple/"
    command = uv_command(python, index) if tool == "uv" else pip_command("pip-newest", python, index)
    assert 200 == policed.get("/simple/waits/").status  # somebody's resolution, some day; the lock file is older
    locked = f"waits @ {policed.url}{path_of(YOUNG)}#sha256={YOUNG.sha256}"

    done = alice.run(*command, "--no-deps", locked, check=False)

    assert 0 != done.returncode
    assert "403" in done.stdout
    if tool == "uv":
        assert "waits 2.0 is held back until" in done.stdout


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_an_exact_pin_of_a_version_that_is_held_back_has_no_match(policed: Rig, alice: Person, tool: str):
    """The page does not list it, so installers say what they say of any version that is not there."""
    python = alice.environment_for_installs("consumer")
    index = f"{policed.url}/simple/"
    command = uv_command(python, index) if tool == "uv" else pip_command("pip-newest", python, index)

    done = alice.run(*command, "waits==2.0", check=False)

    assert 0 != done.returncode
    assert ("No matching distribution found" if tool == "pip" else "there is no version of waits==2.0") in done.stdout


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_a_project_that_is_wholly_denied_stops_the_resolution(policed: Rig, alice: Person, tool: str):
    """403 on its page: pip finds no version, uv says 403 and asks no other index. The reason is in the body."""
    python = alice.environment_for_installs("consumer")
    index = f"{policed.url}/simple/"
    command = uv_command(python, index) if tool == "uv" else pip_command("pip-newest", python, index)

    done = alice.run(*command, "refused", check=False)

    assert 0 != done.returncode
    told = "No matching distribution found" if tool == "pip" else "403 Forbidden"
    assert told in done.stdout
    assert b"refused is denied in index main (rule `refused`): use waits" in policed.get("/simple/refused/").body


def test_break_glass_lets_exactly_one_version_through_until_it_expires(policed: Rig, alice: Person):
    def until(moment: datetime) -> None:
        passed = PolicyPass(
            index="main", project="waits", version="2.0", until=moment, reason="fix", by="alice", at=NOW
        )
        decide(policed, lambda old: msgspec.structs.replace(old, passes=(passed,)))

    until(datetime.now(UTC) + timedelta(hours=1))
    wait_listed(policed, YOUNG, listed=True)
    with_pip = INSTALLERS["pip-newest"](alice, f"{policed.url}/simple/", "waits", "by-pip")
    with_uv = INSTALLERS["uv"](alice, f"{policed.url}/simple/", "waits", "by-uv")
    until(datetime.now(UTC) + timedelta(seconds=1))
    wait_listed(policed, YOUNG, listed=False)
    after = INSTALLERS["uv"](alice, f"{policed.url}/simple/", "waits", "after")

    assert ["2.0", "2.0", "1.1"] == [alice.version_seen(python, "waits") for python in (with_pip, with_uv, after)]
    assert 403 == policed.get(path_of(YOUNG)).status


def test_known_malware_is_refused_over_a_warm_cache(policed: Rig, alice: Person, tmp_path: Path):
    """1.1 was installed an hour ago and lies in every cache here; then the advisory comes."""
    before = INSTALLERS["pip-newest"](alice, f"{policed.url}/simple/", "turns-bad", "before")
    for path in ("/simple/turns-bad/", path_of(BAD)):
        assert [200, 200] == [policed.get(path).status for _ in range(2)]
    table = Advisories({"turns-bad": (Affected(Advisory("MAL-1", "malware", "steals"), versions=("1.1",)),)}, malware=1)
    digest = put_advisories(open_store("", policed.data / "store"), table)
    decide(policed, lambda old: msgspec.structs.replace(old, advisories=digest, advisories_at=NOW))
    wait_listed(policed, BAD, listed=False)
    after = INSTALLERS["pip-newest"](alice, f"{policed.url}/simple/", "turns-bad", "after")

    assert ["1.1", "1.0"] == [alice.version_seen(python, "turns-bad") for python in (before, after)]
    assert 403 == policed.get(path_of(BAD)).status
    assert 403 == policed.get(path_of(BAD) + ".metadata").status
