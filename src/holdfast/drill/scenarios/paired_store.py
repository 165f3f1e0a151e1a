"""One of two stores vanishes, first the primary, then the other: uploads and installs go on, then both become equal."""

from holdfast.drill.checkers import check_fsck, check_served, listed, objects_in, pair_behind
from holdfast.drill.rig import Rig, wait_until
from holdfast.drill.scenario import Say
from holdfast.drill.steps import publish


def run(say: Say) -> None:
    with Rig() as rig:
        second = rig.folder / "second"
        publish(rig, "before", "1.0")
        rig.restart({"HOLDFAST_STORE_PAIR": str(second)})  # an instance with a history gets its second store
        stores = [rig.data / "store", second]
        wait_until(lambda: pair_behind(rig) == 0, 30, "both stores hold everything")
        # Work goes on writing (assets, people's pages), so two looks at two folders may differ for a moment.
        wait_until(
            lambda: objects_in(stores[0]) == objects_in(stores[1]), 30, "the second store is a copy of the first"
        )
        say("a second store, added later, holds everything")

        for store, version in ((stores[0], "1.1"), (stores[1], "1.2")):
            away = store.rename(rig.folder / "away")
            publish(rig, "before", version)
            publish(rig, f"during-{version.replace('.', '-')}", "1.0")
            assert version in "".join(check_served(rig, "before")), "an upload without one store is not listed"
            assert rig.get("/simple/never-was/").status == 404, "what does not exist is not known to be absent"
            assert pair_behind(rig) == 1
            rig.restart({})  # nothing warm: all comes from the store that is left
            check_served(rig, "before")
            publish(rig, "before", f"{version}.1")
            say(f"without {store.name}, uploads succeed and install, before and after a restart")
            away.rename(store)
            wait_until(lambda: pair_behind(rig) == 0, 30, "both stores are equal again")
            wait_until(lambda: objects_in(stores[0]) == objects_in(stores[1]), 30, "the stores have equal objects")

        assert len(listed(rig, "before")) == 5
        done = rig.run("fsck", "--pair", "--deep", check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
        check_fsck(rig)
        say("both stores have equal objects, and fsck finds nothing")
