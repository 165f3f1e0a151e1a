"""The stage of the drills about stores: an instance whose bucket lies behind the fault proxy, alone or paired."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from holdfast.drill.bucket import Bucket
from holdfast.drill.checkers import objects_in, pair_behind
from holdfast.drill.clients import pip_install, uv_install
from holdfast.drill.corpus import wheel
from holdfast.drill.faults import NO_FAULT, Fault
from holdfast.drill.proxy import FaultProxy
from holdfast.drill.publishers import as_token, twine_upload, uv_publish
from holdfast.drill.rig import Rig, wait_until

HEAL_SECONDS_MAX = 60.0
BIG_BYTES = 9 * 1024 * 1024  # more than one part of an upload to a bucket


@dataclass(frozen=True, slots=True)
class BucketStage:
    """The parts. `folder` is the pair's second store, which lies there whether or not there is a pair."""

    rig: Rig
    bucket: Bucket
    proxy: FaultProxy
    folder: Path

    @property
    def legacy(self) -> str:
        """Where tools upload to."""
        return f"{self.rig.url}/legacy/"

    def publish_and_install(self, name: str) -> None:
        """twine publishes a wheel and uv a big one, each at its first try; pip and uv install both at once."""
        small, big = wheel(f"{name}-twine", "1.0"), wheel(f"{name}-uv", "1.0", filler_bytes=BIG_BYTES)
        scratch, token = self.rig.folder, self.rig.token()
        done = twine_upload(self.legacy, [small], scratch, as_token(token))
        assert done.returncode == 0, f"twine: {done.stdout[-1500:]}{done.stderr[-1500:]}"
        done = uv_publish(self.legacy, [big], scratch, token)
        assert done.returncode == 0, f"uv publish: {done.stdout[-1500:]}{done.stderr[-1500:]}"
        for install, made in ((pip_install, small), (uv_install, small), (uv_install, big)):
            done = install(f"{self.rig.url}/simple/", f"{made.project}==1.0", scratch)
            assert done.returncode == 0, f"{install.__name__} {made.project}: {done.stderr[-1500:]}"

    def wait_equal(self) -> None:
        """Both stores catch up, and then hold the same keys with the same bytes."""
        wait_until(lambda: pair_behind(self.rig) == 0, HEAL_SECONDS_MAX, "both stores are equal again")
        assert self.bucket.objects(), "the bucket is empty"
        # Work goes on writing (catalogues, people's pages), so looks at one and the other may differ for a moment.
        wait_until(self._agree, HEAL_SECONDS_MAX, "the stores have equal objects")
        done = self.rig.run("fsck", "--pair", "--deep", check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]

    def _agree(self) -> bool:
        return self.bucket.objects() == objects_in(self.folder)


@contextmanager
def bucket_stage(
    *, paired: bool, fault: Fault = NO_FAULT, settings: Mapping[str, str] | None = None
) -> Iterator[BucketStage]:
    """Start all of it; `fault` stands before the bucket from the beginning. A pair is whole when this begins."""
    with (
        TemporaryDirectory(prefix="holdfast-drill-") as folder,
        Bucket() as bucket,
        FaultProxy(bucket.url) as proxy,
    ):
        proxy.set(fault)
        second = Path(folder) / "store"
        pair = {"HOLDFAST_STORE_PAIR": str(second)} if paired else {}
        with Rig(settings={**bucket.settings_behind(proxy.url), **pair, **(settings or {})}) as rig:
            stage = BucketStage(rig, bucket, proxy, second)
            if paired:
                wait_until(lambda: pair_behind(rig) == 0, HEAL_SECONDS_MAX, "both stores hold everything")
            rig.wait_for_control()
            yield stage
