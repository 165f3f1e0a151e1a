"""The store's folder vanishes and comes back: never an empty index, never a 404, and nothing to do afterwards."""

from holdfast.drill.checkers import check_fsck, listed
from holdfast.drill.corpus import wheel
from holdfast.drill.rig import Rig, wait_until
from holdfast.drill.scenario import Say
from holdfast.drill.steps import publish


def run(say: Say) -> None:
    with Rig() as rig:
        made, _ = publish(rig, "hosted", "1.0", "1.1")
        publish(rig, "unread", "1.0")
        assert len(listed(rig, "hosted")) == 2
        store = rig.data / "store"
        store.rename(rig.data / "unmounted")
        store.mkdir()  # what an unmounted volume leaves: an empty folder

        unread = rig.get("/simple/unread/")
        assert unread.status == 503 and "retry-after" in unread.headers, (unread.status, unread.body[:300])
        file = rig.get(f"/packages/{made.sha256[:2]}/{made.sha256[2:4]}/{made.sha256[4:]}/{made.filename}")
        assert file.status in (200, 503), (file.status, file.body[:300])
        upload = rig.upload(wheel("hosted", "1.2"), timeout=40)
        assert upload.status == 503 and "retry-after" in upload.headers, (upload.status, upload.body[:300])
        assert not any(store.iterdir()), "something was written into the empty folder"
        say("pages and uploads say 503 while the folder is empty, and nothing is written into it")

        store.rmdir()
        (rig.data / "unmounted").rename(store)
        wait_until(lambda: rig.get("/simple/unread/").status == 200, 20, "the page after the store came back")
        publish(rig, "hosted", "1.2")
        assert len(listed(rig, "hosted")) == 3
        check_fsck(rig)
        say("everything answers again, uploads included")
