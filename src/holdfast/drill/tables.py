"""An empty database with this release's tables, made once and copied into each scratch instance.

Making the tables is most of a first start's CPU (fifty migrations, each of which builds the models anew), and a run of
drills begins dozens of instances. What is left to do is what a first start does that was cut off after its migrations.
"""

import hashlib
import os
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import holdfast

MAKE_SECONDS_MAX = 120
KEPT_SECONDS = 7 * 86_400.0  # of releases that are gone; one that is not makes its own again
_MAKE = """
import sys
from pathlib import Path
from holdfast.config import Config
from holdfast.control.database import close_connection, django_setup
config = Config(data=Path(sys.argv[1]))
django_setup(config)
from holdfast.control.instance import create_sqlite_file, migrate
create_sqlite_file(config.sqlite_file)
migrate()
close_connection()
"""


def lay_out(data: Path) -> None:
    """Put such a database into a data folder that does not exist yet; without a place to keep one, do nothing."""
    made = _made()
    if made is None:
        return
    data.mkdir(mode=0o700)
    with open(os.open(data / "holdfast.sqlite3", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(made)


def _made() -> bytes | None:
    """The file, made if it is not there. Any number of processes, of several releases, may want theirs at once."""
    folder = Path(tempfile.gettempdir()) / f"holdfast-drill-tables-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        return None  # somebody else's: what lies there is not believed
    kept = folder / f"{_digest()}.sqlite3"
    try:
        return kept.read_bytes()
    except FileNotFoundError:
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            command = [sys.executable, "-c", _MAKE, scratch]
            subprocess.run(command, check=True, capture_output=True, timeout=MAKE_SECONDS_MAX)
            made = (Path(scratch) / "holdfast.sqlite3").rename(kept).read_bytes()
    _forget_old(folder)
    return made


def _forget_old(folder: Path) -> None:
    for earlier in folder.glob("*.sqlite3"):
        with suppress(OSError):  # another process was faster
            if time.time() - earlier.stat().st_mtime > KEPT_SECONDS:
                earlier.unlink()


def _digest() -> str:
    """Of all that says which tables there are: our migrations, and the releases of those that bring their own."""
    digest = hashlib.sha256(f"{version('django')} {version('django-allauth')}".encode())
    control = Path(holdfast.__file__).parent / "control"
    for path in (*sorted(control.rglob("migrations/*.py")), control / "instance.py", control / "settings.py"):
        digest.update(path.read_bytes())
    return digest.hexdigest()
