"""`holdfast warm` as a person runs it, against one running instance over a small upstream on loopback."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from wheels import sdist
from wheels import wheel as tagged_wheel

from holdfast.drill.corpus import Upstream, Wheel, chain, wheel
from holdfast.drill.rig import Rig
from holdfast.store.local import LocalStore
from holdfast.tree.pins import PinnedProject, read_pins

LINUX, MAC = "cp312-cp312-manylinux_2_17_x86_64", "cp312-cp312-macosx_11_0_arm64"
BUILDS_FROM_ELSEWHERE = b"[build-system]\nrequires = ['builder', 'thing @ http://ci:hush@127.0.0.1:1/thing.whl']\n"
BUILDS_WITH = b"[build-system]\nrequires = ['builder>=1']\nbuild-backend = 'builder'\n"


def source(project: str, version: str, pyproject: bytes) -> Wheel:
    """An sdist as the upstream's value."""
    filename, content = sdist(project, version, replace={"{top}/pyproject.toml": pyproject})
    return Wheel(project, version, filename, content, b"")


def native(project: str, version: str, tag: str) -> Wheel:
    filename, content = tagged_wheel(project, version, tags=[tag])
    return Wheel(project, version, filename, content, b"Metadata-Version: 2.1\n")


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    made = [*chain("chain", 3), *chain("other", 2), wheel("alone", "1.0", filler_bytes=200_000), wheel("unseen", "1.0")]
    made += [wheel("builder", "1.0", ["builder-needs"]), wheel("builder-needs", "1.0"), wheel("gone", "1.0")]
    made += [source("url-source", "1.0", BUILDS_FROM_ELSEWHERE)]
    made += [source("from-source", "1.0", BUILDS_WITH), source("odd-source", "1.0", b"not toml")]
    made += [native("native", "1.0", LINUX), native("native", "1.0", MAC), source("native", "1.0", BUILDS_WITH)]
    made += [wheel("secret-thing", "1.0"), wheel("pinned", "1.0"), wheel("pinned", "2.0"), wheel("locked", "1.0")]
    with Upstream(made) as running:
        yield running


