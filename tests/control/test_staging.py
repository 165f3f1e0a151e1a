"""Publishing sessions: files are staged one by one and published all at once, or never."""

import hashlib

import wheels
from django.db.models import F
from doors import Door, FakeUpstreams
from instances import Instance, Scopes, operator, soon
from sessions import (
    NAMES,
    OTHER,
    RELEASE,
    SDIST,
    WHEEL,
    ask,
    filenames,
    opened,
    preview_of,
    read,
    record,
    stage,
    staged,
    traces,
)

from holdfast.clock import SystemClock
from holdfast.config import IndexConfig
from holdfast.control.projects import actions
from holdfast.control.projects.models import Intent, Project, Role
from holdfast.control.publication.models import Event
from holdfast.control.publication.transaction import current_serial
from holdfast.control.publication.upkeep import sweep
from holdfast.control.staging.models import StagedFile, StagingSession
from holdfast.tree import addresses

CLOCK = SystemClock()


def blobs(instance: Instance) -> set[str]:
    return {info.key for info in instance.store.list(addresses.BLOB_PREFIX)}


def test_nothing_is_visible_before_publication_and_everything_afterwards_under_one_serial(instance: Instance):
    door = Door(instance)
    alice = door.token("alice")
    before = traces()
    session = opened(door, alice)
    for made in (WHEEL, SDIST):
        assert stage(door, alice, session, made).status == 200
    assert (traces(), filenames(instance)) == (before, [])

    answer = ask(door, alice, session, "POST", "publish")

    assert answer.status == 200
    assert answer.json()["serial"] == before[0] + 1 == current_serial()
    assert [(file["filename"], file["existing"]) for file in answer.json()["files"]] == [(n, False) for n in NAMES]
    found = record(instance)
    assert found is not None and found.serial == current_serial()
    assert [(file.filename, file.sha256, file.requires_python) for file in found.files] == [
        (made[0], hashlib.sha256(made[1]).hexdigest(), python) for made, python in ((WHEEL, ">=3.9"), (SDIST, ""))
    ]
    kinds = [change["kind"] for change in Event.objects.get(serial=current_serial()).changes]
    assert kinds == ["project", "file-added", "file-added"]
    assert list(Role.objects.values_list("user__username", "role")) == [("alice", "owner")]


def test_a_session_tells_what_it_is_and_what_it_has(sqlite_instance: Instance):
    door, alice, session = staged(sqlite_instance)

    document = ask(door, alice, session).json()

    url = f"{door.parts.config.base_url}/api/sessions/main/{session}"
    links, files = document.pop("links"), document.pop("files")
    lives = [document.pop(field) for field in ("created", "expires_at")]
    assert document == {
        "session": session, "index": "main", "name": "demo-pkg", "version": "1.0", "status": "open", "notices": [],
        "serial": 0, "url": url,
    }  # fmt: skip
    assert [(file["filename"], file["status"]) for file in files] == [(name, "completed") for name in NAMES]
    token = StagingSession.objects.get().preview_token
    assert links == {
        "session": url, "files": f"{url}/files", "publish": f"{url}/publish", "extend": f"{url}/extend",
        "preview": f"{door.parts.config.base_url}/@preview/{token}/simple/",
    }  # fmt: skip
    assert len(token) == 43
    assert lives[0] < lives[1]


def test_publishing_again_answers_as_before(sqlite_instance: Instance):
    door, alice, session = staged(sqlite_instance)
    first = ask(door, alice, session, "POST", "publish").json()

    again = ask(door, alice, session, "POST", "publish")

    assert (again.status, again.json()["serial"]) == (200, first["serial"])
    assert current_serial() == first["serial"]
    assert ask(door, alice, session).json()["status"] == "published"
    assert ask(door, alice, session, "DELETE").status == 409


def test_a_dry_run_says_whether_it_would_work_and_does_nothing(sqlite_instance: Instance):
    door, alice, session = staged(sqlite_instance)
    before = traces()

    answer = ask(door, alice, session, "POST", "publish", dry_run=True)

    assert (answer.status, answer.json()["serial"], len(answer.json()["files"])) == (200, 0, 2)
    assert (traces(), ask(door, alice, session).json()["status"]) == (before, "open")


def test_a_second_session_for_the_release_is_refused_with_the_address_of_the_first(sqlite_instance: Instance):
    door, alice, session = staged(sqlite_instance)

    second = door.api("POST", "sessions/main", alice, {"name": "demo_pkg", "version": "1.0.0"})

    assert (second.status, second.headers["location"]) == (409, ask(door, alice, session).json()["url"])
    assert second.headers["content-type"] == "application/problem+json"
    assert opened(door, alice, version="1.1") != session
    assert {one["version"] for one in door.api("GET", "sessions/main", alice).json()["sessions"]} == {"1.0", "1.1"}


