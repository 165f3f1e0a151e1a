"""Small documents in the data folder, replaced whole: after a crash there is the old one or the new one.

What is written here helps and is not needed: a damaged document is put aside and begun anew, with a line in the log.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import structlog

from holdfast.core.errors import Corrupt

log = structlog.get_logger()

V = TypeVar("V")


def read_paper(path: Path, decode: Callable[[bytes], V], new: Callable[[], V]) -> V:
    """The document at `path`, or a new one when there is none that can be read."""
    try:
        return decode(path.read_bytes())
    except FileNotFoundError:
        return new()
    except (Corrupt, OSError) as error:
        said = error.reason if isinstance(error, Corrupt) else error.strerror
        log.error("%s cannot be read and is begun anew: %s", path.name, said)
        return new()


def write_paper(path: Path, data: bytes) -> None:
    """Replace it. Raises OSError, which loses nothing but what is new."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)
