"""Copies of a bucket's objects on this machine, when their bytes were taken down while the front did not run."""

from read.plays import plays
from read.site import UPLOADED, Site, path_of

from holdfast.read.app import ReadPlane
from holdfast.store.copied import CopiedStore
from holdfast.store.copies import copies_of
from holdfast.tree import addresses, hint
from holdfast.tree.journal import BytesRemoved
from holdfast.tree.reader import TreeReader
from holdfast.tree.writer import write_checkpoint


@plays
async def test_a_front_that_starts_drops_its_copies_of_what_was_removed_meanwhile(tmp_path):
    site = Site(tmp_path)
    file = site.wheel("demo")
    site.publish("demo", file)
    store = CopiedStore(site.store, copies_of(site.config), addresses.is_immutable, addresses.INSTANCE)
    store.copy(addresses.blob(file.sha256))
    site.tell(BytesRemoved((file.sha256,), "bad"))
    reader = TreeReader(site.store, site.clock)
    reader.load()
    write_checkpoint(site.store, reader.state(), site.config.instance, UPLOADED)

    plane = ReadPlane(site.config, store, site.clock, hint.HeadHint(site.config.head_hint), site._forward)
    await plane.start()

    assert None is store.local_path(addresses.blob(file.sha256)), path_of(file)
    await plane.stop()
    store.close()
