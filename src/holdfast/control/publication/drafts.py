"""What a publisher remembers of large projects it published, so that one more file costs the work of one file.

Pure functions' answers, found again by what they were made of: rows are read from the database each time, and a row
that says anything else is read and written anew. Forgetting a project, or all of them, changes no document.
"""

from collections import OrderedDict

from holdfast.control.publication.documents import Reading, Row, VersionKey, read_files, version_keys
from holdfast.core.model import File
from holdfast.core.remembered import Remembered
from holdfast.core.simple_html import file_anchors
from holdfast.core.simple_json import file_entries
from holdfast.tree.fragments import Fragments
from holdfast.tree.record import file_documents
from holdfast.tree.rendered import FILES_MIN

KEPT_BYTES_MAX = 64 * 1024 * 1024  # of one process: twenty thousand files; what is larger is written anew each time
FILE_BYTES = 1600  # of a row and its file, with the key of its version, beside what is written of it (measured)


class Draft:
    """What is remembered of one project. One thread at a time."""

    def __init__(self) -> None:
        self._rows: Remembered[Row, File] = Remembered(read_files)
        self._keys: Remembered[str, VersionKey] = Remembered(version_keys)
        self.reading = Reading(self._rows, self._keys)
        self._written: tuple[Remembered[File, bytes], Remembered[File, str], Remembered[File, str]] = (
            Remembered(file_documents, is_same=True),
            Remembered(file_entries, is_same=True),
            Remembered(file_anchors, is_same=True),
        )
        self.fragments = Fragments(*self._written)

    @property
    def file_count(self) -> int:
        """Files it had when it was last read."""
        return len(self._rows)

    @property
    def bytes_kept(self) -> int:
        """About what it takes of this process's memory."""
        return self.file_count * FILE_BYTES + sum(written.bytes_made for written in self._written)


class Drafts:
    """The drafts of the large projects that were published last. One thread at a time."""

    def __init__(self, bytes_max: int = KEPT_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._kept: OrderedDict[tuple[str, str], Draft] = OrderedDict()  # by index and project, the oldest first
        self._bytes: dict[tuple[str, str], int] = {}

    def of(self, index: str, name: str) -> Draft:
        """The project's draft, or an empty one, which is kept only if `keep` is told of it."""
        return self._kept.get((index, name)) or Draft()

    def keep(self, index: str, name: str, draft: Draft) -> None:
        """Its documents are stored. Drops what is too small to be worth it or too large, then the oldest."""
        place, bytes_kept = (index, name), draft.bytes_kept
        self._forget(place)
        if draft.file_count < FILES_MIN or bytes_kept > self._bytes_max:
            return
        self._kept[place], self._bytes[place] = draft, bytes_kept
        while sum(self._bytes.values()) > self._bytes_max:
            self._forget(next(iter(self._kept)))

    def places(self) -> list[tuple[str, str]]:
        """Index and name of each project that is kept, the oldest first."""
        return list(self._kept)

    def _forget(self, place: tuple[str, str]) -> None:
        self._kept.pop(place, None)
        self._bytes.pop(place, None)
