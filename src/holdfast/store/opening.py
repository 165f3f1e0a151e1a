"""Picks the store a setting names: nothing (the data folder's own), a folder, or the URL of a bucket."""

from pathlib import Path

from holdfast.store.copies import Copies
from holdfast.store.local import LocalStore
from holdfast.store.port import Store

_REMOTE_SCHEMES = ("s3", "gs", "az")


def open_store(setting: str, default_folder: Path, copies: Copies | None = None) -> Store:
    """The store of that setting, as it is: a folder without its marker stays Unavailable. Raises ValueError.

    What is written to a bucket stays on this machine as well, if there are `copies`.
    """
    if _is_remote(setting):
        from holdfast.store.remote import RemoteStore  # 16 MB of client library that a local store never needs

        return RemoteStore(setting, copies)
    return LocalStore(_folder(setting, default_folder))


def create_store(setting: str, default_folder: Path) -> Store:
    """The store of that setting, set up if it is a folder; a bucket must exist. Raises ValueError, Unavailable."""
    return (
        open_store(setting, default_folder)
        if _is_remote(setting)
        else LocalStore.create(_folder(setting, default_folder))
    )


def _is_remote(setting: str) -> bool:
    scheme, separator, rest = setting.partition("://")
    if not separator:
        return False
    if scheme not in _REMOTE_SCHEMES or not rest.strip("/"):
        raise ValueError(f"{setting!r} is neither a folder nor a bucket; good ones: /srv/holdfast, s3://bucket/prefix")
    return True


def _folder(setting: str, default_folder: Path) -> Path:
    return Path(setting).expanduser().absolute() if setting else default_folder
