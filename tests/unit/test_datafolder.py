"""The data folder: private, one instance at a time, never newer than we are."""

import json
import os
import stat
from pathlib import Path

import pytest

from holdfast.config import DATA_FORMAT, Config
from holdfast.datafolder import DataFolderError, check_format, lock, lock_holder, prepare


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(data=tmp_path / "deep" / "data")


def test_it_is_made_for_its_owner_only_and_tightened_when_it_was_not(config: Config) -> None:
    config.data.mkdir(parents=True, mode=0o755)
    config.data.chmod(0o755)

    prepare(config)

    folders = [config.data, *(path for path in config.data.iterdir() if path.is_dir())]
    assert {"data", "run", "spool", "partial", "backups", "log"} == {folder.name for folder in folders}
    assert {0o700} == {stat.S_IMODE(folder.stat().st_mode) for folder in folders}


def test_a_file_in_its_place_is_named(config: Config) -> None:
    config.data.parent.mkdir()
    config.data.write_text("")

    with pytest.raises(DataFolderError, match="is a file; HOLDFAST_DATA must name a folder"):
        prepare(config)


def test_a_folder_that_cannot_be_written_is_named_with_what_to_do() -> None:
    config = Config(data=Path("/proc/holdfast"))  # not writable for anyone, root included

    with pytest.raises(DataFolderError, match=r"/proc/holdfast cannot be written: .* HOLDFAST_DATA="):
        prepare(config)


def test_a_second_instance_is_told_who_holds_the_folder(config: Config) -> None:
    prepare(config)
    assert lock_holder(config) == ""
    held = lock(config)

    with pytest.raises(DataFolderError, match=f"in use by another Holdfast, process {os.getpid()}"):
        lock(config)
    assert lock_holder(config) == str(os.getpid())
    os.close(held)
    assert lock_holder(config) == ""
    os.close(lock(config))


def test_newer_or_damaged_data_is_never_opened(config: Config) -> None:
    prepare(config)

    assert check_format(config) is False
    config.marker.write_text(json.dumps({"instance": "x", "format": DATA_FORMAT}))
    assert check_format(config) is True
    config.marker.write_text(json.dumps({"instance": "x", "format": DATA_FORMAT + 1}))
    with pytest.raises(DataFolderError, match="written by a newer Holdfast"):
        check_format(config)
    for damaged in ("", "[]", "{", "{}"):
        config.marker.write_text(damaged)
        with pytest.raises(DataFolderError, match="cannot be read"):
            check_format(config)
