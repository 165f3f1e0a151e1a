"""The tree's end is lost: fsck tells it and marks nothing, repair and a running server publish it again."""

from instances import Instance, stored_upload

from holdfast.clock import SystemClock
from holdfast.control.publication.fsck import check
from holdfast.control.publication.lost_end import reopen_lost_end
from holdfast.control.publication.models import Event
from holdfast.tree import addresses

CLOCK = SystemClock()


def fsck(instance: Instance, *, repair: bool = False) -> list[str]:
    """The lines fsck says."""
    lines: list[str] = []
    report = check(instance.config, repair=repair, deep=False, say=lines.append)
    assert report.findings + report.repaired == len(lines)
    return lines


def test_fsck_tells_of_lost_newest_serials_marks_nothing_and_repairs_them(instance: Instance) -> None:
    stored_upload(instance, "tool", "1.0")
    stored_upload(instance, "tool", "2.0")
    for serial in (1, 2):
        instance.store.delete(addresses.segment(serial))

    for _ in range(2):
        assert [
            f"v1/journal/00000000000{serial}.json is missing: `holdfast fsck --repair` publishes it again"
            for serial in (1, 2)
        ] == fsck(instance)[:2]
        assert not Event.objects.filter(published=None).exists()
    assert [f"repaired: published serial {serial} again" for serial in (1, 2)] == fsck(instance, repair=True)
    assert [] == fsck(instance)
    assert 2 == instance.reader().head


def test_a_running_server_publishes_again_what_the_trees_end_lost(instance: Instance) -> None:
    for version in ("1.0", "2.0", "3.0"):
        stored_upload(instance, "tool", version)
    assert 0 == reopen_lost_end(instance.store, CLOCK)
    instance.store.delete(addresses.segment(2))  # what was written since does not hide it

    assert 2 == reopen_lost_end(instance.store, CLOCK)
    instance.publisher.drain()

    assert 3 == instance.reader().head
    assert 0 == reopen_lost_end(instance.store, CLOCK)
    assert [] == fsck(instance)
