"""`holdfast publish` against the management API: all files or none, what is wrong in words, and repeated runs."""

from collections.abc import Callable
from pathlib import Path

import pytest
import wheels
from click.testing import CliRunner, Result
from doors import Answered, Door
from instances import Instance
from served import served
from sessions import NAMES, OTHER, SDIST, WHEEL, filenames, opened, stage, traces

from holdfast.cli.main import main
from holdfast.cli.publish import Run, told
from holdfast.cli.publish_api import SessionApi
from holdfast.cli.publish_files import BadFiles, read_release
from holdfast.control.staging.models import LIVE, StagedFile, StagingSession

Publish = Callable[..., Result]


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A folder with a wheel and an sdist, as build tools leave it."""
    folder = tmp_path / "dist"
    folder.mkdir()
    for name, data in (WHEEL, SDIST):
        (folder / name).write_bytes(data)
    (folder / ".gitignore").write_text("*")
    return folder


def run(url: str, token: str, *words: object) -> Result:
    return CliRunner().invoke(
        main, ["publish", "--url", url, *map(str, words)], env={"HOLDFAST_TOKEN": token, "NO_PROXY": "*"}
    )


def patient(url: str, token: str, dist: Path) -> Run:
    """The same without a process's exit, and without the pauses between tries."""
    return Run(SessionApi(url, "main", token, sleep=lambda _seconds: None), read_release([dist]))


def live() -> int:
    return StagingSession.objects.filter(status__in=LIVE).count()


def test_a_release_is_published_whole_and_again_is_fine(sqlite_instance: Instance, dist: Path):
    door = Door(sqlite_instance)
    alice = door.token("alice")
    with served(door) as url:
        done = run(f"{url}/legacy/", alice, dist)
        again = run(url, alice, *sorted(dist.glob("demo*")))

    assert (done.exit_code, done.output.splitlines()[-1]) == (0, "published demo-pkg 1.0: 2 files at once")
    assert (again.exit_code, again.output.splitlines()[-1]) == (
        0, "demo-pkg 1.0 was there already, with the same bytes",
    )  # fmt: skip
    assert filenames(sqlite_instance) == NAMES


def test_one_bad_file_keeps_all_out_and_every_problem_is_told_with_its_file(sqlite_instance: Instance, dist: Path):
    door = Door(sqlite_instance)
    alice = door.token("alice")
    (dist / "demo_pkg-1.0-py2-none-any.whl").write_bytes(b"no zip")
    (dist / "demo_pkg-1.0-cp311-none-any.whl").write_bytes(WHEEL[1])  # WHEEL says other tags
    before = traces()
    with served(door) as url:
        done = run(url, alice, dist)

    assert done.exit_code == 1
    for name in ("demo_pkg-1.0-py2-none-any.whl", "demo_pkg-1.0-cp311-none-any.whl"):
        assert [line for line in done.output.splitlines() if line.startswith("holdfast: ") and name in line]
    assert "Nothing was published." in done.output
    assert (traces(), live(), StagedFile.objects.count()) == (before, 0, 0)


def test_a_preview_waits_for_the_same_command_without_it(sqlite_instance: Instance, dist: Path):
    door = Door(sqlite_instance)
    alice = door.token("alice")
    with served(door) as url:
        shown = run(url, alice, dist, "--preview")
        before = filenames(sqlite_instance)
        done = run(url, alice, dist)

    token = StagingSession.objects.get().preview_token
    assert (
        f"pip install --index-url {door.parts.config.base_url}/@preview/{token}/simple/ demo-pkg==1.0" in shown.output
    )
    assert (shown.exit_code, before) == (0, [])
    assert "going on: 2 of 2 files are staged already" in done.output
    assert (done.exit_code, filenames(sqlite_instance)) == (0, NAMES)


def test_what_was_staged_can_be_given_up(sqlite_instance: Instance, dist: Path):
    door = Door(sqlite_instance)
    alice = door.token("alice")
    with served(door) as url:
        run(url, alice, dist, "--preview")
        done = run(url, alice, dist, "--cancel")
        nothing = run(url, alice, dist, "--cancel")

    assert (done.exit_code, done.output) == (0, "gave up what was staged of demo-pkg 1.0\n")
    assert (nothing.exit_code, nothing.output.splitlines()[-1], live()) == (0, "there was nothing staged", 0)


def test_a_dry_run_leaves_nothing(sqlite_instance: Instance, dist: Path):
    door = Door(sqlite_instance)
    alice = door.token("alice")
    before = traces()
    with served(door) as url:
        done = run(url, alice, dist, "--dry-run")

    assert (done.exit_code, done.output.splitlines()[-1]) == (0, "would publish demo-pkg 1.0")
    assert (traces(), live()) == (before, 0)


def test_a_dry_run_takes_only_its_own_files_back(sqlite_instance: Instance, dist: Path):
    door = Door(sqlite_instance)
    alice = door.token("alice")
    stage(door, alice, opened(door, alice), WHEEL)
    with served(door) as url:
        assert run(url, alice, dist, "--dry-run").exit_code == 0

    assert list(StagedFile.objects.values_list("filename", flat=True)) == [WHEEL[0]]


