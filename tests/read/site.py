"""A published tree and a read plane over it in this process: publish, then ask. Pull and control are absent sockets."""

import hashlib
import pickle
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from asgi import Answer, AsgiClient

from holdfast.clock import Clock, SystemClock
from holdfast.config import Config, IndexConfig
from holdfast.core.errors import Unavailable
from holdfast.core.model import Card, File, Record
from holdfast.front.asgi import AsgiApp
from holdfast.read.app import ReadPlane
from holdfast.read.people.helper import PagesHelper
from holdfast.store.local import LocalStore
from holdfast.store.port import ObjectInfo
from holdfast.tree import addresses, hint
from holdfast.tree.instance import InstanceDocument, create_instance
from holdfast.tree.journal import AnyEntry, ProjectChanged, Segment
from holdfast.tree.writer import append, put_card, put_record
from holdfast.wire.messages import Request, Response

P = ParamSpec("P")
T = TypeVar("T")
INSTANCE = "0123456789abcdef"
UPLOADED = datetime(2026, 1, 1, tzinfo=UTC)
JSON = "application/vnd.pypi.simple.v1+json"
HTML = "application/vnd.pypi.simple.v1+html"
PIP = f"{JSON}, {HTML}; q=0.1, text/html; q=0.01"


class Breakable(LocalStore):
    """A local store that is out of reach while `broken`, and that counts what is read."""

    broken = False

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.asked: list[str] = []
        self.after_get: Callable[[str], None] = lambda _key: None

    def get(self, key: str) -> bytes:
        self._reach(key)
        found = super().get(key)
        self.after_get(key)
        return found

    def read(self, key: str, start: int, length: int) -> bytes:
        self._reach(key)
        return super().read(key, start, length)

    def head(self, key: str) -> ObjectInfo:
        self._reach(key)
        return super().head(key)

    def _reach(self, key: str) -> None:
        if self.broken:
            raise Unavailable("the store is broken on purpose")
        self.asked.append(key)


class Reloading:
    """Settings that an operator reloads: `fresh` is seen once."""

    fresh: Config | None = None

    def look(self) -> Config | None:
        found, self.fresh = self.fresh, None
        return found


class HelperHere(PagesHelper):
    """Makes pages in this process; what it is given and gives back travels all the same, as between two."""

    async def do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        sent = pickle.loads(pickle.dumps((work, args, kwargs)))
        return pickle.loads(pickle.dumps(sent[0](*sent[1], **sent[2])))


class Site:
    """One instance: its tree, its plane, and a client of it."""

    def __init__(self, folder: Path, clock: Clock | None = None, tree_of: str = "", **settings: Any) -> None:
        """`tree_of` names the instance whose tree is in the store, if it is not this one's."""
        self.config = Config(data=folder, **({"instance": INSTANCE} | settings))
        for made in (self.config.run_folder, self.config.spool_folder, self.config.log_folder):
            made.mkdir(exist_ok=True)
        LocalStore.create(self.config.store_folder)
        self.store = Breakable(self.config.store_folder)
        self.clock = clock or SystemClock()
        self.serial = 0
        self.forwarded: list[Request] = []
        self.reloading = Reloading()
        self.tree_of = tree_of or self.config.instance
        create_instance(self.store, InstanceDocument(self.tree_of, 1, UPLOADED))
        self.plane = ReadPlane(
            self.config,
            self.store,
            self.clock,
            hint.HeadHint(self.config.head_hint),
            self._forward,
            pull_restart_seconds=0.05,
            pages_helper=HelperHere(),
            settings=self.reloading,
        )
        self.client = AsgiClient(AsgiApp(self.plane))

    async def get(self, target: str, **headers: str) -> Answer:
        return await self.client.get(target, **headers)

    def tell(self, *entries: AnyEntry) -> int:
        """Append one segment and bump the hint, as a publisher does."""
        self.serial += 1
        append(self.store, Segment(self.serial, f"event-{self.serial}", self.tree_of, UPLOADED, entries))
        hint.bump(self.config.head_hint, self.serial)
        return self.serial

    def publish(self, name: str, *files: File, index: str = "main", **facts: Any) -> Record:
        """Publish a project with these files, whose bytes are already in the store."""
        record = Record(index, name, facts.pop("display", name), self.serial + 1, files, **facts)
        digest = put_record(self.store, record)
        self.tell(ProjectChanged(index, name, record.display, record.serial, digest, record.status))
        return record

    def wheel(
        self,
        name: str,
        version: str = "1.0",
        *,
        data: bytes = b"",
        index: str = "main",
        told: str = "",
        **facts: Any,
    ) -> File:
        """A wheel with its bytes, metadata and card in the store; `told` are further lines of its metadata."""
        data = data or f"wheel {name} {version}".encode()
        told = told or f"Summary: about {name}\n"
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{told}".encode()
        filename = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
        sha256, metadata_sha256 = hashlib.sha256(data).hexdigest(), hashlib.sha256(metadata).hexdigest()
        self.store.put(addresses.blob(sha256), data)
        self.store.put(addresses.blob(metadata_sha256), metadata)
        known = {"metadata_sha256": metadata_sha256, "has_metadata": True}
        put_card(self.store, Card(index, name, filename, sha256, len(data), UPLOADED, **known))  # type: ignore[arg-type]
        return File(filename, sha256, len(data), version, "bdist_wheel", "py3", UPLOADED, **(known | facts))

    async def _forward(self, request: Request, *, page: bool = False) -> Response:
        self.forwarded.append(request)
        return Response(200, [], b"forwarded as a page" if page else b"forwarded")


@asynccontextmanager
async def running(folder: Path, clock: Clock | None = None, **settings: Any) -> AsyncIterator[Site]:
    """A site whose plane has read its tree."""
    site = Site(folder, clock, **settings)
    await site.plane.start()
    try:
        yield site
    finally:
        await site.plane.stop()


def path_of(file: File, *, metadata: bool = False) -> str:
    """Where the file is served."""
    digest = file.sha256
    return f"/packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{file.filename}" + (".metadata" if metadata else "")


def private_index(name: str = "secret") -> IndexConfig:
    return IndexConfig(name, private=True)
