"""`holdfast serve` as a person starts it: the real roles, on a free port, in a data folder of its own."""

import json
import os
import pty
import re
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from certificates import make_certificate
from processes import Command, Start, end, is_alive, wait_for

from holdfast import datafolder
from holdfast.config import DATA_FORMAT, Config

SERVE = ("-m", "holdfast.cli.main", "serve")
READY = "Stop: Ctrl-C"  # the welcome's last words


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A data folder that does not exist yet."""
    return tmp_path / "data"


@pytest.fixture(scope="session")
def initialised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder after its first start, made once: most tests are about something else."""
    folder = tmp_path_factory.mktemp("initialised") / "data"
    datafolder.prepare(Config(data=folder))
    done = holdfast(folder, "_initialise")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def data(initialised: Path, fresh: Path) -> Path:
    """A copy of an initialised data folder."""
    return Path(shutil.copytree(initialised, fresh))


def serve(start: Start, data: Path, **variables: str) -> Command:
    """Start and wait until it is ready."""
    command = start(*SERVE, **settings(data, **variables))
    command.says(READY)
    return command


def settings(data: Path, **variables: str) -> dict[str, str]:
    return {"HOLDFAST_DATA": str(data), "HOLDFAST_LISTEN": "127.0.0.1:0", "HOLDFAST_UPSTREAM": "none"} | variables


def refused(start: Start, data: Path, **variables: str) -> tuple[int, str]:
    """Start what must not start: (exit code, what it says)."""
    command = start(*SERVE, **settings(data, **variables))
    return command.process.wait(30), command.stderr


def address(command: Command) -> str:
    match = re.search(r"ready at (\S+)/", command.stdout)
    assert match, command.stdout
    return match[1]


def status(url: str, context: ssl.SSLContext | None = None) -> int:
    with urllib.request.urlopen(url, timeout=10, context=context) as answer:
        return int(answer.status)


def answers(url: str) -> bool:
    try:
        return status(url) == 200
    except urllib.error.HTTPError:
        return False


def pids(data: Path) -> dict[str, int]:
    return dict(json.loads((data / "run" / "pids.json").read_text()))


def holdfast(data: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "holdfast.cli.main", *arguments],
        env={**os.environ, **settings(data, **variables)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def group_of(data: Path) -> set[int]:
    """Every process that runs on this data folder, workers included."""
    mark = f"HOLDFAST_RESOLVED={data}/run/config.json".encode()
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                found.add(int(folder.name))
        except OSError:
            continue
    return found


def test_the_first_start_says_all_a_person_needs_and_the_stop_leaves_nothing(start: Start, fresh: Path) -> None:
    command = serve(start, fresh)
    url, everyone = address(command), group_of(fresh)

    said = command.stdout
    assert str(fresh) in said
    assert "none: only what is uploaded here can be installed" in said
    for line in (
        f"pip install --index-url {url}/simple/ PACKAGE",
        f"uv pip install --default-index {url}/simple/ PACKAGE",
        f"poetry source add --priority=primary holdfast {url}/simple/",
        f"twine upload --repository-url {url}/legacy/ --username __token__ dist/*",
        f"uv publish --publish-url {url}/legacy/ --token TOKEN",
    ):
        assert line in said
    assert (200, 200) == (status(f"{url}/healthz"), status(f"{url}/readyz"))
    assert {"supervisor", "front", "pull", "control", "work"} == set(pids(fresh))
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in (fresh, *fresh.iterdir(), *(fresh / "run").iterdir())}
    assert {} == {str(path): oct(mode) for path, mode in modes.items() if mode & 0o077}, "all is the owner's alone"

    assert command.stop() == 0
    assert [] == [pid for pid in everyone if is_alive(pid)]


def test_the_first_token_is_written_to_a_private_file_when_nobody_watches(start: Start, fresh: Path) -> None:
    command = serve(start, fresh)
    file = fresh / "first-token"

    assert f"in {file}" in command.stdout
    token = file.read_text().strip()
    assert token.startswith("holdfast_")
    assert token not in command.stdout + command.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert command.stop() == 0
    again = serve(start, fresh)
    assert "First token" not in again.stdout
    assert "token create NAME" in again.stdout


def test_a_taken_port_is_named_with_the_setting(start: Start, fresh: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # as another instance's front would
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        code, said = refused(start, fresh, HOLDFAST_LISTEN=f"127.0.0.1:{port}")

    assert code == 1
    assert f"port {port} on 127.0.0.1 is taken" in said
    assert "HOLDFAST_LISTEN" in said


def test_the_first_token_is_shown_and_not_kept_when_a_person_watches(fresh: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, *SERVE], env={**os.environ, **settings(fresh)}, stdout=theirs, stderr=subprocess.DEVNULL
    )
    os.close(theirs)
    try:
        said = ""
        while READY not in said:
            said += os.read(ours, 4096).decode()
        assert re.search(r"shown only now:\s+holdfast_\w+\s", said), said
        assert not (fresh / "first-token").exists()
    finally:
        end(process)
        os.close(ours)


