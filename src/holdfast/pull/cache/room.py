"""How much is free on the disks that fetching writes to."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from holdfast.store.port import DiskFull, Store


class Room:
    """The disks of the data folder and of a local store. Every method blocks: call it in a thread."""

    def __init__(self, data: Path, store: Store, bytes_min: int) -> None:
        self.bytes_min = bytes_min
        place = store.local_path("pulled")
        self._store_folder = place.parent if place is not None else None
        self._data = data

    def free(self) -> int:
        """The least that is free on any of them."""
        return min(shutil.disk_usage(folder).free for folder in self._folders())

    def free_for_keeping(self) -> int | None:
        """What is free where kept files lie; None for a store that is no folder, where evicting frees no disk."""
        return None if self._store_folder is None else shutil.disk_usage(_existing(self._store_folder)).free

    def demand(self, filename: str, size: int, coming: int) -> None:
        """Raises DiskFull when fetching so much, beside what is `coming` already, would leave too little."""
        if self.free() - coming - size < self.bytes_min:
            raise DiskFull(f"the disk has no room left to fetch {filename}", retry_after_seconds=60)

    def _folders(self) -> Sequence[Path]:
        return [_existing(folder) for folder in (self._data, self._store_folder) if folder is not None]


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    while not os.path.isdir(folder) and folder != folder.parent:
        folder = folder.parent
    return folder
