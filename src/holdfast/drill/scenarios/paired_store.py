"""One of two stores vanishes, first the primary, then the other: uploads and installs go on, then both become equal."""

import hashlib
from pathlib import Path

from holdfast.drill.checkers import check_fsck, check_served, listed
from holdfast.drill.rig import Rig, wait_until
from holdfast.drill.scenario import Say
from holdfast.drill.steps import publish


def run(say: Say) -> None:
    with Rig() as rig:
        second = rig.folder / "second"
        publish(rig, "before", "1.0")
        rig.restart({"HOLDFAST_STORE_PAIR": str(second)})  # an instance with a history gets its second store
        stores = [rig.data / "store", second]
        wait_until(lambda: _behind(rig) == 0, 30, "both stores hold everything")
        assert _objects(stores[0]) == _objects(stores[1]), "the second store is no copy of the first"
        say("a second store, added later, holds everything")

        for store, version in ((stores[0], "1.1"), (stores[1], "1.2")):
            away = store.rename(rig.folder / "away")
            publish(rig, "before", version)
            publish(rig, f"during-{version.replace('.', '-')}", "1.0")
            assert version in "".join(check_served(rig, "before")), "an upload without one store is not listed"
            assert rig.get("/simple/never-was/").status == 404, "what does not exist is not known to be absent"
            assert _behind(rig) == 1
            rig.restart({})  # nothing warm: all comes from the store that is left
            check_served(rig, "before")
            publish(rig, "before", f"{version}.1")
            say(f"without {store.name}, uploads succeed and install, before and after a restart")
            away.rename(store)
            wait_until(lambda: _behind(rig) == 0, 30, "both stores are equal again")
            assert _objects(stores[0]) == _objects(stores[1]), "the stores differ"

        assert len(listed(rig, "before")) == 5
        done = rig.run("fsck", "--pair", "--deep", check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
        check_fsck(rig)
        say("both stores have equal objects, and fsck finds nothing")


def _behind(rig: Rig) -> float:
    """What the metrics say: 1 while a store has something to catch up with."""
    for line in rig.get("/metrics").body.decode().splitlines():
        if line.startswith("holdfast_pair_behind{"):
            return float(line.rpartition(" ")[2])
    return -1


def _objects(store: Path) -> dict[str, str]:
    """Key -> digest of every object that lies in a store's folder."""
    return {
        str(path.relative_to(store)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in store.rglob("*")
        if path.is_file() and not path.name.startswith(".holdfast-")
    }
