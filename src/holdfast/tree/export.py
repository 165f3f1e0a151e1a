"""Export: one hosted index as plain files for any web server or bucket, the mirror of last resort.

    simple/index.html, simple/index.json                    the project list
    simple/<name>/index.html, simple/<name>/index.json      the project pages; .json is the Simple API's JSON type
    packages/<2>/<2>/<60>/<filename>[.metadata]             the files and their core metadata
    integrity/<name>/<version>/<filename>/provenance        provenance documents

The pages are those a front serves, links relative, so the folder works under any mount. Pages for people, their assets
and what is told of persons are not in it: a front makes them, and nothing that installs reads them. Files come before
the pages that list them, and pages before the list. Repeating an export writes only what changed and deletes what is
gone.
"""

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from holdfast.core import simple_html, simple_json
from holdfast.core.errors import Absent, Corrupt, Outcome, Refused, Unavailable
from holdfast.core.model import File, Record
from holdfast.core.names import is_filename, is_normalized
from holdfast.core.policy import Policy, gate_page
from holdfast.core.simple_json import ListedProject, offered_files
from holdfast.store.port import Store
from holdfast.tree import addresses
from holdfast.tree.checkpoint import ProjectEntry
from holdfast.tree.reader import TreeReader

MARKER = ".holdfast-export"
_FOLDERS = ("simple", "packages", "integrity")
_BLOCK_BYTES = 8 * 1024 * 1024


@dataclass(slots=True)
class Exported:
    """What one export did. Paths are relative to the folder; `failed` projects keep what was exported before."""

    projects: int = 0
    written: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    failed: dict[str, Outcome] = field(default_factory=dict)


def export(store: Store, reader: TreeReader, index: str, folder: Path, public_base: str) -> Exported:
    """Bring `folder` up to what `index` offers. The reader must have caught up.

    A project that cannot be read is reported in `failed`, and then nothing is deleted but removed bytes. Raises
    Refused for a folder that holds something else, Unavailable when the folder cannot be written.
    """
    try:
        return _Export(store, reader, index, folder, public_base).run()
    except OSError as error:
        raise Unavailable(f"the export folder cannot be written: {error.strerror or error}") from error


class _Export:
    def __init__(self, store: Store, reader: TreeReader, index: str, folder: Path, public_base: str) -> None:
        self._store, self._reader, self._index = store, reader, index
        self._folder, self._public_base = folder, public_base
        self._expected: set[str] = set()
        self._done = Exported()

    def run(self) -> Exported:
        self._claim()
        listed = []
        for entry in self._reader.names(self._index):
            try:
                self._project(entry)
            except (Absent, Corrupt, Unavailable) as error:
                self._done.failed[entry.name] = error
            listed.append(ListedProject(entry.name, entry.display, entry.serial, entry.status))
        self._page("simple/index.json", simple_json.project_list(listed, self._reader.head))
        self._page("simple/index.html", simple_html.project_list(listed, self._reader.head))
        self._delete_unexpected()
        return self._done

    def _claim(self) -> None:
        """Mark the folder as ours: what is not expected in it gets deleted."""
        marker = self._folder / MARKER
        text = f"{self._reader.instance} {self._index}\n"
        if marker.exists():
            if marker.read_text() != text:
                raise Refused("the export folder holds the export of another index or instance")
            return
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o755)
        if next(self._folder.iterdir(), None) is not None:
            raise Refused("the export folder is neither empty nor an earlier export")
        marker.write_text(text)

    def _project(self, entry: ProjectEntry) -> None:
        record = self._without_removed(self._reader.record(entry))
        for file in offered_files(record):
            self._file(file, record)
        for suffix, page in (("json", simple_json.detail), ("html", simple_html.detail)):
            self._page(f"simple/{record.name}/index.{suffix}", page(record, public_base=self._public_base))
        self._done.projects += 1

    def _without_removed(self, record: Record) -> Record:
        """Without removed files, and without metadata or provenance that was removed while its file was not."""
        return gate_page(record, Policy(self._reader.state().removed), now=datetime.now(UTC)).record

    def _file(self, file: File, record: Record) -> None:
        assert is_filename(file.filename) and is_normalized(record.name) and "/" not in file.version, file
        digest = file.sha256
        path = f"packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{file.filename}"
        self._blob(path, digest)
        if file.has_metadata and file.metadata_sha256:
            self._blob(f"{path}.metadata", file.metadata_sha256)
        if file.provenance_sha256:
            self._blob(f"integrity/{record.name}/{file.version}/{file.filename}/provenance", file.provenance_sha256)

    def _blob(self, path: str, digest: str) -> None:
        """Copy bytes out of the store, held to their digest; what has the right size already is left."""
        self._expected.add(path)
        key = addresses.blob(digest)
        size = self._store.head(key).size
        target = self._folder / path
        if target.exists() and target.stat().st_size == size:
            return
        _write(target, _verified(self._store, key, size, digest))
        self._done.written.append(path)

    def _page(self, path: str, data: bytes) -> None:
        self._expected.add(path)
        target = self._folder / path
        if not target.exists() or target.read_bytes() != data:
            _write(target, iter((data,)))
            self._done.written.append(path)

    def _delete_unexpected(self) -> None:
        for path in _files_below(self._folder):
            if path not in self._expected and (not self._done.failed or self._is_removed(path)):
                (self._folder / path).unlink()
                self._done.deleted.append(path)
                self._prune((self._folder / path).parent)

    def _prune(self, folder: Path) -> None:
        """Remove folders that became empty: a web server answers 403 or an empty listing for them, not 404."""
        while folder != self._folder and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent

    def _is_removed(self, path: str) -> bool:
        """Whether a file of `packages/` has bytes that must not be served, whatever else went wrong."""
        parts = path.split("/")
        return parts[0] == "packages" and self._reader.removal("".join(parts[1:4])) is not None


def _files_below(folder: Path) -> list[str]:
    return sorted(
        os.path.relpath(os.path.join(parent, name), folder)
        for top in _FOLDERS
        for parent, _, names in os.walk(folder / top)
        for name in names
    )


def _verified(store: Store, key: str, size: int, digest: str) -> Iterator[bytes]:
    """An object's bytes in blocks. Raises Corrupt after the last when they are not those of the digest."""
    seen = sha256()
    for start in range(0, size, _BLOCK_BYTES):
        block = store.read(key, start, _BLOCK_BYTES)
        seen.update(block)
        yield block
    if seen.hexdigest() != digest:
        raise Corrupt(f"the stored bytes of {digest} do not have that digest")


def _write(target: Path, blocks: Iterator[bytes]) -> None:
    """Write beside, then rename: a web server never reads half a file, and bad bytes never get a name."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    temporary = target.parent / f".{secrets.token_hex(8)}"
    try:
        with open(temporary, "xb") as file:
            for block in blocks:
                file.write(block)
        temporary.chmod(0o644)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
