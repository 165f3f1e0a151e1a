"""The few steps that most scenarios begin with."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from holdfast.drill.corpus import Upstream, Wheel, chain, wheel
from holdfast.drill.proxy import FaultProxy
from holdfast.drill.rig import Rig


@dataclass(frozen=True, slots=True)
class World:
    """An upstream of real wheels behind a fault proxy, and a Holdfast that pulls through it."""

    rig: Rig
    upstream: Upstream
    proxy: FaultProxy


@contextmanager
def world(wheels: list[Wheel] | None = None, settings: dict[str, str] | None = None) -> Iterator[World]:
    """Start all three; the upstream holds `wheels`, or a chain of three."""
    with (
        Upstream(chain("dep", 3) if wheels is None else wheels) as upstream,
        FaultProxy(upstream.url) as proxy,
        Rig(f"{proxy.url}/simple/", settings) as rig,
    ):
        yield World(rig, upstream, proxy)


def publish(rig: Rig, project: str, *versions: str) -> list[Wheel]:
    """Upload one small wheel per version and hold the server to its word."""
    rig.wait_for_control()
    made = [wheel(project, version) for version in versions]
    for one in made:
        answer = rig.upload(one)
        assert answer.status == 200, (answer.status, answer.body[:500])
    return made


def warm(rig: Rig, *projects: str) -> list[str]:
    """Read each project's page, files and metadata once; returns every path that must keep answering 200."""
    paths = []
    for project in projects:
        page = rig.get(f"/simple/{project}/", headers={"Accept": "application/vnd.pypi.simple.v1+json"})
        assert page.status == 200, (project, page.status, page.body[:300])
        paths.append(f"/simple/{project}/")
        for file in json.loads(page.body)["files"]:
            path = "/" + file["url"].removeprefix("../../")
            paths.append(path)
            if file["core-metadata"]:
                paths.append(path + ".metadata")
    for path in paths:
        answer = rig.get(path)
        assert answer.status == 200, (path, answer.status, answer.body[:300])
    return paths
