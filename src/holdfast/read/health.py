"""healthz, readyz and metrics: what an operator's tools ask. Installs decide readiness, not the database."""

import asyncio
import json
import os
from typing import Any, Protocol

from holdfast.clock import Clock
from holdfast.config import Config
from holdfast.core.errors import Outcome
from holdfast.pages import PAGE_HEADERS, Site
from holdfast.read.answers import NOSNIFF
from holdfast.read.cache import PageCache
from holdfast.read.control_port import Control, sample_lines
from holdfast.read.follow import Follower
from holdfast.read.policies import Policies
from holdfast.read.pull_port import Pull
from holdfast.read.upstreams_page import upstreams_page
from holdfast.tree.reader import TreeReader
from holdfast.tree.switches import ages_in_force
from holdfast.wire.messages import Response
from holdfast.wire.tally import Tallies

UNREADABLE_SECONDS_MAX = 60.0  # as long as unknown names are still answered


class Gauges(Protocol):
    """Figures of the driver around the plane: spool, access log."""

    def __call__(self) -> dict[str, float]: ...


class Health:
    """Answers the process's own addresses. Each worker process tells its own figures, labelled with its process id."""

    def __init__(
        self,
        config: Config,
        reader: TreeReader,
        follower: Follower,
        cache: PageCache,
        pull: Pull,
        policies: Policies,
        tallies: Tallies,
        clock: Clock,
        control: Control,
    ) -> None:
        self._policies = policies
        self._control = control
        self.gauges: list[Gauges] = []
        self._config = config
        self._reader = reader
        self._follower = follower
        self._cache = cache
        self._pull = pull
        self._tallies = tallies
        self._clock = clock

    async def answer(self, what: str) -> Response:
        """The answer for `healthz`, `readyz`, `metrics` or `upstreams`."""
        match what:
            case "healthz":
                return _text(200, "text/plain; charset=utf-8", b"alive\n")
            case "readyz":
                return await self._ready()
            case "upstreams":
                return await self._upstreams()
        return await self._metrics()

    async def _upstreams(self) -> Response:
        """For people. What cannot be known because pull is dead is no 200, and the page says what that means."""
        configured = self._config.upstreams
        status = await self._pull.status() if configured else None
        body = upstreams_page(configured, status, self._clock.now(), Site(self._config.base_url).root)
        response = _text(200 if status is not None or not configured else 503, "text/html; charset=utf-8", body)
        told = {name for name, _value in response.headers}
        response.headers.extend((name, value) for name, value in PAGE_HEADERS if name not in told)
        if response.status == 503:
            response.headers.append(("retry-after", "5"))
        return response

    async def _ready(self) -> Response:
        tree = self._tree()
        pull = "not needed" if not self._config.upstreams else ("up" if await self._pull.status() else "down")
        document = {
            "ready": tree["readable"],
            "tree": tree,
            "policy": self._policies.told(),
            "pull": pull,  # down: what is kept is served, unseen upstream pages are not
            "control": "up" if await self._answers(str(self._config.control_socket)) else "down",  # down: no uploads
        }
        body = json.dumps(document, indent=2).encode() + b"\n"
        return _text(200 if tree["readable"] else 503, "application/json", body)

    def _tree(self) -> dict[str, Any]:
        silent = self._clock.monotonic() - self._reader.last_contact
        trouble: Outcome | None = self._reader.trouble or self._follower.trouble
        readable = self._reader.is_loaded and silent <= UNREADABLE_SECONDS_MAX
        return {
            "readable": readable,
            "head": self._reader.head,
            "seconds_since_contact": round(silent, 1) if silent != float("inf") else None,
            "trouble": trouble.reason if trouble else None,
        }

    async def _answers(self, socket: str) -> bool:
        try:
            async with asyncio.timeout(0.2):
                _, writer = await asyncio.open_unix_connection(socket)
        except (OSError, TimeoutError):
            return False
        writer.close()
        return True

    async def _metrics(self) -> Response:
        worker = str(os.getpid())
        lines = [*self._counters(worker), *self._switch_lines()]
        upstreams = await self._pull.status() if self._config.upstreams else None
        lines += _upstream_lines(upstreams)
        lines += sample_lines(await self._control.figures())
        return _text(200, "text/plain; version=0.0.4; charset=utf-8", ("\n".join(lines) + "\n").encode())

    def _switch_lines(self) -> list[str]:
        """For how long each capability has been off, 0 while it is on: an alert needs no more (r15, r19, r26)."""
        ages = ages_in_force(self._policies.switches, self._clock.now())
        name = "holdfast_switch_in_force"
        return [f"# TYPE {name} gauge", *(f'{name}{{capability="{what}"}} {age:g}' for what, age in ages.items())]

    def _counters(self, worker: str) -> list[str]:
        lines = ["# TYPE holdfast_requests_total counter"]
        for (route, status, source), count in self._tallies.items():
            labels = f'route="{route}",status="{status}",source="{source}",worker="{worker}"'
            lines.append(f"holdfast_requests_total{{{labels}}} {count}")
        silent = self._clock.monotonic() - self._reader.last_contact
        figures: dict[str, float] = {
            "holdfast_page_cache_bytes": self._cache.bytes,
            "holdfast_page_cache_objects": len(self._cache),
            "holdfast_journal_head": self._reader.head,
            "holdfast_journal_hint": max(self._follower.hinted, 0),
            "holdfast_journal_contact_seconds": silent if silent != float("inf") else -1,
            "holdfast_tree_loaded": int(self._reader.is_loaded),
        }
        for gauges in self.gauges:
            figures.update(gauges())
        for name, value in figures.items():
            lines += [f"# TYPE {name} gauge", f'{name}{{worker="{worker}"}} {value:g}']
        return lines


def _upstream_lines(status: Any) -> list[str]:
    """Numbers of pull's status as gauges, one per upstream; whatever is no number stays out."""
    lines = ["# TYPE holdfast_pull_up gauge", f"holdfast_pull_up {int(status is not None)}"]
    samples: dict[str, list[str]] = {}
    for upstream in (status or {}).get("upstreams", []):
        name = upstream.get("name", "")
        for key, value in upstream.items():
            if isinstance(value, int | float) and key.isidentifier() and str(name).replace("-", "").isalnum():
                samples.setdefault(key, []).append(f'holdfast_upstream_{key}{{upstream="{name}"}} {float(value):g}')
    for key, found in samples.items():
        lines += [f"# TYPE holdfast_upstream_{key} gauge", *found]
    for key, value in (status or {}).get("cache", {}).items():
        if isinstance(value, int | float) and key.isidentifier():
            lines += [f"# TYPE holdfast_cache_{key} gauge", f"holdfast_cache_{key} {float(value):.15g}"]
    return lines


def _text(status: int, content_type: str, body: bytes) -> Response:
    return Response(status, [("content-type", content_type), ("cache-control", "no-store"), NOSNIFF], body)