@pytest.fixture(scope="module")
def rig(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    settings = tmp_path_factory.mktemp("settings") / "holdfast.toml"
    settings.write_text('[index.main]\nlayers = ["upstream"]\n\n[index.vault]\nprivate = true\nlayers = ["upstream"]\n')
    with Rig(f"{upstream.url}/simple/", {"HOLDFAST_CONFIG": str(settings)}) as running:
        yield running


def warm(rig: Rig, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return rig.run("warm", *(str(argument) for argument in arguments), check=False)


def verdict(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout.strip().splitlines()[-1]


def document(done: subprocess.CompletedProcess[str]) -> dict:
    return json.loads(done.stdout)


def file_of(upstream: Upstream, filename: str) -> Wheel:
    return next(one for one in upstream.wheels if one.filename == filename)


def uv_lock(upstream: Upstream, root: str, *filenames: str) -> str:
    """A lock whose addresses are below `root`."""
    text = "version = 1\n"
    for filename in filenames:
        one = file_of(upstream, filename)
        path = f"{one.sha256[:2]}/{one.sha256[2:4]}/{one.sha256[4:]}/{filename}"
        entry = f'{{ url = "{root}/packages/{path}", hash = "sha256:{one.sha256}", size = {len(one.content)} }}'
        text += f'\n[[package]]\nname = "{one.project}"\nversion = "{one.version}"\n'
        text += f'source = {{ registry = "{root}/simple/" }}\n'
        text += f"wheels = [{entry}]\n" if filename.endswith(".whl") else f"sdist = {entry}\n"
    return text


def test_requirements_are_ready_once_warmed_and_a_check_fetches_nothing(
    rig: Rig, upstream: Upstream, tmp_path: Path
) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("chain-0  # and what it needs\nalone==1.0\n")

    before = warm(rig, "--check", file)
    asked_before = sum(upstream.requests.values())
    warmed = warm(rig, file)
    asked = sum(upstream.requests.values())
    after = warm(rig, "--check", file)

    assert (1, "ready offline: no (1 thing is missing)") == (before.returncode, verdict(before))
    assert "missing: simple/chain-0/: not kept here" in before.stdout
    assert 0 == asked_before
    assert 0 == warmed.returncode, warmed.stdout
    assert "4 projects, 4 files, 19" in warmed.stdout and "KiB; 0 here already" in warmed.stdout
    assert verdict(warmed).startswith("ready offline: yes (4 projects, 4 files, 19")
    assert (0, verdict(warmed)) == (after.returncode, verdict(after))
    assert asked == sum(upstream.requests.values())
    assert "4 here already" in after.stdout


def test_a_lock_with_addresses_elsewhere_is_not_protected_and_says_how_to_be(
    rig: Rig, upstream: Upstream, tmp_path: Path
) -> None:
    lock = tmp_path / "uv.lock"
    lock.write_text(uv_lock(upstream, "https://files.example", "locked-1.0-py3-none-any.whl"))

    elsewhere = warm(rig, lock)
    lock.write_text(uv_lock(upstream, rig.url, "locked-1.0-py3-none-any.whl"))
    ours = warm(rig, lock)

    assert 1 == elsewhere.returncode
    assert "files.example: 1 file, such as locked-1.0-py3-none-any.whl" in elsewhere.stdout
    assert f"to have them come through here: holdfast use uv --project --url {rig.url} && uv lock" in elsewhere.stdout
    assert verdict(elsewhere).startswith("ready offline: no (some come from other places")
    assert (0, "ready offline: yes (1 project, 1 file, ") == (ours.returncode, verdict(ours)[:39])


@pytest.mark.parametrize("root", ["https://files.example:port", "https://files\\u001b\\u0007.example"])
def test_an_address_in_a_lock_is_text_and_nothing_more(rig: Rig, upstream: Upstream, tmp_path: Path, root: str) -> None:
    lock = tmp_path / "uv.lock"
    lock.write_text(uv_lock(upstream, root, "locked-1.0-py3-none-any.whl"))

    done = warm(rig, lock)

    assert (1, "") == (done.returncode, done.stderr)
    assert "1 file, such as locked-1.0-py3-none-any.whl" in done.stdout
    assert done.stdout.replace("\n", "").isprintable()


def test_an_address_that_is_none_makes_no_lock(rig: Rig, upstream: Upstream, tmp_path: Path) -> None:
    lock = tmp_path / "uv.lock"
    lock.write_text(uv_lock(upstream, "https://[half", "locked-1.0-py3-none-any.whl"))

    done = warm(rig, lock)

    assert (1, f"holdfast: {lock}: Invalid IPv6 URL\n") == (done.returncode, done.stderr)


def test_an_sdist_brings_what_builds_it_and_what_that_needs(rig: Rig, upstream: Upstream, tmp_path: Path) -> None:
    lock = tmp_path / "uv.lock"
    lock.write_text(uv_lock(upstream, rig.url, "from_source-1.0.tar.gz", "odd_source-1.0.tar.gz"))

    done = warm(rig, "--json", lock)
    without = warm(rig, "--json", "--no-build", lock)

    assert 0 == done.returncode, done.stdout
    assert ["builder", "builder-needs", "from-source", "odd-source"] == document(done)["projects"]
    assert any("odd_source-1.0.tar.gz is not known" in note for note in document(done)["notes"])
    assert 0 == document(without)["files"]


def test_what_builds_an_sdist_from_elsewhere_is_not_asked_for_and_not_protected(
    rig: Rig, upstream: Upstream, tmp_path: Path
) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text(f"url-source==1.0 --hash=sha256:{file_of(upstream, 'url_source-1.0.tar.gz').sha256}\n")

    done = warm(rig, "--json", file)

    assert 1 == done.returncode, done.stdout
    assert [{"origin": "127.0.0.1:1", "files": ["what builds url_source-1.0.tar.gz"]}] == document(done)["unprotected"]
    assert ([], ["builder", "builder-needs", "url-source"]) == (document(done)["missing"], document(done)["projects"])


def test_files_are_chosen_for_the_platform_asked(rig: Rig, upstream: Upstream, tmp_path: Path) -> None:
    names = [one.filename for one in upstream.wheels if one.project == "native"]
    digests = " ".join(f"--hash=sha256:{file_of(upstream, name).sha256}" for name in names)
    file = tmp_path / "requirements.txt"
    file.write_text(f"native==1.0 {digests}\nlocked==1.0 ; python_version < '3.9' --hash=sha256:{'0' * 64}\n")

    linux = warm(rig, "--python", "3.12", "--platform", "manylinux_2_28_x86_64", file)
    kept_then = {path for path in upstream.requests if path.startswith("/files/native")}
    everything = warm(rig, "--all", "--json", file)

    assert verdict(linux).startswith("ready offline: yes (1 project, 1 file, "), linux.stdout
    assert {f"/files/{file_of(upstream, names[0]).filename}"} == {p for p in kept_then if not p.endswith(".metadata")}
    assert 1 == everything.returncode  # no file of `locked` has the digest
    assert "locked 1.0" == document(everything)["missing"][0]["what"]
    assert {f"/files/{name}" for name in names} <= set(upstream.requests)


def test_one_failure_is_named_and_the_others_go_on(rig: Rig, upstream: Upstream, tmp_path: Path) -> None:
    gone = file_of(upstream, "gone-1.0-py3-none-any.whl")
    lock = tmp_path / "uv.lock"
    lock.write_text(uv_lock(upstream, rig.url, gone.filename, "other_1-1.0-py3-none-any.whl"))
    del upstream._files[gone.filename]

    done = warm(rig, "--json", lock)

    told = document(done)
    assert (1, False, ["gone-1.0-py3-none-any.whl"]) == (
        done.returncode,
        told["ready"],
        [one["what"].rpartition("/")[2] for one in told["missing"] if not one["what"].endswith(".metadata")],
    )
    assert f"/files/{file_of(upstream, 'other_1-1.0-py3-none-any.whl').filename}" in upstream.requests


def test_a_private_index_needs_a_token_and_never_shows_it(rig: Rig, tmp_path: Path) -> None:
    token = rig.run("token", "create", "warmer", "--index", "vault").stdout.strip()
    file = tmp_path / "token"
    file.write_text(token + "\n")

    refused = warm(rig, "--index", "vault", "secret-thing")
    let_in = warm(rig, "--index", "vault", "--token-file", file, "secret-thing")
    check = warm(rig, "--check", "--index", "vault", "--token-file", file, "secret-thing")

    assert (1, 0, 0) == (refused.returncode, let_in.returncode, check.returncode), refused.stdout + let_in.stdout
    assert token not in refused.stdout + let_in.stdout + let_in.stderr + check.stdout


def test_without_a_data_folder_the_index_is_named_by_its_address(rig: Rig, upstream: Upstream) -> None:
    done = warm(rig, "--url", f"{rig.url}/simple/", "pinned<2")

    assert verdict(done).startswith("ready offline: yes (1 project, 1 file, ")
    assert "/files/pinned-2.0-py3-none-any.whl" not in upstream.requests


def test_a_pin_names_the_files_and_releases_of_a_project(rig: Rig, upstream: Upstream, tmp_path: Path) -> None:
    file = tmp_path / "my shop" / "requirements.txt"
    file.parent.mkdir()
    file.write_text("pinned<2\n")

    done = warm(rig, "--pin", file)

    assert "pinned as my-shop-requirements.txt\n" in done.stdout
    (pin,) = read_pins(LocalStore(rig.data / "store"))
    assert ("my-shop-requirements.txt", (PinnedProject("pinned", ("1.0",)),)) == (pin.name, pin.projects)
    assert (file_of(upstream, "pinned-1.0-py3-none-any.whl").sha256,) == pin.sha256


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("missing.txt",), "missing.txt: No such file"),
        (("not a requirement",), "neither a file nor a requirement"),
        (("--python", "py312", "alone"), "--python py312 must be a version like 3.12"),
        (("--index", "nope", "alone"), "there is no index 'nope' here; there is main, vault"),
        (("--url", "https://packages.example", "--pin", "alone"), "--pin writes to the instance's store"),
        (("--url", "packages.example", "alone"), "must be an absolute http:// or https:// URL"),
    ],
)
def test_what_cannot_be_understood_says_why(rig: Rig, arguments: tuple[str, ...], said: str) -> None:
    done = warm(rig, *arguments)

    assert (1, True) == (done.returncode, said in done.stderr), done.stderr


def test_nobody_there_is_told_in_a_sentence() -> None:
    with Rig() as idle:
        environment = idle.environment()
        idle.stop()

        done = warm(idle, "--url", idle.url, "alone")

    assert environment["HOLDFAST_UPSTREAM"] == "none"
    assert 1 == done.returncode
    assert "does not answer" in done.stdout
