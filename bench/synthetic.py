"""Data folders filled without a database: a published tree of any size, for measuring a front alone."""

import hashlib
import json
import os
import random
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from trove_classifiers import classifiers

from holdfast.clock import SystemClock
from holdfast.core.model import Card, File, Record
from holdfast.drill.corpus import Wheel, wheel
from holdfast.store.local import LocalStore
from holdfast.tree import addresses
from holdfast.tree.card import encode_card
from holdfast.tree.catalogue import Facts, make, put_catalogue
from holdfast.tree.checkpoint import ProjectEntry, StateTables, encode_checkpoint
from holdfast.tree.instance import InstanceDocument, create_instance, read_instance
from holdfast.tree.reader import TreeReader
from holdfast.tree.record import encode_record
from holdfast.tree.writer import put_with_pages

INDEX = "main"
PUBLIC_URL = "https://packages.example"  # part of what a rendered page depends on: fronts must be told the same
UPLOADED = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Paths:
    """URL paths that a synthetic tree answers."""

    small: str
    large: str
    listing: str
    missing: str
    wheel: str
    metadata: str
    big: str
    big_file: Path


def fill(data: Path, projects: int, *, large_files: int = 2000, big_bytes: int = 100 * 1024 * 1024) -> Paths:
    """A tree of `projects` projects: one small, one large, one with a big file; the rest exist in name only."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    instance = uuid.uuid4().hex
    store = LocalStore.create(data / "store")
    create_instance(store, InstanceDocument(instance=instance, format=1, created=UPLOADED))
    small = wheel("small", "1.0")
    big = data / "big.bin"
    _write_noise(big, big_bytes)
    with big.open("rb") as stream:
        big_digest = hashlib.file_digest(stream, "sha256").hexdigest()
    store.put_file(addresses.blob(big_digest), big)
    entries = [
        _publish(store, "small", [_file(small)]),
        _publish(store, "large", [_listed(i) for i in range(large_files)]),
        _publish(store, "big", [_named("big-1.0.tar.gz", big_digest, big_bytes, "1.0")]),
    ]
    _put_bytes(store, small)
    entries += [
        ProjectEntry(INDEX, f"project-{i:06d}", f"project-{i:06d}", 4 + i, entries[0].record)
        for i in range(projects - len(entries))
    ]
    entries.sort(key=lambda e: e.name)
    serial = max(e.serial for e in entries)
    store.put(addresses.checkpoint(serial), encode_checkpoint(serial, instance, entries, StateTables()))
    (data / "instance.json").write_text(json.dumps({"instance": instance, "format": 1}))
    file = f"/packages/{small.sha256[:2]}/{small.sha256[2:4]}/{small.sha256[4:]}/{small.filename}"
    return Paths(
        small="/simple/small/",
        large="/simple/large/",
        listing="/simple/",
        missing="/simple/there-is-no-such-project/",
        wheel=file,
        metadata=file + ".metadata",
        big=f"/packages/{big_digest[:2]}/{big_digest[2:4]}/{big_digest[4:]}/big-1.0.tar.gz",
        big_file=big,
    )


def fill_cold_pages(data: Path, count: int, files: int = 10_000) -> list[str]:
    """Add `count` projects of `files` files each, as a publisher would leave them; returns their page paths."""
    store = LocalStore(data / "store")
    reader = TreeReader(store, SystemClock())
    reader.load()
    entries = list(reader.names(INDEX))
    serial = reader.head
    listed = tuple(_listed(i) for i in range(files))
    for number in range(count):
        name = f"cold-{number:05d}"
        serial += 1
        record = Record(INDEX, name, name, serial, listed)
        digest = put_with_pages(store, record, PUBLIC_URL)
        entries.append(ProjectEntry(INDEX, name, name, serial, digest))
    entries.sort(key=lambda e: e.name)
    instance = read_instance(store).instance
    store.put(addresses.checkpoint(serial), encode_checkpoint(serial, instance, entries, StateTables()))
    return [f"/simple/cold-{number:05d}/" for number in range(count)]


def _publish(store: LocalStore, name: str, files: list[File]) -> ProjectEntry:
    serial = {"small": 1, "large": 2, "big": 3}[name]
    encoded = encode_record(Record(INDEX, name, name, serial, tuple(files)))
    store.put(addresses.record(INDEX, name, encoded.digest), encoded.stored_bytes)
    for file in files[:1]:
        card = Card(
            INDEX, name, file.filename, file.sha256, file.size, UPLOADED, False, file.metadata_sha256, file.has_metadata
        )
        store.put(addresses.card(INDEX, file.sha256, file.filename), encode_card(card))
    return ProjectEntry(INDEX, name, name, serial, encoded.digest)


def _put_bytes(store: LocalStore, made: Wheel) -> None:
    store.put(addresses.blob(made.sha256), made.content)
    store.put(addresses.blob(hashlib.sha256(made.metadata).hexdigest()), made.metadata)


def _file(made: Wheel) -> File:
    metadata = hashlib.sha256(made.metadata).hexdigest()
    return _named(made.filename, made.sha256, len(made.content), made.version, metadata)


def _listed(number: int) -> File:
    """A file that is on a page and nowhere else; digests are real noise, as compressors see them."""
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    version = f"{number // 100}.{number % 100}.0"
    return _named(f"large-{version}-py3-none-any.whl", digest, 10_000 + number, version, digest)


def _named(filename: str, digest: str, size: int, version: str, metadata: str = "") -> File:
    kind = "bdist_wheel" if filename.endswith(".whl") else "sdist"
    return File(
        filename, digest, size, version, kind, upload_time=UPLOADED, requires_python=">=3.9",
        metadata_sha256=metadata, has_metadata=bool(metadata),
    )  # fmt: skip


def fill_catalogue(data: Path, projects: int) -> str:
    """What `work` would have made of such a tree, had its projects classifiers; returns one that many have."""
    store = LocalStore(data / "store")
    known = sorted(classifiers)
    chance = random.Random(1)
    names = ["small", "large", "big", *(f"project-{i:06d}" for i in range(projects - 3))]
    common = known[:40]  # every project has some of these; of the rest each has a few
    facts = {
        name: Facts(bytes(8), 1, 2, tuple({*chance.sample(common, 10), *chance.sample(known, 5)})) for name in names
    }
    put_catalogue(store, make(INDEX, facts), 3 + projects)
    return common[0]


def _write_noise(path: Path, count: int) -> None:
    block = os.urandom(1 << 20)
    with path.open("wb") as out:
        for _ in range(count >> 20):
            out.write(block)
