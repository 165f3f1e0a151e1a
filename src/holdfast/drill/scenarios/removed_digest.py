"""A removed file is gone from page, file, metadata, store and cache, and stays gone through fsck --repair."""

from holdfast.drill.checkers import check_fsck, listed
from holdfast.drill.scenario import Say
from holdfast.drill.steps import publish, warm, world


def run(say: Say) -> None:
    with world() as w:
        bad, _good = publish(w.rig, "hosted", "1.0", "1.1")
        warm(w.rig, "hosted", "dep-2")
        pulled = next(x for x in w.upstream.wheels if x.project == "dep-2")
        for made in (bad, pulled):
            path = f"/packages/{made.sha256[:2]}/{made.sha256[2:4]}/{made.sha256[4:]}/{made.filename}"
            w.rig.run("project", "remove", made.sha256, "--reason", "malware")
            for suffix in ("", ".metadata"):
                answer = w.rig.get(path + suffix)
                assert answer.status == 410, (path + suffix, answer.status, answer.body[:300])
            assert made.filename not in listed(w.rig, made.project)
            w.rig.run("fsck", "--repair", "--deep")
            left = [str(p) for p in (w.rig.data / "store").rglob("*") if made.sha256[4:] == p.name]
            assert not left, left
            assert w.rig.get(path).status == 410
            again = w.rig.upload(made)
            assert again.status in (400, 403, 410), (again.status, again.body[:300])
            say(f"{made.filename}: gone everywhere, and refused when uploaded again")
        check_fsck(w.rig)
