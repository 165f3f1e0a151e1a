"""Real publishing tools as subprocesses: twine and uv, isolated from the machine's own configuration."""

import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from holdfast.drill.clients import client_environment, uv_path
from holdfast.drill.corpus import Wheel
from holdfast.drill.scenario import CannotRun

TOOLS = Path(__file__).resolve().parents[3] / ".tools"  # of a checkout: `make test LANES=clients` sets it up
PUBLISH_SECONDS_MAX = 120
# One `twine upload` command for each file, with the exit code of each; the interpreter starts once for all of them.
_EACH = """
import json, sys, traceback
from twine.__main__ import main
codes = []
for name in sys.argv[2:]:
    sys.argv = ["twine", "upload", "--non-interactive", "--disable-progress-bar", "--verbose",
                "--repository-url", URL, name]
    try:
        codes.append(int(bool(main())))
    except SystemExit as error:
        codes.append(int(bool(error.code)))
    except BaseException:
        traceback.print_exc()
        codes.append(1)
print("\\n" + json.dumps(codes))
"""
Done = subprocess.CompletedProcess[str]


def twine_path() -> Path:
    """The twine executable of a checkout's tools or of this machine. Raises CannotRun."""
    for found in (TOOLS / "twine" / "bin" / "twine", shutil.which("twine")):
        if found and Path(found).exists():
            return Path(found)
    raise CannotRun("twine is not here: `make test LANES=clients` sets up every tool, or install it yourself")


def twine_upload(url: str, wheels: Iterable[Wheel], scratch: Path, credential: Mapping[str, str]) -> Done:
    """`twine upload` of all the wheels in one command, as a person runs it."""
    command = [str(twine_path()), "upload", "--non-interactive", "--disable-progress-bar", "--verbose"]
    return _run([*command, "--repository-url", url, *_written(wheels, scratch)], scratch, credential)


def twine_upload_each(url: str, wheels: Iterable[Wheel], scratch: Path, credential: Mapping[str, str]) -> list[int]:
    """One `twine upload` for each wheel, one after the other; the exit codes."""
    python = str(twine_path().with_name("python"))
    program = _EACH.replace("URL", repr(url), 1)
    files = _written(wheels, scratch)
    done = _run([python, "-c", program, "each", *files], scratch, credential, seconds=60 + 8 * len(files))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    codes: list[int] = json.loads(done.stdout.strip().rpartition("\n")[2])
    return codes


def uv_publish(url: str, wheels: Iterable[Wheel], scratch: Path, token: str) -> Done:
    """`uv publish` with a token. Raises CannotRun."""
    uv = uv_path()
    if uv is None:
        raise CannotRun("uv is not here: the development requirements bring it")
    return _run([uv, "publish", "--publish-url", url, *_written(wheels, scratch)], scratch, {"UV_PUBLISH_TOKEN": token})


def as_token(token: str, user: str = "__token__") -> dict[str, str]:
    """twine's credential: a token as the password of that user."""
    return {"TWINE_USERNAME": user, "TWINE_PASSWORD": token}


def _written(wheels: Iterable[Wheel], scratch: Path) -> list[str]:
    """The wheels as files, for tools that read them."""
    folder = scratch / "dist"
    folder.mkdir(exist_ok=True)
    paths = []
    for made in wheels:
        path = folder / made.filename
        path.write_bytes(made.content)
        paths.append(str(path))
    return paths


def _run(
    command: list[str], scratch: Path, credential: Mapping[str, str], seconds: float = PUBLISH_SECONDS_MAX
) -> Done:
    return subprocess.run(
        command,
        env={**client_environment(scratch), **credential},
        cwd=scratch,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
