"""What many uploads at once may rely on, on every database engine, through the real door of control."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from contract.outbox_contract import UPLOADERS, in_thread, page
from doors import Answered, Door
from instances import Instance, new_instance

from holdfast.clock import ManualClock, SystemClock
from holdfast.control.database import close_connection
from holdfast.control.projects.models import File, FilenameBinding
from holdfast.control.publication.upkeep import collect_orphans
from holdfast.drill.corpus import Wheel, wheel
from holdfast.drill.rig import upload_form
from holdfast.store.port import Store
from holdfast.tree import addresses


class SlowStore:
    """A store in which one key waits until it is told to go on."""

    def __init__(self, inner: Store, key: str) -> None:
        self._inner = inner
        self._key = key
        self.reached = threading.Event()
        self.open = threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def adopt_file(self, key: str, path: Path) -> None:
        if key == self._key:
            self.reached.set()
            assert self.open.wait(60)
        self._inner.adopt_file(key, path)


class UploadContract:
    """Uploads that meet."""

    @pytest.fixture
    def instance(self, tmp_path: Path, database_url: str) -> Instance:
        return new_instance(tmp_path / "data", database_url)

    def test_of_sixteen_clients_with_one_filename_and_other_bytes_one_wins(self, instance: Instance) -> None:
        door = Door(instance, hold_seconds=30.0)
        token = door.token()
        made = [wheel("contested", "1.0", filler_bytes=1000 + number) for number in range(UPLOADERS)]
        together = threading.Barrier(UPLOADERS)

        def upload(one: Wheel) -> Answered:
            together.wait(20)
            try:
                while (answer := door.upload(upload_form(one), token)).status == 503:
                    pass  # the waiting room was full: clients come again
                return answer
            finally:
                close_connection()

        with ThreadPoolExecutor(UPLOADERS) as pool:
            answers = list(pool.map(upload, made))

        (winner,) = [one for one, answer in zip(made, answers, strict=True) if answer.status == 200]
        refused = [answer for answer in answers if answer.status != 200]
        assert {400} == {answer.status for answer in refused}
        assert all(answer.text.startswith("File already exists") for answer in refused)
        assert [(winner.filename, winner.sha256)] == [(f.filename, f.sha256) for f in page(instance, "contested").files]
        assert winner.content == instance.store.get(addresses.blob(winner.sha256))
        assert [(winner.filename, winner.sha256)] == list(FilenameBinding.objects.values_list("filename", "sha256"))
        assert 1 == File.objects.count()
        collect_orphans(instance.store, ManualClock(SystemClock().now() + timedelta(hours=3)))
        assert 2 == len(list(instance.store.list(addresses.BLOB_PREFIX))), "the winner's file and metadata alone"

    def test_an_upload_that_waits_for_the_store_keeps_nobody_else_waiting(self, instance: Instance) -> None:
        """No lock and no transaction is held across I/O: the same project, even the same filename, stays free."""
        slow, quick, rival = (wheel("tool", "1.0", filler_bytes=n) for n in (3000, 10, 20))
        store = SlowStore(instance.store, addresses.blob(slow.sha256))
        door = Door(instance, hold_seconds=30.0, store=store)
        token = door.token()
        answers: list[Answered] = []
        late = threading.Thread(target=in_thread, args=(lambda: answers.append(door.upload(upload_form(slow), token)),))
        late.start()
        assert store.reached.wait(20)

        first = door.upload(upload_form(quick), token)
        second = door.upload(upload_form(rival), token)
        store.open.set()
        late.join(20)

        assert (200, 400, 400) == (first.status, second.status, answers[0].status)
        assert [quick.sha256] == [file.sha256 for file in page(instance, "tool").files]
