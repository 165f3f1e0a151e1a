"""A pair of two S3 servers, either hangs, refuses, fails or is slow: uploads and installs go on, then both agree."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from holdfast.control.healing import WAITING_SECONDS_MAX
from holdfast.drill.bucket import NAME, PREFIX, Bucket, Credential
from holdfast.drill.checkers import check_fsck, check_served, pair_behind
from holdfast.drill.clients import pip_install
from holdfast.drill.corpus import wheel
from holdfast.drill.faults import NO_FAULT, Fault
from holdfast.drill.proxy import FaultProxy
from holdfast.drill.rig import Rig, wait_until
from holdfast.drill.scenario import Say
from holdfast.drill.steps import publish
from holdfast.store.pair_side import LATE_SECONDS

INCIDENTS = ()
SLOW = True
SECOND_PREFIX = "second"
BIG_BYTES = 9 * 1024 * 1024  # more than one part of an upload to a bucket
# A write that was given up may arrive for so long, and what waits for that is looked at so rarely; then it is copied.
HEAL_SECONDS_MAX = LATE_SECONDS + WAITING_SECONDS_MAX + 30.0
HANGS = "hangs"  # stopped by SIGSTOP: connections are taken, and nothing is answered
BUSY = '<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>'
WAYS: Mapping[str, Fault] = {
    HANGS: NO_FAULT,
    "refuses connections": Fault(refuse=True),
    "answers 503": Fault(status=503, body=BUSY, content_type="application/xml"),
    "is slow": Fault(latency_seconds=3.0),
}


@dataclass(frozen=True, slots=True)
class Side:
    """One server, what stands before it, and where its objects lie."""

    name: str
    bucket: Bucket
    proxy: FaultProxy
    prefix: str

    @contextmanager
    def failing(self, way: str) -> Iterator[None]:
        """That way, until the end."""
        if way == HANGS:
            self.bucket.black_hole()
        self.proxy.set(WAYS[way])
        try:
            yield
        finally:
            self.proxy.set(NO_FAULT)
            self.bucket.recover()


def run(say: Say) -> None:
    with ExitStack() as stack:
        sides = [
            Side(name, bucket := stack.enter_context(Bucket()), stack.enter_context(FaultProxy(bucket.url)), prefix)
            for name, prefix in (("first", PREFIX), ("second", SECOND_PREFIX))
        ]
        rig = stack.enter_context(Rig(settings=_settings(*sides)))
        _wait_equal(rig, sides)
        publish(rig, "before", "1.0")
        for side in sides:
            for number, way in enumerate(WAYS):
                with side.failing(way):
                    seconds = _publish_and_install(rig, f"{side.name}-{number}")
                _wait_equal(rig, sides)
                say(
                    f"the {side.name} server {way}: uploaded and installed, the slowest in {seconds:.1f} s; equal again"
                )
        check_fsck(rig)


def _settings(first: Side, second: Side) -> dict[str, str]:
    other = Credential("other-key", "other-secret").settings
    own = {f"PAIR_{name}": value for name, value in {"AWS_ENDPOINT_URL": second.proxy.url, **other}.items()}
    pair = {"HOLDFAST_STORE_PAIR": f"s3://{NAME}/{SECOND_PREFIX}"}
    return {**first.bucket.settings_behind(first.proxy.url), **pair, **own}


def _publish_and_install(rig: Rig, name: str) -> float:
    """A small wheel and a big one, each of a new project, and both installed at once; the slower upload's time."""
    seconds = 0.0
    for made in (wheel(name, "1.0"), wheel(f"{name}-big", "1.0", filler_bytes=BIG_BYTES)):
        began = time.monotonic()
        answer = rig.upload(made)
        seconds = max(seconds, time.monotonic() - began)
        assert answer.status == 200, (made.filename, answer.status, answer.body[:500])
        done = pip_install(f"{rig.url}/simple/", f"{made.project}==1.0", rig.folder)
        assert done.returncode == 0, f"{made.filename}: {done.stderr[-1500:]}"
    check_served(rig, "before")
    return seconds


def _wait_equal(rig: Rig, sides: list[Side]) -> None:
    wait_until(lambda: pair_behind(rig) == 0, HEAL_SECONDS_MAX, "both servers have everything")
    wait_until(
        lambda: _objects(sides[0]) == _objects(sides[1]) != {}, HEAL_SECONDS_MAX, "equal keys with equal digests"
    )


def _objects(side: Side) -> dict[str, str]:
    return side.bucket.objects(side.prefix)
