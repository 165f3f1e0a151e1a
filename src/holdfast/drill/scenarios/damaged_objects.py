"""A record and a file rot on disk: neither leaves, every other project goes on, and fsck names both."""

import hashlib
from pathlib import Path

from holdfast.drill.checkers import check_served
from holdfast.drill.corpus import Wheel, wheel
from holdfast.drill.rig import Rig, wait_until
from holdfast.drill.scenario import Say
from holdfast.drill.steps import publish


def run(say: Say) -> None:
    with Rig() as rig:
        rig.token()
        rotten = wheel("rotten", "1.0", filler_bytes=300_000)
        assert rig.upload(rotten).status == 200
        publish(rig, "broken-record", "1.0")
        publish(rig, "healthy", "1.0")
        blob = rig.data / "store/blobs" / rotten.sha256[:2] / rotten.sha256[2:4] / rotten.sha256[4:]
        _flip(blob)
        for record in (rig.data / "store/v1/main/project/broken-record").iterdir():
            _flip(record)
        old = rig.pids()["front"]
        rig.kill("front")  # a new front has seen neither
        rig.wait_respawn("front", old)
        wait_until(lambda: rig.get("/readyz", timeout=1).status == 200, 20, "the new front")
        answer = rig.get(_path(rotten))
        assert answer.status == 503, (answer.status, len(answer.body))
        assert hashlib.sha256(answer.body).hexdigest() != rotten.sha256
        page = rig.get("/simple/broken-record/")
        assert page.status == 503, (page.status, page.body[:300])
        check_served(rig, "healthy")
        say("damaged bytes and the damaged record are 503, the neighbour is served")

        found = rig.run("fsck", "--deep", check=False)
        assert found.returncode == 1, found.stdout
        assert rotten.filename in found.stdout and "broken-record" in found.stdout, found.stdout
        rig.run("fsck", "--deep", "--repair", check=False)
        assert rig.get("/simple/broken-record/").status == 200, "fsck --repair did not bring the record back"
        assert rig.upload(rotten).status == 200, "uploading the same bytes again repairs the file"
        check_served(rig, "rotten")
        say("fsck named both; the record was made again, the file healed by uploading it again")


def _path(made: Wheel) -> str:
    return f"/packages/{made.sha256[:2]}/{made.sha256[2:4]}/{made.sha256[4:]}/{made.filename}"


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.chmod(0o600)
    path.write_bytes(data)