def test_a_second_instance_gets_neither_the_folder_nor_the_port_even_while_the_front_restarts(
    start: Start, data: Path, tmp_path: Path
) -> None:
    first = serve(start, data)
    os.kill(pids(data)["front"], signal.SIGKILL)

    code, said = refused(start, tmp_path / "other", HOLDFAST_LISTEN=address(first).removeprefix("http://"))
    assert (code, "is taken" in said) == (1, True), said
    code, said = refused(start, data)
    assert (code, f"in use by another Holdfast, process {first.process.pid}" in said) == (1, True), said


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"HOLDFAST_DATA": "/proc/holdfast"}, "/proc/holdfast cannot be written"),
        ({"HOLDFAST_LISTEN": "192.0.2.1:8000", "HOLDFAST_PUBLIC_URL": "https://p.example"}, "has no address 192.0.2.1"),
        ({"HOLDFAST_TLS_CERT": "/nowhere.crt", "HOLDFAST_TLS_KEY": "/nowhere.key"}, "/nowhere.crt"),
        ({"HOLDFAST_UPSTREAM": "", "PIP_INDEX_URL": "file:///srv/simple"}, "Set HOLDFAST_UPSTREAM to"),
        ({"HOLDFAST_UPSTREAM": "", "PIP_NO_INDEX": "1"}, "Set HOLDFAST_UPSTREAM to"),
    ],
)
def test_what_cannot_work_is_refused_with_a_sentence(
    start: Start, fresh: Path, variables: dict[str, str], said: str
) -> None:
    code, found = refused(start, fresh, **variables)

    assert (code, said in found) == (1, True), found
    assert "Traceback" not in found


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "me.localhost"])
def test_an_upstream_that_is_this_instance_is_refused(start: Start, fresh: Path, host: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    code, said = refused(
        start, fresh, HOLDFAST_LISTEN=f"127.0.0.1:{port}", HOLDFAST_UPSTREAM=f"http://u:hunter2@{host}:{port}/simple/"
    )

    assert (code, "is this instance itself" in said) == (1, True)
    assert "hunter2" not in said


def test_newer_data_is_left_alone(start: Start, fresh: Path) -> None:
    fresh.mkdir()
    marker = json.dumps({"instance": "x", "format": DATA_FORMAT + 1})
    (fresh / "instance.json").write_text(marker)

    code, said = refused(start, fresh)

    assert (code, "written by a newer Holdfast" in said) == (1, True)
    assert (fresh / "instance.json").read_text() == marker
    assert not (fresh / "holdfast.sqlite3").exists()


def test_all_wrong_settings_are_told_at_once(start: Start, fresh: Path) -> None:
    code, said = refused(start, fresh, HOLDFAST_LISTEN="x", HOLDFAST_FRONTS="0", HOLDFAST_SPOL_BYTES_MAX="1")

    assert code == 2
    assert said.startswith("holdfast: 3 settings are wrong:\n")
    for name in ("HOLDFAST_LISTEN is 'x'", "HOLDFAST_FRONTS is '0'", "did you mean HOLDFAST_SPOOL_BYTES_MAX"):
        assert name in said
    assert not fresh.exists()


def test_the_upstream_pip_uses_is_kept_and_its_password_never_said(start: Start, data: Path) -> None:
    variables = {"HOLDFAST_UPSTREAM": "", "PIP_INDEX_URL": "http://alice:hunter2@127.0.0.1:9/simple", "PIP_CERT": ""}
    command = serve(start, data, **variables)
    assert "http://…@127.0.0.1:9/simple/ (found at first start" in command.stdout
    assert command.stop() == 0

    again = serve(start, data, **variables | {"PIP_INDEX_URL": "http://127.0.0.1:10/simple"})

    assert "http://…@127.0.0.1:9/simple/" in again.stdout
    assert "hunter2" not in command.stdout + command.stderr + again.stdout + again.stderr
    assert json.loads((data / "upstream.json").read_text())["url"] == "http://alice:hunter2@127.0.0.1:9/simple/"


def test_a_killed_supervisor_takes_everyone_along_and_the_next_start_works_at_once(start: Start, data: Path) -> None:
    first = serve(start, data)
    everyone, listen = group_of(data), address(first).removeprefix("http://")

    first.process.kill()
    first.process.wait()
    second = serve(start, data, HOLDFAST_LISTEN=listen)

    assert [] == [pid for pid in everyone if is_alive(pid)]
    assert status(f"{address(second)}/readyz") == 200


def test_without_its_store_it_starts_and_is_not_called_ready_until_it_is(start: Start, data: Path) -> None:
    (data / "store").rename(data / "away")

    command = serve(start, data)

    said, url = command.stdout, re.search(r"answers at (\S+)/ and is NOT READY: the store", command.stdout)
    assert url, said
    assert ("is ready at" in said, f"--data {data} check` says what to do" in said) == (False, True)
    (data / "away").rename(data / "store")
    wait_for(lambda: answers(f"{url[1]}/readyz"), "the store back")
    assert command.stop() == 0


def test_without_its_database_it_starts_and_installs_go_on(start: Start, data: Path) -> None:
    assert serve(start, data).stop() == 0
    for file in data.glob("holdfast.sqlite3*"):
        file.unlink()

    command = serve(start, data)

    assert status(f"{address(command)}/readyz") == 200
    assert status(f"{address(command)}/simple/") == 200
    assert command.stop() == 0
    assert not (data / "holdfast.sqlite3").exists(), "nothing is initialised over"


def test_a_token_is_created_while_the_server_runs_also_on_a_port_it_picked(start: Start, data: Path) -> None:
    serve(start, data)

    done = holdfast(data, "token", "create", "ci")

    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"holdfast_\w+\n", done.stdout)


