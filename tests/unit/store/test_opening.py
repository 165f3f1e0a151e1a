"""Which store a setting names."""

from pathlib import Path

import pytest

from holdfast.core.errors import Unavailable
from holdfast.store.local import LocalStore
from holdfast.store.opening import create_store, open_store


@pytest.mark.parametrize(("setting", "folder"), [("", "default"), ("{}/other", "other")])
def test_a_folder_is_opened_as_it_is_and_created_when_asked(tmp_path: Path, setting: str, folder: str) -> None:
    setting = setting.format(tmp_path)

    with pytest.raises(Unavailable):
        open_store(setting, tmp_path / "default").get("a")
    create_store(setting, tmp_path / "default").put("a", b"x")
    opened = open_store(setting, tmp_path / "default")

    assert isinstance(opened, LocalStore) and (tmp_path / folder, b"x") == (opened.root, opened.get("a"))


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
