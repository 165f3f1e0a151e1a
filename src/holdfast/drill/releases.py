"""Other releases of Holdfast beside this one: copies of its code with one thing changed, behind a `bin/holdfast`."""

import shutil
import sys
from pathlib import Path

import holdfast

PACKAGE = Path(holdfast.__file__).parent


def this_release(folder: Path) -> Path:
    """This very release, as a folder with `bin/holdfast`."""
    return _with_command(folder, "")


def changed_release(folder: Path, file: str, more: str) -> Path:
    """A copy of this release whose `file` goes on with `more`, in which names may be given another meaning."""
    shutil.copytree(PACKAGE, folder / "holdfast", ignore=shutil.ignore_patterns("__pycache__"))
    with (folder / "holdfast" / file).open("a", encoding="utf-8") as source:
        source.write(more)
    return _with_command(folder, str(folder))


def _with_command(folder: Path, python_path: str) -> Path:
    command = folder / "bin" / "holdfast"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{python_path}" exec "{sys.executable}" -m holdfast.cli.main "$@"\n')
    command.chmod(0o755)
    return folder
