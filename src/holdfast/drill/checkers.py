"""Checkers that look from outside: they read the tree's files and run commands, and know none of the code's classes."""

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path

from holdfast.drill.rig import Rig


def journal(data: Path) -> dict[str, str]:
    """Every journal segment's file name and the sha256 of its bytes."""
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in (data / "store/v1/journal").glob("*.json")}


def serials(data: Path) -> list[int]:
    """The serials of all single segments, in order."""
    return sorted(int(p.stem) for p in (data / "store/v1/journal").glob("*.json"))


def check_contiguous(data: Path) -> None:
    """The journal has no gap and each segment carries its own serial and an event id of its own."""
    found = serials(data)
    assert found, "the journal is empty"
    assert found == list(range(found[0], found[0] + len(found))), f"gap in the journal: {found}"
    events = set()
    for serial in found:
        segment = json.loads((data / f"store/v1/journal/{serial:012d}.json").read_text())
        assert segment["serial"] == serial, segment
        events.add(segment["event"])
    assert len(events) == len(found), "two segments share one event id"


def listed(rig: Rig, project: str) -> dict[str, str]:
    """Filename -> sha256 as the simple page gives it right now; empty when the project is absent."""
    answer = rig.get(f"/simple/{project}/", headers={"Accept": "application/vnd.pypi.simple.v1+json"})
    if answer.status == 404:
        return {}
    assert answer.status == 200, (answer.status, answer.body[:300])
    return {f["filename"]: f["hashes"]["sha256"] for f in json.loads(answer.body)["files"]}


def check_served(rig: Rig, project: str) -> dict[str, str]:
    """Each listed file can be fetched and its bytes have the listed digest. Returns what is listed."""
    files = listed(rig, project)
    for filename, digest in files.items():
        answer = rig.get(f"/packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{filename}")
        assert answer.status == 200, (filename, answer.status, answer.body[:300])
        assert hashlib.sha256(answer.body).hexdigest() == digest, f"{filename}: wrong bytes"
    return files


def check_fsck(rig: Rig) -> None:
    """`holdfast fsck --deep` finds nothing."""
    done = rig.run("fsck", "--deep", check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]


def pair_behind(rig: Rig) -> float:
    """What the metrics say: 1 while a store of the pair has something to catch up with, -1 if nobody says."""
    for line in rig.get("/metrics").body.decode().splitlines():
        if line.startswith("holdfast_pair_behind{"):
            return float(line.rpartition(" ")[2])
    return -1


def objects_in(store: Path) -> dict[str, str]:
    """Key -> digest of every object that lies in a store's folder."""
    return {
        str(path.relative_to(store)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in store.rglob("*")
        if path.is_file() and not path.name.startswith(".holdfast-")
    }


def rows(rig: Rig, table: str) -> int:
    """How many rows a table of the SQLite database has."""
    with closing(sqlite3.connect(f"file:{rig.data / 'holdfast.sqlite3'}?mode=ro", uri=True, timeout=20)) as database:
        return int(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - a name of ours
