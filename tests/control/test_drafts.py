"""One more file of a large project: the work of one file, and the very documents that all anew would make."""

import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from types import FrameType

from instances import ALICE, OPERATOR, Instance, empty_database, new_file, soon, stored_upload

from holdfast.clock import SystemClock
from holdfast.control.moderation.verdicts import quarantine_project, release_project
from holdfast.control.projects import actions
from holdfast.control.projects.models import File, FilenameBinding, Project, Release
from holdfast.control.projects.publishing import publish_file
from holdfast.control.publication.documents import record_of
from holdfast.control.publication.drafts import Draft, Drafts
from holdfast.control.publication.fsck import check
from holdfast.control.publication.publisher import store_card
from holdfast.control.publication.rebuild import rebuild
from holdfast.core.simple_json import renderer
from holdfast.tree import addresses
from holdfast.tree.record import encode_record
from holdfast.tree.rendered import FILES_MIN, render_pages

BYTES = b"of every file that was there"
DIGEST = sha256(BYTES).hexdigest()
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def large_project(instance: Instance, name: str = "demo") -> None:
    """A project with a page that a publisher renders, and all that lies in the store for its files."""
    stored_upload(instance, name, "1.0")
    project = Project.objects.get(index="main", name=name)
    release = Release.objects.create(project=project, version="0.1", created=NOW)
    names = [f"{name}-0.1-{number}-py3-none-any.whl" for number in range(FILES_MIN)]
    facts = {"sha256": DIGEST, "size": len(BYTES), "packagetype": "bdist_wheel", "metadata_sha256": DIGEST}
    File.objects.bulk_create(
        File(project=project, release=release, filename=filename, upload_time=NOW, **facts) for filename in names
    )
    FilenameBinding.objects.bulk_create(
        FilenameBinding(index="main", filename=filename, sha256=DIGEST, project=name, created=NOW) for filename in names
    )
    instance.store.put(addresses.blob(DIGEST), BYTES)
    for filename in names:
        store_card(instance.store, "main", name, filename, DIGEST)
    stored_upload(instance, name, "1.1")


def demand_fresh_documents(instance: Instance, name: str = "demo") -> None:
    """What is stored of the project is what would be made of its rows by whoever remembers nothing."""
    record = record_of(Project.objects.get(index="main", name=name))
    encoded = encode_record(record)
    entry = instance.reader().find("main", name)
    assert entry is not None and (encoded.digest, record.status) == (entry.record, entry.status)
    assert encoded.stored_bytes == instance.store.get(addresses.record("main", name, encoded.digest))
    base = instance.config.index_url("main")
    pages = render_pages(record, base)
    assert len(pages) == (4 if len(record.files) >= FILES_MIN else 0)
    for representation, body in pages.items():
        assert body == instance.store.get(addresses.rendered(renderer(base), encoded.digest, representation))


def test_documents_are_those_made_anew_after_every_deed(sqlite_instance: Instance):
    instance, where = sqlite_instance, (sqlite_instance.publisher, "main", "demo")
    large_project(instance)
    removed = stored_upload(instance, "demo", "0.2")
    wheel = "demo-0.1-7-py3-none-any.whl"
    deeds: list[Callable[[], object]] = [
        lambda: actions.yank_release(*where, "1.0", 'broken <b>"build"</b>', ALICE, deadline=soon()),
        lambda: actions.yank_file(*where, wheel, "", ALICE, deadline=soon()),
        lambda: actions.unyank_release(*where, "1.0", ALICE, deadline=soon()),
        lambda: actions.set_status(*where, "deprecated", "use other", ALICE, deadline=soon()),
        lambda: quarantine_project(*where, "looks odd", OPERATOR, deadline=soon()),
        lambda: actions.delete_file(*where, "demo-1.1.tar.gz", ALICE, deadline=soon()),
        lambda: release_project(*where, OPERATOR, deadline=soon()),
        lambda: actions.remove_bytes(instance.publisher, (removed,), "malware", False, OPERATOR, deadline=soon()),
        lambda: stored_upload(instance, "demo", "0.0.1"),
        lambda: stored_upload(instance, "demo", "3.0"),
        lambda: actions.unyank_file(*where, wheel, ALICE, deadline=soon()),
        lambda: actions.set_status(*where, "active", "", ALICE, deadline=soon()),
    ]

    for deed in deeds:
        deed()
        demand_fresh_documents(instance)
    another = instance.another_publisher()
    publish_file(another, "main", new_file("demo", "3.1", DIGEST, metadata_sha256=DIGEST), ALICE, deadline=soon())
    demand_fresh_documents(instance)  # of a process that remembers what was before
    stored_upload(instance, "demo", "3.2")
    demand_fresh_documents(instance)

    assert 0 == check(instance.config, repair=True, deep=True, say=print).findings
    empty_database(instance)
    rebuild(instance.config, instance.store, SystemClock())
    assert 0 == check(instance.config, repair=False, deep=True, say=print).findings
    demand_fresh_documents(instance)


def test_one_more_file_has_that_file_alone_read_and_written(sqlite_instance: Instance):
    large_project(sqlite_instance)
    called: Counter[str] = Counter()

    def noting(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            called[frame.f_code.co_qualname] += 1

    sys.setprofile(noting)
    try:
        sqlite_instance.upload("demo", "1.2")
    finally:
        sys.setprofile(None)

    assert {"_file": 2, "_wire_file": 1, "_anchor": 1} == {  # one `_file` reads the row, one writes the JSON page's
        name: called[name] for name in ("_file", "_wire_file", "_anchor")
    }


def read(draft: Draft, count: int) -> None:
    """Read as many rows with it."""
    texts = (f"demo-{number}.whl" for number in range(count))
    draft.reading.files(
        [(text, DIGEST, 1, "1.0", "sdist", "", "2026-01-01", "", 0, "", "", "", "", "") for text in texts]
    )


def test_a_large_project_that_became_small_and_the_oldest_beyond_the_bound_are_forgotten():
    drafts = Drafts(bytes_max=FILES_MIN * 4000)
    for name, count in (("one", FILES_MIN), ("two", FILES_MIN), ("small", FILES_MIN - 1), ("three", FILES_MIN)):
        draft = drafts.of("main", name)
        read(draft, count)
        drafts.keep("main", name, draft)
    assert [("main", "two"), ("main", "three")] == drafts.places()

    drafts.keep("main", "two", drafts.of("main", "two"))
    assert [("main", "three"), ("main", "two")] == drafts.places()

    draft = drafts.of("main", "three")
    read(draft, 3)
    drafts.keep("main", "three", draft)
    assert [("main", "two")] == drafts.places()

    draft = drafts.of("team", "huge")
    read(draft, 3 * FILES_MIN)
    drafts.keep("team", "huge", draft)
    assert [("main", "two")] == drafts.places()
