"""A site whose default index has rules over one upstream, beside `open`, the same layer without any."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from asgi import Answer
from pull import rig
from pull.fake_upstream import FakeFile, FakeUpstream
from read.site import JSON, Site

from holdfast.clock import ManualClock
from holdfast.config import IndexConfig, UpstreamConfig
from holdfast.tree import overrides
from holdfast.tree.overrides import Denial, Overrides, PolicyPass

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = 86_400
DOORS = ("html", "json", "legacy", "release", "metadata", "file", "head", "range")  # where a file may be seen


def wheel(version: str, *, name: str = "demo", age_days: float = 100, license: str = "MIT", **facts: Any) -> FakeFile:
    """A wheel of the upstream, uploaded so many days before NOW."""
    metadata = f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\nLicense-Expression: {license}\n\nLong."
    uploaded = (NOW - timedelta(days=age_days)).isoformat()
    defaults = {"data": f"{name} {version}".encode() * 50, "metadata": metadata.encode(), "upload_time": uploaded}
    return FakeFile(f"{name}-{version}-py3-none-any.whl", **(defaults | facts))


def address(file: FakeFile, suffix: str = "") -> str:
    digest = file.digest()
    return f"/packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{file.filename}{suffix}"


@asynccontextmanager
async def policed(
    folder: Path,
    upstream: FakeUpstream,
    index: dict[str, Any],
    *,
    pull: bool = True,
    clock: ManualClock | None = None,
    **over: Any,
) -> AsyncIterator[Site]:
    """`index` are settings of the default index, `over` of its upstream; the clock starts at NOW."""
    clock = clock or ManualClock(NOW)
    limits = {"page_budget_seconds": 2.0, "first_byte_seconds": 2.0, "idle_seconds": 2.0} | over
    site = Site(
        folder,
        clock,
        upstreams=(UpstreamConfig("up", upstream.url, **limits),),
        indexes=(IndexConfig("main", layers=("up",), **index), IndexConfig("open", layers=("up",), advisories="off")),
    )
    await site.plane.start()
    try:
        if pull:
            async with rig.running(folder, upstream, clock, **over) as site.pull:  # type: ignore[attr-defined]
                yield site
        else:
            yield site
    finally:
        await site.plane.stop()


async def ask(site: Site, door: str, file: FakeFile, prefix: str = "") -> Answer:
    """Look for the file at one door; `prefix` is another index's."""
    name, version = file.filename.split("-")[:2]
    match door:
        case "html":
            return await site.get(f"{prefix}/simple/{name}/", accept="text/html")
        case "json":
            return await site.get(f"{prefix}/simple/{name}/", accept=JSON)
        case "legacy":
            return await site.get(f"{prefix}/pypi/{name}/json")
        case "release":
            return await site.get(f"{prefix}/pypi/{name}/{version}/json")
        case "metadata":
            return await site.get(prefix + address(file, ".metadata"))
        case "head":
            return await site.client.request("HEAD", prefix + address(file))
        case "range":
            return await site.get(prefix + address(file), range="bytes=0-9")
    return await site.get(prefix + address(file))


def is_given(answer: Answer, door: str, file: FakeFile) -> bool:
    """True when the answer gives the file, or lists it."""
    if door in ("html", "json") or (door == "legacy" and answer.status != 404):  # 404: not one release is left
        assert answer.status == 200, (door, answer.status, answer.body)
        return file.filename.encode() in answer.body
    assert answer.status in (200, 206, 403, 404), (door, answer.status, answer.body)
    return answer.status < 300


async def doors_open(site: Site, file: FakeFile, prefix: str = "") -> set[str]:
    """The doors at which the file is given out."""
    return {door for door in DOORS if is_given(await ask(site, door, file, prefix), door, file)}


async def decide(site: Site, edit: Callable[[Overrides], Overrides], what: str = "") -> None:
    """What an operator's command does, taken in as the look of the next second would."""
    overrides.change(site.store, edit, by="alice", what=what, now=site.clock.now())
    assert site.plane.policies.look()
    await site.plane.on_policies()


def with_denial(what: str, reason: str = "not here") -> Callable[[Overrides], Overrides]:
    return lambda old: msgspec.structs.replace(
        old, denials=(*old.denials, Denial(index="*", what=what, reason=reason, by="alice", at=NOW))
    )


def with_pass(project: str, version: str, until: datetime) -> Callable[[Overrides], Overrides]:
    passed = PolicyPass(index="main", project=project, version=version, until=until, reason="fix", by="alice", at=NOW)
    return lambda old: msgspec.structs.replace(old, passes=(*old.passes, passed))


def with_advisories(digest: str) -> Callable[[Overrides], Overrides]:
    return lambda old: msgspec.structs.replace(old, advisories=digest, advisories_at=NOW)
