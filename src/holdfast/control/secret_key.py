"""The key that signs cookies and links and encrypts second factors: a file, never a row, never a setting's value.

A stolen database alone then opens no account. Whoever runs several machines over one database gives all of them the
same file; to change the key, the new file becomes `secret_key_file` and the old one a fallback.
"""

import os
import secrets
from pathlib import Path

from holdfast.config import Config
from holdfast.core.errors import Unavailable
from holdfast.datafolder import sync_folder

KEY_BYTES = 32
_CHARS_MIN = 32  # an operator's own file may hold anything as long as that
_BYTES_MAX = 4096


def key_file(config: Config) -> Path:
    """Where the key in force lies."""
    return Path(config.secret_key_file) if config.secret_key_file else config.data / "secret-key"


def make_key(config: Config) -> None:
    """Make the data folder's key if there is none. A key file that the settings name is the operator's to make."""
    path = key_file(config)
    if config.secret_key_file or path.exists():
        return
    beside = path.with_name(f".secret-key.{secrets.token_hex(8)}")
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(KEY_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(beside, path)  # whole or not at all, and never over one that another process made meanwhile
    except FileExistsError:
        pass
    finally:
        beside.unlink()
        sync_folder(path.parent)  # what is encrypted with it from now on outlives a power cut


def read_keys(config: Config) -> tuple[str, ...]:
    """The key in force, then those that what was made before may still be signed with. Raises Unavailable."""
    return tuple(_read(path) for path in (key_file(config), *map(Path, config.secret_key_fallback_files)))


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            text = file.read(_BYTES_MAX).decode("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not text"
        raise Unavailable(f"the secret key {path} cannot be read: {said}", retry_after_seconds=60) from error
    if len(text) < _CHARS_MIN:
        raise Unavailable(f"the secret key {path} is shorter than {_CHARS_MIN} characters", retry_after_seconds=60)
    return text
