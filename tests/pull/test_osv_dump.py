"""Reading an OSV dump: a zip file or a folder, within bounds, and no name in it is ever a path."""

import json
import os
import zipfile
from pathlib import Path

import pytest
from pull.osv import NOW, compiled, record, records, zipped

from holdfast.core.errors import Corrupt
from holdfast.pull.osv_dump import RECORD_BYTES_MAX, compile_dump


def test_a_zip_and_a_folder_of_the_same_records_give_one_table(tmp_path: Path) -> None:
    zip_file = zipped(tmp_path / "all.zip", records())
    folder = tmp_path / "advisories"
    for document in records():
        file = folder / "pypi" / str(document["id"])[-1] / f"{document['id']}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(document))
    (folder / "README.md").write_text("no record")

    from_zip, from_folder = compiled(zip_file), compiled(folder)

    assert from_zip == from_folder
    assert (4, 4, 8, 0) == (from_zip.met.malware, from_zip.met.vulnerabilities, from_zip.met.projects, 0)


def test_progress_is_told_for_each_record(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []

    compile_dump(zipped(tmp_path / "all.zip", records(1, 2)), NOW, lambda done, total: told.append((done, total)))

    assert [(1, 3), (2, 3), (3, 3)] == told


def test_a_member_that_unfolds_to_more_than_a_record_may_is_skipped(tmp_path: Path) -> None:
    """Whatever size it claims: a few kilobytes may unfold to gigabytes."""
    padded = record("MAL-9", "huge", details="x" * RECORD_BYTES_MAX)

    found = compiled(zipped(tmp_path / "all.zip", [*records(1, 0), padded]))

    assert (1, 1) == (found.met.malware, found.met.skipped)


def test_a_damaged_member_is_skipped_and_the_others_are_read(tmp_path: Path) -> None:
    path = zipped(tmp_path / "all.zip", records(2, 0), zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b'"bad-0"', b'"bad-x"', 1))

    assert (1, 1) == (compiled(path).met.malware, compiled(path).met.skipped)


def test_names_inside_a_dump_are_never_paths(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    with zipfile.ZipFile(inside / "all.zip", "w") as archive:
        archive.writestr("../escaped.json", json.dumps(record("MAL-1", "demo")))
        archive.writestr("/escaped.json", json.dumps(record("MAL-2", "demo")))

    assert 2 == compiled(inside / "all.zip").met.malware
    assert [inside] == list(tmp_path.iterdir())
    assert [inside / "all.zip"] == list(inside.iterdir())


def test_links_and_pipes_in_a_folder_are_skipped(tmp_path: Path) -> None:
    """A link could lead out of the dump, a pipe would be waited for without end."""
    folder = tmp_path / "dump"
    folder.mkdir()
    outside = tmp_path / "outside.json"
    outside.write_text(json.dumps(record("MAL-1", "outside")))
    (folder / "link.json").symlink_to(outside)
    os.mkfifo(folder / "pipe.json")
    (folder / "good.json").write_text(json.dumps(record("MAL-2", "good")))

    assert (1, 2) == (compiled(folder).met.malware, compiled(folder).met.skipped)


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_member_packed_in_another_way_is_skipped_whole_or_damaged(tmp_path: Path, method: int) -> None:
    """Dumps are deflated. LZMA asks for as much memory as it likes, and both fail in ways of their own."""
    path = zipped(tmp_path / "all.zip", records(1, 0))
    with zipfile.ZipFile(path, "a", method) as archive:
        archive.writestr("whole.json", json.dumps(record("MAL-8", "whole")))
        archive.writestr("damaged.json", json.dumps(record("MAL-9", "damaged")))
        start = archive.getinfo("damaged.json").header_offset
    with path.open("r+b") as file:
        file.seek(start + 30 + len("damaged.json"))
        file.write(b"\xff" * 12)

    found = compiled(path)

    assert (1, 2) == (found.met.malware, found.met.skipped)


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip file at all"])
def test_what_is_no_dump_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "all.zip"
    path.write_bytes(content)

    with pytest.raises(Corrupt, match=r"all\.zip is neither a folder nor a whole zip file"):
        compiled(path)
    with pytest.raises(Corrupt, match="cannot be read: No such file"):
        compiled(tmp_path / "none.zip")


def test_a_zip_that_was_cut_off_is_no_dump(tmp_path: Path) -> None:
    path = zipped(tmp_path / "all.zip", records())
    path.write_bytes(path.read_bytes()[:-200])

    with pytest.raises(Corrupt, match="whole zip file"):
        compiled(path)