def test_a_file_that_is_in_the_way_is_named_and_the_rest_stays_out(sqlite_instance: Instance, dist: Path):
    door = Door(sqlite_instance)
    alice = door.token("alice")
    door.upload(wheels.twine_body(*OTHER), alice)
    with served(door) as url:
        done = run(url, alice, dist)

    assert done.exit_code == 1
    assert f"File already exists ({WHEEL[0]!r}" in done.output
    assert (filenames(sqlite_instance), live()) == ([WHEEL[0]], 0)


def test_files_of_an_earlier_run_are_replaced_and_strangers_are_not_published(sqlite_instance: Instance, dist: Path):
    door = Door(sqlite_instance)
    alice = door.token("alice")
    session = opened(door, alice)
    stage(door, alice, session, OTHER)
    stage(door, alice, session, wheels.wheel("demo-pkg", "1.0", tags=["py2-none-any"]))
    with served(door) as url:
        refused = run(url, alice, dist)
        kept = live()
        done = run(url, alice, dist, "--start-over")

    assert (refused.exit_code, kept) == (1, 1)
    assert "has other files: demo_pkg-1.0-py2-none-any.whl. Give those too, or use --start-over." in refused.output
    assert (done.exit_code, filenames(sqlite_instance)) == (0, NAMES)


@pytest.mark.parametrize("at", ["/files", "/files second", "/publish", "/publish answered"])
def test_a_run_that_is_cut_off_shows_all_or_nothing_and_is_finished_by_the_next(
    sqlite_instance: Instance, dist: Path, at: str, capsys: pytest.CaptureFixture[str]
):
    """The server is gone at that step: before it acted, or (`answered`) after it did and before anybody heard."""
    door = Door(sqlite_instance)
    alice = door.token("alice")
    seen: list[str] = []

    def gone(method: str, path: str) -> Answered | None:
        if method != "POST" or not path.endswith(at.split(maxsplit=1)[0]):
            return None
        seen.append(path)
        if at.endswith("second") and len(seen) == 1:
            return None
        if at.endswith("answered"):
            assert door.api("POST", path.removeprefix("/api/"), alice, {}).status == 200
        return Answered(0, {}, b"")

    with served(door, gone) as url:
        cut_off = patient(url, alice, dist)
        with pytest.raises(SystemExit) as ended, told(cut_off):
            cut_off.publish(start_over=False)
    after = filenames(sqlite_instance)
    with served(door) as url:
        patient(url, alice, dist).publish(start_over=False)

    assert ended.value.code == 3
    assert "Run the same command again" in capsys.readouterr().err
    assert after == (NAMES if at.endswith("answered") else [])
    assert (filenames(sqlite_instance), live()) == (NAMES, 0)


def test_a_server_that_blinks_is_asked_again(sqlite_instance: Instance, dist: Path):
    door = Door(sqlite_instance)
    alice = door.token("alice")
    trouble = [Answered(503, {"content-type": "text/plain"}, b"x"), Answered(0, {}, b"")]

    with served(door, lambda _method, _path: trouble.pop() if trouble else None) as url:
        patient(url, alice, dist).publish(start_over=False)

    assert filenames(sqlite_instance) == NAMES


def test_a_token_that_is_not_in_force_is_told_with_the_next_step(sqlite_instance: Instance, dist: Path):
    with served(Door(sqlite_instance)) as url:
        done = run(url, "nonsense", dist)
        without = CliRunner().invoke(main, ["publish", "--url", url, str(dist)], env={"HOLDFAST_TOKEN": ""})

    assert done.exit_code == 1
    assert "holdfast token create" in done.output
    assert (without.exit_code, "HOLDFAST_TOKEN" in without.output) == (1, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--url", "ftp://x.example"], "is no root URL"),
        (["--url", "https://a:b@x.example"], "must not hold a token"),
        (["--preview", "--cancel"], "choose one of"),
        (["nothing-here.whl"], "there is no such file"),
    ],
)
def test_a_wrong_call_says_why(tmp_path: Path, words: list[str], said: str):
    made = tmp_path / WHEEL[0]
    made.write_bytes(WHEEL[1])

    done = CliRunner().invoke(main, ["publish", *words, str(made)], env={"HOLDFAST_TOKEN": "x"})

    assert (done.exit_code, said in done.output) == (2, True), done.output
    assert "a:b" not in done.output


def test_files_of_two_releases_are_refused(dist: Path):
    (dist / "demo_pkg-2.0.tar.gz").write_bytes(b"")
    (dist / "other.txt").write_text("")

    with pytest.raises(BadFiles) as told:
        read_release([dist, dist / "other.txt"])

    assert [said.rpartition(": ")[2] for said in told.value.problems] == [
        "is no distribution file; give wheels (.whl) and sdists (.tar.gz)",
        "these files are of 2 releases (demo-pkg 1.0, demo-pkg 2.0); publish one at a time",
    ]


def test_attestations_go_with_their_file(dist: Path):
    (dist / f"{WHEEL[0]}.publish.attestation").write_text('{"version": 1}')

    release = read_release([dist])

    assert [dist.attestations for dist in release.dists] == [('{"version": 1}',), ()]
    (dist / "x-1.tar.gz.publish.attestation").write_text("{}")
    with pytest.raises(BadFiles, match="belongs to none"):
        read_release([dist])
