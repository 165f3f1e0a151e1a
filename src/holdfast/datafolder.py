"""The data folder before anything runs in it: made private, locked against a second instance, of a format we know."""

import fcntl
import json
import os
import stat
from pathlib import Path
from typing import Any

from holdfast.config import DATA_FORMAT, Config


class DataFolderError(Exception):
    """The data folder cannot be used. The message names it, says why and what to do."""


def prepare(config: Config) -> None:
    """Create the folder and its parts, for the owner only (0700). Raises DataFolderError."""
    parts = (
        config.data,
        config.run_folder,
        config.spool_folder,
        config.partial_folder,
        config.backup_folder,
        config.log_folder,
    )
    for folder in parts:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _tighten(folder)
        except FileExistsError:
            raise DataFolderError(f"{folder} is a file; HOLDFAST_DATA must name a folder.") from None
        except OSError as error:
            raise DataFolderError(_unwritable(config, folder, error)) from error
    _try_writing(config)


def lock(config: Config) -> int:
    """Take the folder for this process; the returned descriptor holds it until the process ends, however it ends.

    Raises DataFolderError naming the holder.
    """
    handle = os.open(config.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(handle, 32).decode(errors="replace").strip() or "unknown"
        os.close(handle)
        raise DataFolderError(
            f"{config.data} is in use by another Holdfast, process {holder}. "
            "Stop that one, or give this one another folder with HOLDFAST_DATA."
        ) from None
    os.ftruncate(handle, 0)
    os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    return handle


def lock_holder(config: Config) -> str:
    """The process id of the running instance, or "" when none runs. Changes nothing."""
    try:
        handle = os.open(config.lock_file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)  # released with the descriptor
        return ""
    except BlockingIOError:
        return os.read(handle, 32).decode(errors="replace").strip() or "unknown"
    finally:
        os.close(handle)


def check_format(config: Config) -> bool:
    """True when the folder is initialised, False when it is new. Raises DataFolderError for newer or damaged data."""
    try:
        document: dict[str, Any] = json.loads(config.marker.read_text(encoding="utf-8"))
        written = int(document["format"])
    except FileNotFoundError:
        return False
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataFolderError(
            f"{config.marker} cannot be read ({error}). It is not replaced: put it back from a backup "
            "(holdfast restore), or from the newest file in " + str(config.backup_folder) + "."
        ) from error
    if written > DATA_FORMAT:
        raise DataFolderError(
            f"{config.data} was written by a newer Holdfast (data format {written}; this release knows {DATA_FORMAT}). "
            "Run the newer release, or restore a backup made by this one."
        )
    return True


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _tighten(folder: Path) -> None:
    """Take group's and others' rights from a folder of ours that has them."""
    status = folder.stat()
    if status.st_uid == os.getuid() and stat.S_IMODE(status.st_mode) & 0o077:
        folder.chmod(0o700)


def _try_writing(config: Config) -> None:
    probe = config.run_folder / ".writable"
    try:
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise DataFolderError(_unwritable(config, config.run_folder, error)) from error


def _unwritable(config: Config, folder: Path, error: OSError) -> str:
    return (
        f"the data folder {config.data} cannot be written: {error.strerror or error} ({folder}). "
        "Make it writable for this user, or name another: HOLDFAST_DATA=/var/lib/holdfast, for example."
    )
