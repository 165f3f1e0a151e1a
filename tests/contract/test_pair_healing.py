"""Healing a pair: what is written and deleted while a file is on its way from one side to the other."""

from collections.abc import Callable
from contextlib import nullcontext
from hashlib import sha256
from pathlib import Path

import pytest
from contract.test_paired import FaultyStore, Killed, Rig

from holdfast.store.convergence import heal
from holdfast.store.port import Store


class CopyingStore(FaultyStore):
    """A side at whose first read of a file something else happens."""

    def __init__(self, store: Store, meanwhile: Callable[[], object]) -> None:
        super().__init__(store)
        self._meanwhile: Callable[[], object] | None = meanwhile

    def read(self, key: str, start: int, length: int) -> bytes:
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return super().read(key, start, length)


@pytest.mark.parametrize("end", ["kept", "deleted", "written again", "died"])
def test_a_file_is_copied_without_its_lock_and_what_happens_meanwhile_counts(tmp_path: Path, end: str) -> None:
    rig, data = Rig(tmp_path), b"a wheel"
    digest = sha256(data).hexdigest()
    key = f"blobs/{digest[:2]}/{digest[2:4]}/{digest[4:]}"
    rig.down(False, True)
    rig.pair.put(key, data)
    rig.down(False, False)
    other = rig.another()

    def meanwhile() -> None:
        with other.notes.locked(key):
            pass  # nobody holds it
        if end == "deleted":
            other.delete(key)
        elif end == "written again":
            other.put(key, data)
        elif end == "died":
            raise Killed

    rig.sides[0] = CopyingStore(rig.sides[0].store, meanwhile)
    rig.pair = rig.another()
    with nullcontext() if end != "died" else pytest.raises(Killed):
        heal(rig.pair, tmp_path, lambda _: None)

    if end == "died":
        rig.converge()
    assert ([{}, {}] if end == "deleted" else [{key: data}] * 2) == rig.contents()
    assert not rig.pair.is_behind()