def test_what_is_canceled_leaves_no_project_no_name_no_serial_no_preview_and_no_bytes(instance: Instance):
    door = Door(instance)
    alice, bob = door.token("alice"), door.token("bob")
    before = (*traces(), blobs(instance))
    session = opened(door, alice)
    stage(door, alice, session, WHEEL)
    url = ask(door, alice, session).json()["links"]["preview"]

    answer = ask(door, alice, session, "DELETE")
    sweep(instance.config, instance.store, CLOCK)

    assert (answer.status, answer.json()["status"], answer.json()["files"]) == (200, "canceled", [])
    assert (*traces(), blobs(instance)) == before
    assert read(door, url) is None
    assert not StagedFile.objects.exists() and not Intent.objects.exists()
    assert door.upload(wheels.twine_body(*WHEEL), bob).status == 200
    assert ask(door, alice, session, "POST", "publish").status == 403  # by now it is Bob's project


def test_a_new_name_is_reserved_for_whoever_opened_the_session(instance: Instance):
    door, _, session = staged(instance)
    bob = door.token("bob")

    refused = door.upload(wheels.twine_body(*WHEEL), bob)

    assert refused.status == 403
    assert "is reserved in index 'main' by somebody's staged release" in refused.text
    assert door.api("POST", "sessions/main", bob, RELEASE).status == 403  # 403 comes before 409
    assert ask(door, bob, session).status == 403
    assert ask(door, bob, session, "POST", "publish").status == 403
    assert door.api("GET", "sessions/main", bob).json() == {"sessions": []}
    assert not Project.objects.exists()


def test_rights_are_the_projects_and_not_the_opening_tokens(sqlite_instance: Instance):
    door = Door(sqlite_instance)
    alice, bob = door.token("alice"), door.token("bob")
    door.upload(wheels.twine_body(*wheels.wheel("demo-pkg", "0.1")), alice)
    door.api("PUT", "projects/main/demo-pkg/roles/bob", alice, {"role": "maintainer"})
    session = opened(door, alice)
    stage(door, alice, session, WHEEL)

    assert ask(door, door.token("carol"), session).status == 403
    assert ask(door, door.token("alice", Scopes(read=("main",))), session).status == 403
    assert ask(door, "", session).status == 401
    assert stage(door, bob, session, SDIST).status == 200
    assert ask(door, bob, session, "POST", "publish").status == 200
    assert filenames(sqlite_instance)[-2:] == NAMES


def test_staged_bytes_outlive_every_sweep_while_the_session_lives(sqlite_instance: Instance):
    door, alice, session = staged(sqlite_instance)
    kept = blobs(sqlite_instance)

    Intent.objects.update(lease_until=F("created"))
    sweep(sqlite_instance.config, sqlite_instance.store, CLOCK)

    assert blobs(sqlite_instance) == kept
    assert ask(door, alice, session, "POST", "publish").status == 200


def test_a_file_taken_out_is_gone_with_its_bytes_and_may_be_replaced(sqlite_instance: Instance):
    door, alice, session = staged(sqlite_instance)
    conflict = stage(door, alice, session, OTHER)

    answer = ask(door, alice, session, "DELETE", f"files/{WHEEL[0]}")
    sweep(sqlite_instance.config, sqlite_instance.store, CLOCK)

    assert (conflict.status, answer.status) == (409, 200)
    assert addresses.blob(hashlib.sha256(WHEEL[1]).hexdigest()) not in blobs(sqlite_instance)
    assert ask(door, alice, session, "DELETE", f"files/{WHEEL[0]}").status == 404
    assert stage(door, alice, session, OTHER).status == 200
    shown = preview_of(door, alice, session)
    assert shown is not None
    assert {f.sha256 for f in shown.staged().files} == {hashlib.sha256(d).hexdigest() for _, d in (OTHER, SDIST)}


def test_the_same_bytes_again_are_fine(sqlite_instance: Instance):
    door, alice, session = staged(sqlite_instance)

    again = stage(door, alice, session, WHEEL)

    assert (again.status, again.json()) == (200, {"filename": WHEEL[0], "existing": True, "notes": []})
    assert not Intent.objects.exists()


def test_all_problems_of_a_file_are_told_at_once_and_nothing_is_staged(sqlite_instance: Instance):
    door = Door(sqlite_instance)
    alice = door.token("alice")
    session = opened(door, alice)
    kept = blobs(sqlite_instance)

    answer = stage(door, alice, session, wheels.wheel("demo-pkg", "2.0"), sha256_digest="0" * 64)

    assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")
    assert [error["source"] for error in answer.json()["errors"]] == ["sha256_digest", "version"]
    assert "is not this session's version, 1.0" in answer.json()["errors"][1]["message"]
    assert (blobs(sqlite_instance), StagedFile.objects.count()) == (kept, 0)
    assert stage(door, alice, session, wheels.wheel("other", "1.0")).status == 400


