"""Other releases of Holdfast beside this one: copies of its code with one thing changed, behind a `bin/holdfast`."""

import shutil
import sys
from pathlib import Path

import holdfast

PACKAGE = Path(holdfast.__file__).parent


def this_release(folder: Path) -> Path:
    """This very release, as a folder with `bin/holdfast`."""
    return _with_command(folder, "")


def changed_release(folder: Path, file: str, before: str, after: str) -> Path:
    """A copy of this release whose `file` says `after` where it said `before`, exactly once."""
    shutil.copytree(PACKAGE, folder / "holdfast", ignore=shutil.ignore_patterns("__pycache__"))
    source = folder / "holdfast" / file
    text = source.read_text(encoding="utf-8")
    assert text.count(before) == 1, f"{file} does not say {before!r} once: the drill would break nothing"
    source.write_text(text.replace(before, after), encoding="utf-8")
    return _with_command(folder, str(folder))


def _with_command(folder: Path, python_path: str) -> Path:
    command = folder / "bin" / "holdfast"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{python_path}" exec "{sys.executable}" -m holdfast.cli.main "$@"\n')
    command.chmod(0o755)
    return folder
