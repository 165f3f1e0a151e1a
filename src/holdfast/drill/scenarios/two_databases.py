"""Two databases write to one tree: the second one stops and says why, and nothing of the first is overwritten."""

import shutil

from holdfast.drill.checkers import check_contiguous, journal, listed
from holdfast.drill.corpus import wheel
from holdfast.drill.rig import Rig
from holdfast.drill.scenario import Say
from holdfast.drill.steps import publish


def run(say: Say) -> None:
    with Rig() as first:
        publish(first, "hosted", "1.0")
        first.stop()
        cloned = Rig()  # a cloned machine that kept writing to the same store
        shutil.copytree(first.data, cloned.data, ignore=shutil.ignore_patterns("store"))
        (cloned.data / "store").symlink_to(first.data / "store")
        first.start()
        _play(first, cloned, say)


def _play(first: Rig, cloned: Rig, say: Say) -> None:
    with cloned as second:
        first.upload(wheel("hosted", "1.1"))
        publish(first, "hosted", "1.2")
        before = journal(first.data)
        answer = second.upload(wheel("other", "1.0"), timeout=40, token=first.token())
        assert answer.status == 503, (answer.status, answer.body[:500])
        after = journal(first.data)
        assert after == before, "the clone wrote into the journal"
        assert set(listed(first, "hosted")) >= {"hosted-1.2-py3-none-any.whl"}
        publish(first, "hosted", "1.3")
        check_contiguous(first.data)
        say(f"the clone is refused: {answer.body.decode()[:160]}")
