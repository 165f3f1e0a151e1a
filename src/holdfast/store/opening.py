"""Picks the store the settings name: the data folder's own, a folder, the URL of a bucket, or two of them as a pair."""

import os
from collections.abc import Mapping
from pathlib import Path

from holdfast.config import Config
from holdfast.core.errors import Unavailable
from holdfast.store.copies import Copies
from holdfast.store.local import LocalStore
from holdfast.store.pair_environment import pair_variables
from holdfast.store.port import Store

_REMOTE_SCHEMES = ("s3", "gs", "az")


def configured_store(config: Config, copies: Copies | None = None) -> Store:
    """The store of this instance as it is; a pair is begun if it never was. Raises ValueError, Unavailable."""
    if not config.store_pair:
        return open_store(config.store, config.store_folder, copies)
    return _pair(config)


def create_configured_store(config: Config) -> Store:
    """The store of this instance, its folders set up; buckets must exist. Raises ValueError, Unavailable."""
    primary = create_store(config.store, config.store_folder)
    return _pair(config) if config.store_pair else primary


def open_store(
    setting: str, default_folder: Path, copies: Copies | None = None, own: Mapping[str, str] | None = None
) -> Store:
    """The store of that setting, as it is: a folder without its marker stays Unavailable. Raises ValueError.

    What is written to a bucket stays on this machine as well, if there are `copies`. `own`: a bucket's own variables.
    """
    if is_remote(setting):
        from holdfast.store.remote import RemoteStore  # 16 MB of client library that a local store never needs

        return RemoteStore(setting, copies, own)
    return LocalStore(_folder(setting, default_folder))


def create_store(setting: str, default_folder: Path) -> Store:
    """The store of that setting, set up if it is a folder; a bucket must exist. Raises ValueError, Unavailable."""
    return (
        open_store(setting, default_folder)
        if is_remote(setting)
        else LocalStore.create(_folder(setting, default_folder))
    )


def _pair(config: Config) -> Store:
    from holdfast.store.pair_notes import Notes
    from holdfast.store.paired import PairedStore

    notes = Notes(config.pair_folder)
    if not notes.exist() and config.store_pair_notes:
        raise Unavailable(
            f"{config.store_pair_notes} holds no notes of a store pair: it is not the folder of the release beside"
            " which this one starts, or that one has no `store_pair`"
        )
    if not notes.exist():
        if not is_remote(config.store_pair):
            create_store(config.store_pair, Path(config.store_pair))
        notes = Notes.create(config.pair_folder)
    return PairedStore(open_store(config.store, config.store_folder), open_second(config), notes)


def open_second(config: Config) -> Store:
    """The second store of a pair, as it is; its bucket may be another server's. Raises ValueError."""
    return open_store(config.store_pair, Path(config.store_pair), own=pair_variables(os.environ))


def unreadable_names(store: Store) -> list[str]:
    """Names in a bucket that no store key can be, as far as listings met them: `a//b`. They are passed over."""
    sides = [side.store for side in getattr(store, "sides", ())] or [store]
    return sorted({name for side in sides for name in getattr(side, "unreadable", ())})


def is_remote(setting: str) -> bool:
    """Whether the setting names a bucket. Raises ValueError for what is neither that nor a folder."""
    scheme, separator, rest = setting.partition("://")
    if not separator:
        return False
    if scheme not in _REMOTE_SCHEMES or not rest.strip("/"):
        raise ValueError(f"{setting!r} is neither a folder nor a bucket; good ones: /srv/holdfast, s3://bucket/prefix")
    return True


def _folder(setting: str, default_folder: Path) -> Path:
    return Path(setting).expanduser().absolute() if setting else default_folder