def test_check_tells_the_truth_running_stopped_and_broken(start: Start, data: Path) -> None:
    command = serve(start, data)
    url = address(command)
    wait_for(lambda: answers(f"{url}/api/openapi.json"), "control")

    running = holdfast(data, "check")
    assert running.returncode == 0, running.stdout + running.stderr
    assert [line.split()[1] for line in running.stdout.splitlines()] == [
        "settings", "data", "server", "disk", "store", "tree", "database",
    ]  # fmt: skip
    assert f"process {command.process.pid}, /readyz answers 200" in running.stdout

    command.stop()
    stopped = holdfast(data, "check")
    assert (stopped.returncode, "not running; port" in stopped.stdout) == (0, True), stopped.stdout

    (data / "secret-key").write_text("another key than the one of before\n")
    changed = holdfast(data, "check")
    failed = [line for line in changed.stdout.splitlines() if line.startswith("FAIL")]
    assert (changed.returncode, len(failed)) == (1, 1), changed.stdout
    assert failed[0].startswith(f"FAIL  secret key   the secret key {data / 'secret-key'} is another one than")

    (data / "holdfast.sqlite3").rename(data / "away")
    (data / "store").rename(data / "away-too")
    broken = holdfast(data, "check", HOLDFAST_UPSTREAM="http://127.0.0.1:9/simple/")
    assert broken.returncode == 1
    failed = [line.split()[1] for line in broken.stdout.splitlines() if line.startswith("FAIL")]
    assert failed == ["store", "upstream"], broken.stdout  # the database is not asked without its tree
    assert broken.stdout.count("->") == 2


def test_sighup_serves_the_new_certificate_and_a_broken_one_changes_nothing(
    start: Start, data: Path, tmp_path: Path
) -> None:
    cert, key = make_certificate(tmp_path, "first.example")
    command = serve(start, data, HOLDFAST_TLS_CERT=cert, HOLDFAST_TLS_KEY=key)
    url, old = address(command), pids(data)["front"]
    assert url.startswith("https://")
    make_certificate(tmp_path, "second.example")

    command.process.send_signal(signal.SIGHUP)
    wait_for(lambda: pids(data)["front"] != old and not is_alive(old), "the old front replaced")
    assert status(f"{url}/readyz", ssl.create_default_context(cafile=cert)) == 200

    trusted, fresh = ssl.create_default_context(cafile=cert), pids(data)["front"]
    Path(cert).write_text("broken")
    command.process.send_signal(signal.SIGHUP)
    command.logs("the old one stays")
    assert (pids(data)["front"], status(f"{url}/readyz", trusted)) == (fresh, 200)

    make_certificate(tmp_path, "third.example")
    os.killpg(fresh, signal.SIGKILL)
    host, port = url.removeprefix("https://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as early:
        wait_for(lambda: pids(data).get("front") not in (fresh, None), "a front in the place of the dead one")
        with ssl.create_default_context(cafile=cert).wrap_socket(early, server_hostname=host) as client:
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
            assert client.recv(12) == b"HTTP/1.1 200", "who came while there was none was not turned away"


def test_help_comes_at_once_and_neither_it_nor_a_front_imports_django() -> None:
    for modules in ("holdfast.cli.main", "holdfast.cli.serve", "holdfast.cli.roles", "holdfast.front.serve"):
        code = f"import sys, {modules}; sys.exit('django' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0, modules
    code = "import sys, holdfast.cli.main; print(len([m for m in sys.modules if m.startswith('holdfast')]))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert int(loaded) == 3, "holdfast, holdfast.cli and holdfast.cli.main: the rest is imported when asked for"


def test_serve_with_output_closed_goes_on(start: Start, data: Path) -> None:
    """As `holdfast serve | head -1` does to it."""
    program = f"exec {sys.executable} -m holdfast.cli.main serve | head -1"
    command = start("-c", f"import os; os.execvp('bash', ['bash', '-c', {program!r}])", **settings(data))
    wait_for(lambda: (data / "run" / "control.sock").exists(), "control runs")

    supervisor = pids(data)["supervisor"]
    assert is_alive(pids(data)["front"])
    os.kill(supervisor, signal.SIGTERM)
    assert command.process.wait(15) == 0
