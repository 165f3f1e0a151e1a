"""`holdfast use`, run as a person runs it; pip itself says what it reads."""

import os
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

URL = "https://packages.example"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def environment(home: Path, **more: str) -> dict[str, str]:
    dropped = ("PIP_", "UV_", "XDG_", "VIRTUAL_ENV")
    return {k: v for k, v in os.environ.items() if not k.startswith(dropped)} | {"HOME": str(home)} | more


def use(home: Path, *arguments: str, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    return holdfast(home, "use", *arguments, cwd=cwd, **variables)


def holdfast(
    home: Path, *arguments: str, cwd: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "holdfast.cli.main", *arguments],
        env=environment(home, **variables),
        cwd=cwd or home,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_pip_reads_what_was_written_and_the_undo_line_undoes_it(home: Path) -> None:
    file = home / ".config" / "pip" / "pip.conf"
    file.parent.mkdir(parents=True)
    file.write_text("[global]\ntimeout = 7\n")

    done = use(home, "pip", "--url", URL)

    said = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        env=environment(home),
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"global.index-url='{URL}/simple/'" in said.stdout
    assert "global.timeout='7'" in said.stdout
    assert "trusted-host" not in said.stdout
    undo = next(line.removeprefix("Undo: ") for line in done.stdout.splitlines() if line.startswith("Undo: "))
    subprocess.run(undo.split(), check=True)
    assert file.read_text() == "[global]\ntimeout = 7\n"


def test_other_places_that_pip_goes_on_asking_are_told(home: Path) -> None:
    """Else a stranger's higher version of an own name is installed (dependency confusion)."""
    file = home / ".config" / "pip" / "pip.conf"
    file.parent.mkdir(parents=True)
    file.write_text("[global]\nextra-index-url = https://u:secret@old.example/simple/\n[install]\nindex-url = x\n")

    done = use(home, "pip", "--url", URL, PIP_INDEX_URL="https://other.example/simple/")

    told = "by extra-index-url in [global], index-url in [install], PIP_INDEX_URL: whoever can publish"
    assert told in done.stdout and "secret" not in done.stdout
    assert "extra-index-url = https://u:secret@old.example/simple/" in file.read_text(), (
        "it is the person's to take away"
    )


def test_a_second_change_keeps_the_first_backup_and_no_change_writes_nothing(home: Path) -> None:
    file = home / ".pypirc"
    file.write_text("[distutils]\n")

    use(home, "twine", "--url", URL)
    use(home, "twine", "--url", f"{URL}/other")
    same = use(home, "twine", "--url", f"{URL}/other")

    assert "nothing changed" in same.stdout
    assert [".pypirc", ".pypirc.before-holdfast-1", ".pypirc.before-holdfast-2"] == sorted(
        path.name for path in home.iterdir() if path.name.startswith(".pypirc")
    )
    assert (home / ".pypirc.before-holdfast-1").read_text() == "[distutils]\n"


def test_a_token_makes_the_file_private_and_is_not_printed(home: Path) -> None:
    token = home / "token"
    token.write_text("holdfast_abc_secretsecret_abcdef\n")

    done = use(home, "pip", "--url", URL, "--token-file", str(token))

    file = home / ".config" / "pip" / "pip.conf"
    assert "__token__:holdfast_abc_secretsecret_abcdef@packages.example" in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "secretsecret" not in done.stdout + done.stderr


def test_a_project_means_its_own_files(home: Path) -> None:
    project = home / "project"
    (project / ".venv").mkdir(parents=True)
    (project / ".venv" / "pyvenv.cfg").touch()
    (project / "pyproject.toml").write_text('[project]\nname = "x"\n')

    results = [use(home, client, "--url", URL, "--project", str(project)) for client in ("pip", "uv", "poetry")]

    assert [0, 0, 0] == [done.returncode for done in results]
    assert (project / ".venv" / "pip.conf").exists()
    tables = tomllib.loads((project / "pyproject.toml").read_text())["tool"]
    assert (f"{URL}/simple/", f"{URL}/simple/") == (
        tables["uv"]["index"][0]["url"],
        tables["poetry"]["source"][0]["url"],
    )


def test_a_project_is_the_current_folder_unless_named_and_its_own_pip_reads_what_was_written(home: Path) -> None:
    project = home / "project"
    project.mkdir()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", project / ".venv"], check=True)
    elsewhere = home / "elsewhere"

    done = use(home, "pip", "--url", URL, "--project", cwd=project, VIRTUAL_ENV=str(elsewhere))

    said = subprocess.run(
        [sys.executable, "-m", "pip", "--python", project / ".venv", "config", "list"],
        env=environment(home),
        cwd=home,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"global.index-url='{URL}/simple/'" in said.stdout
    assert f"Undo: rm {project}/.venv/pip.conf" in done.stdout
    assert not elsewhere.exists()


def test_a_project_without_an_environment_takes_the_active_one_else_says_how_pip_finds_the_file(home: Path) -> None:
    active, project = home / "active", home / "project"
    for folder in (active, project):
        folder.mkdir()
    (active / "pyvenv.cfg").touch()

    with_active = use(home, "pip", "--url", URL, "--project", str(project), VIRTUAL_ENV=str(active))
    alone = use(home, "pip", "--url", URL, "--project", cwd=project, VIRTUAL_ENV=sys.prefix)

    assert f"Wrote {active}/pip.conf" in with_active.stdout
    assert f"export PIP_CONFIG_FILE={project}/pip.conf" in alone.stdout
    said = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        env=environment(home, PIP_CONFIG_FILE=f"{project}/pip.conf"),
        cwd=home,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"global.index-url='{URL}/simple/'" in said.stdout


def test_uv_reads_a_project_s_uv_toml_where_there_is_one(home: Path) -> None:
    for name, files, expected in (
        ("both", ("pyproject.toml", "uv.toml"), "uv.toml"),
        ("one", ("pyproject.toml",), "pyproject.toml"),
        ("none", (), "uv.toml"),
    ):
        project = home / name
        project.mkdir()
        for file in files:
            (project / file).touch()

        done = use(home, "uv", "--url", URL, "--project", cwd=project)

        assert f"Wrote {project}/{expected}" in done.stdout
        assert f"{URL}/simple/" in (project / expected).read_text()


def test_print_writes_nothing_and_another_index_is_below_the_root(home: Path) -> None:
    done = use(home, "uv", "--url", URL, "--index", "team", "--print")

    assert f'url = "{URL}/team/simple/"' in done.stdout
    assert f'publish-url = "{URL}/team/legacy/"' in done.stdout
    assert [] == list(home.iterdir())


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://packages.example:8000", "trusted-host = packages.example:8000\n"),
        ("http://127.0.0.1:8000", ""),
        ("http://localhost:8000", ""),
        ("https://packages.example", ""),
    ],
)
def test_pip_is_told_to_trust_only_plain_http_on_another_machine(home: Path, url: str, expected: str) -> None:
    done = use(home, "pip", "--url", url, "--print")

    assert done.stdout == f"[global]\n{expected}index-url = {url}/simple/\n"


