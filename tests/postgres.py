"""A private PostgreSQL for tests: a cluster in a temporary folder, on a unix socket only, without fsync."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

TEMPLATE = "holdfast_template"  # has the tables of this release: whoever starts the server migrates it
NOBODY = 65534  # initdb refuses to run as root


def programs() -> Path | None:
    """Where Debian keeps initdb and postgres, newest version first."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@contextmanager
def postgres_server() -> Iterator[str]:
    """The socket folder of a running server with a superuser `holdfast`; skips loudly without PostgreSQL."""
    bin_folder = programs()
    if bin_folder is None:
        pytest.skip("postgres is not installed: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="hf-pg-"))
    try:
        folder.chmod(0o755)
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        _run(bin_folder / "initdb", "-D", folder / "data", "-U", "holdfast", "-A", "trust", "--no-sync", "-E", "UTF8")
        server = start_postgres(bin_folder, folder)
        try:
            yield str(folder)
        finally:
            server.terminate()
            server.wait(20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def start_postgres(bin_folder: Path, folder: Path) -> subprocess.Popen[bytes]:
    """Start the server of a cluster and wait until it answers."""
    command = _as_nobody(
        bin_folder / "postgres", "-D", folder / "data", "-k", folder, "-h", "", "-F", "-c", "max_connections=60"
    )
    log = open(folder / "log", "ab")  # noqa: SIM115 - the server's own from here on
    server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    log.close()
    for _ in range(200):
        ready = subprocess.run(
            [bin_folder / "pg_isready", "-q", "-h", folder, "-U", "holdfast", "-t", "1"], check=False
        )
        if ready.returncode == 0:
            return server
        assert server.poll() is None, (folder / "log").read_text()
    raise AssertionError(f"PostgreSQL did not start: {(folder / 'log').read_text()}")


def create_database(folder: str, name: str, template: str = "template1") -> str:
    """Make a database and answer its URL."""
    psql(folder, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return f"postgresql://holdfast@/{name}?host={folder}"


def drop_database(folder: str, name: str) -> None:
    """Drop a database, whoever is still connected."""
    psql(folder, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def psql(folder: str, statement: str, database: str = "postgres") -> None:
    """Run one statement."""
    import psycopg

    with psycopg.connect(host=folder, user="holdfast", dbname=database, autocommit=True) as connection:
        connection.execute(statement.encode())


def _run(*words: str | Path) -> None:
    done = subprocess.run(_as_nobody(*words), capture_output=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr.decode()


def _as_nobody(*words: str | Path) -> list[str]:
    plain = [str(word) for word in words]
    if os.geteuid() != 0:
        return plain
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *plain]
