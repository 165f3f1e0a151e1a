"""Export: an index as plain files, tested by the list of files and by what installers would read."""

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote

import msgspec
import pytest
from unit.tree.trees import Tree

from holdfast.core import simple_html, simple_json
from holdfast.core.errors import Corrupt, Refused
from holdfast.core.model import File, Record
from holdfast.core.simple_json import ListedProject
from holdfast.tree import addresses
from holdfast.tree.export import MARKER, Exported, export
from holdfast.tree.journal import BytesRemoved, ProjectChanged, ProjectGone
from holdfast.tree.reader import TreeReader
from holdfast.tree.writer import put_record

BASE = "https://index.example"
METADATA = b"Metadata-Version: 2.4\nName: demo\nVersion: 1\n"
METADATA_DIGEST = sha256(METADATA).hexdigest()


def path_of(digest: str, filename: str) -> str:
    return f"packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{filename}"


class Exporting:
    """A tree with projects of real bytes, its reader, and the folder it is exported to."""

    def __init__(self, folder: Path) -> None:
        self.tree = Tree()
        self.reader: TreeReader = self.tree.reader()
        self.folder = folder

    def publish(self, name: str, *contents: bytes, **changes: str) -> Record:
        files = []
        for number, content in enumerate(contents):
            digest = sha256(content).hexdigest()
            self.tree.store.put(addresses.blob(digest), content)
            filename = f"{name}-{number}+local.tar.gz"
            files.append(File(filename, digest, len(content), f"{number}", metadata_sha256=METADATA_DIGEST))
        if files:
            self.tree.store.put(addresses.blob(METADATA_DIGEST), METADATA)
            files[0] = replace(files[0], has_metadata=True)
        record = Record("main", name, name.title(), self.tree.serial + 1, tuple(files), **changes)  # type: ignore[arg-type]
        changed = ProjectChanged("main", name, record.display, record.serial, put_record(self.tree.store, record))
        self.tree.tell(msgspec.structs.replace(changed, status=record.status))
        return record

    def run(self) -> Exported:
        self.reader.catch_up()
        return export(self.tree.store, self.reader, "main", self.folder, BASE)

    def files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file()
        }


@pytest.fixture
def exporting(tmp_path: Path) -> Exporting:
    return Exporting(tmp_path / "export")


def test_an_index_is_exported_as_the_pages_and_files_a_front_serves(exporting: Exporting) -> None:
    demo = exporting.publish("demo", b"one", b"two")
    other = exporting.publish("other")

    done = exporting.run()

    listed = [ListedProject("demo", "Demo", 1), ListedProject("other", "Other", 2)]
    one, two = (path_of(file.sha256, file.filename) for file in demo.files)
    assert {
        MARKER: b"instance-1 main\n",
        "simple/index.json": simple_json.project_list(listed, 2),
        "simple/index.html": simple_html.project_list(listed, 2),
        "simple/demo/index.json": simple_json.detail(demo, public_base=BASE),
        "simple/demo/index.html": simple_html.detail(demo, public_base=BASE),
        "simple/other/index.json": simple_json.detail(other, public_base=BASE),
        "simple/other/index.html": simple_html.detail(other, public_base=BASE),
        one: b"one",
        f"{one}.metadata": METADATA,
        two: b"two",
    } == exporting.files()
    assert (2, [], {}) == (done.projects, done.deleted, done.failed)
    assert {0o644} == {path.stat().st_mode & 0o777 for path in exporting.folder.rglob("index.*")}


def test_a_page_links_to_files_that_are_there(exporting: Exporting) -> None:
    exporting.publish("demo", b"one")
    exporting.run()

    page = json.loads((exporting.folder / "simple/demo/index.json").read_bytes())
    target = exporting.folder / "simple/demo" / unquote(page["files"][0]["url"])
    assert b"one" == target.read_bytes()


def test_exporting_again_writes_nothing(exporting: Exporting) -> None:
    exporting.publish("demo", b"one")
    exporting.run()
    before = {path: path.stat().st_mtime_ns for path in exporting.folder.rglob("*")}

    done = exporting.run()

    assert ([], [], before) == (
        done.written,
        done.deleted,
        {path: path.stat().st_mtime_ns for path in exporting.folder.rglob("*")},
    )


def test_what_is_gone_or_quarantined_is_taken_out(exporting: Exporting) -> None:
    exporting.publish("demo", b"one")
    exporting.publish("gone", b"two")
    exporting.run()
    exporting.publish("demo", b"one", status="quarantined")
    exporting.tree.tell(ProjectGone("main", "gone", "Gone", 4))

    exporting.run()

    assert [
        MARKER,
        "simple/demo/index.html",
        "simple/demo/index.json",
        "simple/index.html",
        "simple/index.json",
    ] == sorted(exporting.files())
    page = json.loads((exporting.folder / "simple/demo/index.json").read_bytes())
    assert ([], "quarantined") == (page["files"], page["project-status"]["status"])


def test_removed_bytes_leave_the_page_and_the_folder_even_when_other_things_fail(exporting: Exporting) -> None:
    demo = exporting.publish("demo", b"one", b"two")
    exporting.publish("broken", b"three")
    exporting.run()
    exporting.tree.tell(BytesRemoved((demo.files[0].sha256,), "malware"))
    exporting.reader.catch_up()
    entry = exporting.reader.find("main", "broken")
    assert entry is not None
    exporting.tree.store.put(addresses.record("main", "broken", entry.record), b"damaged")

    done = exporting.run()

    one, two = (path_of(file.sha256, file.filename) for file in demo.files)
    assert ([one, f"{one}.metadata"], ["broken"]) == (done.deleted, list(done.failed))
    page = json.loads((exporting.folder / "simple/demo/index.json").read_bytes())
    assert [demo.files[1].filename] == [file["filename"] for file in page["files"]]
    assert {two, "simple/broken/index.json"} <= set(exporting.files())


def test_bytes_that_fail_their_digest_are_not_exported(exporting: Exporting) -> None:
    demo = exporting.publish("demo", b"one")
    exporting.tree.store.put(addresses.blob(demo.files[0].sha256), b"eno")

    done = exporting.run()

    assert isinstance(done.failed["demo"], Corrupt)
    assert [MARKER, "simple/index.html", "simple/index.json"] == sorted(exporting.files())


def test_a_folder_with_something_else_in_it_is_left_alone(exporting: Exporting) -> None:
    exporting.folder.mkdir()
    (exporting.folder / "simple").mkdir()
    (exporting.folder / "simple" / "precious").write_bytes(b"x")

    with pytest.raises(Refused, match="neither empty nor an earlier export"):
        exporting.run()
    assert {"simple/precious": b"x"} == exporting.files()


def test_the_export_of_another_index_is_left_alone(exporting: Exporting) -> None:
    exporting.run()

    with pytest.raises(Refused, match="another index"):
        export(exporting.tree.store, exporting.reader, "team", exporting.folder, BASE)