def test_what_cannot_be_done_says_why_and_changes_nothing(home: Path) -> None:
    (home / ".pypirc").write_text("nonsense")

    for arguments, said in (
        (("twine", "--url", URL), "left as it is: it does not parse"),
        (("poetry", "--url", URL), "pyproject.toml does not exist"),
        (("pip", "--url", "packages.example"), "must be an absolute http:// or https:// URL"),
    ):
        done = use(home, *arguments)
        assert (done.returncode, said in done.stderr) == (1, True), done.stderr
    assert (home / ".pypirc").read_text() == "nonsense"


@pytest.mark.parametrize(
    "held", [b"holdfast_secret\xff", b"holdfast_secret\nsecond", b"holdfast_secret\x1b[31m", b" \n"]
)
@pytest.mark.parametrize("command", [("use", "twine", "--url", URL), ("warm", "demo", "--url", "http://127.0.0.1:1")])
def test_a_file_that_holds_no_token_is_named_and_not_shown(home: Path, command: tuple[str, ...], held: bytes) -> None:
    file = home / "token"
    file.write_bytes(held)

    done = holdfast(home, *command, "--token-file", str(file))

    assert (
        f"holdfast: {file} holds no token: it must be one line, as `holdfast token create` prints it\n" == done.stderr
    )
    assert (1, "", [file]) == (done.returncode, done.stdout, list(home.iterdir()))


def test_an_index_that_is_not_configured_here_is_no_index_to_point_at(home: Path) -> None:
    done = use(home, "pip", "--index", "tset", HOLDFAST_DATA=str(home / "data"), HOLDFAST_UPSTREAM="none")

    assert "holdfast: there is no index 'tset'; the configured ones: main\n" == done.stderr
    assert (1, []) == (done.returncode, list(home.iterdir()))


def test_a_configuration_that_leads_to_no_ordinary_file_is_left_alone(home: Path) -> None:
    device = home / "null"
    try:
        os.mknod(device, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root makes devices")
    (home / ".pypirc").symlink_to(device)

    done = use(home, "twine", "--url", URL)

    assert f"twine's configuration is left as it is: {home}/.pypirc is no ordinary file" in done.stderr
    assert (1, True) == (done.returncode, stat.S_ISCHR(device.stat().st_mode))