def test_a_filename_that_is_taken_is_told_when_it_is_staged(sqlite_instance: Instance):
    door = Door(sqlite_instance)
    alice = door.token("alice")
    door.upload(wheels.twine_body(*OTHER), alice)

    answer = stage(door, alice, opened(door, alice), WHEEL)

    assert answer.status == 400
    assert f"File already exists ({WHEEL[0]!r}" in answer.json()["detail"]


def test_filenames_bound_meanwhile_refuse_all_and_are_each_named(instance: Instance):
    door, alice, session = staged(instance)
    changed = (SDIST[0], wheels.sdist("demo-pkg", "1.0", requires_python=">=3.8")[1])
    for made in (OTHER, changed):
        assert door.upload(wheels.twine_body(*made), alice).status == 200  # a staged file binds nothing
    before = traces()

    answer = ask(door, alice, session, "POST", "publish")

    assert answer.status == 409
    assert [error["source"] for error in answer.json()["errors"]] == NAMES
    assert traces() == before
    document = ask(door, alice, session).json()
    assert (document["status"], len(document["notices"])) == ("error", 2)
    for name in NAMES:
        ask(door, alice, session, "DELETE", f"files/{name}")
    late = wheels.wheel("demo-pkg", "1.0", tags=["py2-none-any"])
    assert stage(door, alice, session, late).status == 200
    assert ask(door, alice, session).json()["status"] == "open"
    assert ask(door, alice, session, "POST", "publish").status == 200
    assert sorted(filenames(instance)) == sorted([*NAMES, late[0]])


def test_the_same_bytes_uploaded_meanwhile_count_as_done(sqlite_instance: Instance):
    door, alice, session = staged(sqlite_instance)
    door.upload(wheels.twine_body(*WHEEL), alice)

    answer = ask(door, alice, session, "POST", "publish")

    assert {file["filename"]: file["existing"] for file in answer.json()["files"]} == {WHEEL[0]: True, SDIST[0]: False}
    assert filenames(sqlite_instance) == NAMES


def test_bytes_that_were_taken_down_are_not_published(sqlite_instance: Instance):
    door, alice, session = staged(sqlite_instance)
    digest = hashlib.sha256(WHEEL[1]).hexdigest()
    actions.remove_bytes(sqlite_instance.publisher, (digest,), "a key inside", False, operator(), deadline=soon())
    sweep(sqlite_instance.config, sqlite_instance.store, CLOCK)

    answer = ask(door, alice, session, "POST", "publish")

    assert answer.status == 409
    assert answer.json()["errors"] == [
        {"source": WHEEL[0], "message": f"{WHEEL[0]}: these bytes were taken down: a key inside"}
    ]
    assert filenames(sqlite_instance) == []


def test_a_session_without_files_is_not_published(sqlite_instance: Instance):
    door = Door(sqlite_instance)
    alice = door.token("alice")

    assert ask(door, alice, opened(door, alice), "POST", "publish").status == 409


def test_a_name_that_a_layer_below_has_is_refused_when_the_session_is_opened_and_again_when_published(
    sqlite_instance: Instance,
):
    upstreams = FakeUpstreams()
    door = Door(sqlite_instance, upstreams=upstreams).layered("upper")
    alice = door.token("alice")
    session = opened(door, alice)
    stage(door, alice, session, WHEEL)
    upstreams.projects = {"upper/demo-pkg", "upper/taken"}

    assert ask(door, alice, session, "POST", "publish").status == 403
    assert door.api("POST", "sessions/main", alice, {"name": "taken", "version": "1"}).status == 403
    assert filenames(sqlite_instance) == []


def test_a_session_opened_at_a_view_lands_where_its_uploads_do(sqlite_instance: Instance):
    door = Door(sqlite_instance).among(IndexConfig("main"), IndexConfig("all", layers=("main",), upload_to="main"))
    alice = door.token("alice")

    answer = door.api("POST", "sessions/all", alice, RELEASE)

    assert (answer.status, answer.json()["index"]) == (201, "main")


WRONG = [
    ("sessions/main", {"name": "demo"}, 400),
    ("sessions/main", {"name": "-", "version": "1"}, 400),
    ("sessions/main", {"name": "demo", "version": "one"}, 400),
    ("sessions/main", {"name": "demo", "version": "1", "more": 1}, 400),
    ("sessions/main", {"name": "os", "version": "1"}, 400),
    ("sessions/nowhere", {"name": "demo", "version": "1"}, 404),
    ("sessions/main/0123456789abcdef/publish", {}, 404),
]


def test_what_cannot_be_is_refused_and_leaves_nothing(sqlite_instance: Instance):
    door = Door(sqlite_instance)
    alice = door.token("alice")

    for path, document, status in WRONG:
        assert door.api("POST", path, alice, document).status == status, path

    assert not StagingSession.objects.exists()
