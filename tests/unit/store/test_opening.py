"""Which store a setting names."""

from pathlib import Path

import pytest

from holdfast.config import Config
from holdfast.core.errors import Unavailable
from holdfast.store.convergence import heal
from holdfast.store.local import LocalStore
from holdfast.store.opening import configured_store, create_configured_store, create_store, open_store
from holdfast.store.pair_notes import SIDES
from holdfast.store.paired import PairedStore


@pytest.mark.parametrize(("setting", "folder"), [("", "default"), ("{}/other", "other")])
def test_a_folder_is_opened_as_it_is_and_created_when_asked(tmp_path: Path, setting: str, folder: str) -> None:
    setting = setting.format(tmp_path)

    with pytest.raises(Unavailable):
        open_store(setting, tmp_path / "default").get("a")
    create_store(setting, tmp_path / "default").put("a", b"x")
    opened = open_store(setting, tmp_path / "default")

    assert isinstance(opened, LocalStore) and (tmp_path / folder, b"x") == (opened.root, opened.get("a"))


def test_two_releases_on_one_machine_note_in_one_place_what_a_store_is_behind_with(tmp_path: Path) -> None:
    second = tmp_path / "second"
    one = Config(data=tmp_path / "one", store_pair=str(second))
    beside = Config(
        data=tmp_path / "two",
        store=str(one.store_folder),
        store_pair=str(second),
        store_pair_notes=str(one.pair_folder),
    )
    with pytest.raises(Unavailable, match="holds no notes of a store pair"):
        configured_store(beside)
    old, new = create_configured_store(one), configured_store(beside)
    second.rename(tmp_path / "away")

    new.put("a", b"x")

    assert isinstance(old, PairedStore) and isinstance(new, PairedStore)
    assert [0, 1] == [old.notes.count(name) for name in SIDES]
    (tmp_path / "away").rename(second)
    assert 1 == heal(old, tmp_path, lambda _bytes: None).healed
    assert [0, 0] == [new.notes.count(name) for name in SIDES]
    assert b"x" == LocalStore(second).get("a")


def test_a_bucket_is_a_remote_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from holdfast.store.remote import RemoteStore

    monkeypatch.setenv("AWS_REGION", "us-east-1")
    for opened in (open_store("s3://bucket/prefix", tmp_path), create_store("s3://bucket/prefix", tmp_path)):
        assert isinstance(opened, RemoteStore)


@pytest.mark.parametrize("setting", ["ftp://bucket/prefix", "s3://", "s3:///", "http://store.example/bucket"])
def test_a_setting_that_names_neither_is_refused_with_good_examples(setting: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="good ones: /srv/holdfast, s3://bucket/prefix"):
        open_store(setting, tmp_path)


def test_opening_a_folder_does_not_load_the_bucket_client(tmp_path: Path) -> None:
    import subprocess
    import sys

    program = (
        "import sys; from pathlib import Path; from holdfast.store.opening import create_store\n"
        "create_store('', Path(sys.argv[1])); print('obstore' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", program, str(tmp_path / "s")], capture_output=True, text=True)

    assert "False\n" == answer.stdout
