"""A SQLite connection that knows which file it opened and refuses to commit into any other.

A database file that was deleted or replaced under an open connection goes on taking writes that nobody can ever
read again. So the file at the path is compared with the one that was opened before each commit and once more
after it: an answer is only given for rows that are where the next process will look.
"""

import os
from typing import Any

from django.db.backends.sqlite3.base import DatabaseWrapper as DjangoWrapper
from django.db.utils import OperationalError

from holdfast.control.turns import Turns

GONE = "the database file is gone or was replaced"
Identity = tuple[int, int]


def identity_of(path: str) -> Identity | None:
    """Device and inode of the file at `path`, None when there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_dev, found.st_ino)


class DatabaseWrapper(DjangoWrapper):
    """Named so because Django looks for this name."""

    opened: Identity | None = None
    turns = Turns()  # of all threads of this process, which has one database

    @property
    def file_path(self) -> str:
        path: str = self.settings_dict["HOLDFAST_FILE"]
        return path

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Open the existing file; `mode=rw` in the address never creates one. Raises OperationalError."""
        before = identity_of(self.file_path)
        if before is None:
            raise OperationalError(f"{GONE}: {self.file_path}")
        connection = super().get_new_connection(conn_params)
        if identity_of(self.file_path) != before:
            connection.close()
            raise OperationalError(f"{GONE}: {self.file_path}")
        self.opened = before
        return connection

    def is_where_it_was(self) -> bool:
        """True while the path still leads to the file this connection opened."""
        return self.opened is not None and identity_of(self.file_path) == self.opened

    def _commit(self) -> None:
        self._hold_to_file()
        super()._commit()  # type: ignore[misc]
        self._hold_to_file()

    def _hold_to_file(self) -> None:
        if not self.is_where_it_was():
            raise OperationalError(f"{GONE}: {self.file_path}")
