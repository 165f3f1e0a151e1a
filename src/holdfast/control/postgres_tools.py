"""pg_dump and pg_restore: PostgreSQL's own way to copy a live database consistently."""

import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from holdfast.core.errors import Unavailable

_DEBIAN = Path("/usr/lib/postgresql")  # where Debian keeps them, one folder per version, off the PATH
_SECONDS_MAX = 3600
_OF_NOBODY = ("--no-owner", "--no-privileges")  # whoever restores it owns it
# Tables are named after the app they belong to, and the database says which apps made some, of whatever release. One
# statement, without CASCADE: what somebody else built on our tables is not dropped along, but told.
_DROP_TABLES = """
DO $$
DECLARE names text;
BEGIN
  IF to_regclass('django_migrations') IS NOT NULL THEN
    SELECT string_agg(format('%I', tablename), ', ') INTO names FROM pg_tables
      WHERE schemaname = current_schema() AND (starts_with(tablename::text, 'django_')
        OR EXISTS (SELECT 1 FROM django_migrations made WHERE starts_with(tablename::text, made.app || '_')));
    EXECUTE 'DROP TABLE ' || names;
  END IF;
END $$
"""


def dump(url: str, target: Path) -> None:
    """Write the database to one file in pg_dump's custom format. Raises Unavailable."""
    _run("pg_dump", url, *_OF_NOBODY, "--format=custom", f"--file={target}")


def load(url: str, source: Path) -> None:
    """Replace the database's tables by the dump's, all of them or none. Raises Unavailable.

    Tables that a later release made, and the dump knows nothing of, go in the same transaction: they point at older
    ones, which could not be replaced otherwise.
    """
    script = source.with_name(f"{source.name}.sql")
    _run("pg_restore", "", *_OF_NOBODY, "--clean", "--if-exists", f"--file={script}", str(source))
    _run(
        "psql",
        url,
        "--no-psqlrc",
        "--quiet",
        "--single-transaction",
        "--set=ON_ERROR_STOP=1",
        f"--command={_DROP_TABLES}",
        f"--file={script}",
    )


def _run(program: str, url: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs, on the database if there is a `url`. Raises Unavailable."""
    address, password = _without_password(url)
    environ = {**os.environ, **({"PGPASSWORD": password} if password else {})}
    command = [_find(program), *([f"--dbname={address}"] if address else []), *arguments]
    try:
        subprocess.run(command, env=environ, check=True, capture_output=True, timeout=_SECONDS_MAX)
    except subprocess.CalledProcessError as error:
        raise Unavailable(f"{program} failed: {error.stderr.decode(errors='replace').strip()}") from error
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{program} did not end within {_SECONDS_MAX} s") from error


def _find(program: str) -> str:
    found = shutil.which(program)
    if found:
        return found
    installed = sorted(_DEBIAN.glob(f"*/bin/{program}"), key=lambda path: int(path.parts[-3]))
    if not installed:
        raise Unavailable(f"{program} is not installed: apt-get install postgresql-client")
    return str(installed[-1])


def _without_password(url: str) -> tuple[str, str]:
    """The URL as it may stand in a process list, and the password that may not."""
    parts = urlsplit(url)
    if parts.password is None:
        return url, ""
    user, _, host = parts.netloc.rpartition("@")
    netloc = f"{user.partition(':')[0]}@{host}"
    return urlunsplit(parts._replace(netloc=netloc)), unquote(parts.password)
