"""Promoting a release from one hosted index to another: same bytes, whole or nothing, with the rights of both."""

import hashlib
from datetime import timedelta

import wheels
from doors import Door, FakeUpstreams
from instances import Instance, Scopes, operator, soon
from staged import MAIN, NAMES, RELEASE, SDIST, STAGING, WHEEL, filenames, record, staged, to_main, uploader

from holdfast.clock import SystemClock
from holdfast.config import IndexConfig, UpstreamConfig
from holdfast.control.projects import actions, standing
from holdfast.control.projects.models import File, Project, Release, Role
from holdfast.control.publication.transaction import current_serial
from holdfast.control.publication.upkeep import expire_deleted, sweep
from holdfast.tree import addresses

CLOCK = SystemClock()


def yank(instance: Instance, index: str, filename: str) -> None:
    actions.yank_file(instance.publisher, index, "demo-pkg", filename, "broken", operator(), deadline=soon())


def test_a_release_is_listed_in_the_other_index_with_the_same_digests_and_no_new_bytes(instance: Instance):
    door, alice = staged(instance)
    blobs = [info.key for info in instance.store.list(addresses.BLOB_PREFIX)]
    serial = current_serial()

    answer = to_main(door, alice)

    assert answer.status == 200
    document = answer.json()
    files = document.pop("files")
    assert document == {
        "project": "demo-pkg", "version": "1.0", "from": "staging", "to": "main", "dry_run": False, "existing": False,
        "serial": serial + 1,
    }  # fmt: skip
    assert [(file["filename"], file["existing"]) for file in files] == [(name, False) for name in NAMES]
    there, here = record(instance, "staging"), record(instance, "main")
    assert there is not None and here is not None
    for old, new in zip(there.files, here.files, strict=True):
        assert (new.filename, new.sha256, new.size, new.metadata_sha256, new.md5, new.blake2b_256) == (
            old.filename, old.sha256, old.size, old.metadata_sha256, old.md5, old.blake2b_256,
        )  # fmt: skip
        assert (new.requires_python, new.python_version) == (old.requires_python, old.python_version)
    assert blobs == [info.key for info in instance.store.list(addresses.BLOB_PREFIX)]
    assert instance.reader().card("main", hashlib.sha256(WHEEL[1]).hexdigest(), WHEEL[0]).project == "demo-pkg"


def test_its_upload_time_is_that_of_the_promotion(sqlite_instance: Instance):
    """What readers of the other index could get at a past date must not change afterwards."""
    door, alice = staged(sqlite_instance)
    old = CLOCK.now() - timedelta(days=30)
    File.objects.update(upload_time=old)

    before = CLOCK.now()
    to_main(door, alice)

    times = dict(File.objects.filter(filename=WHEEL[0]).values_list("project__index", "upload_time"))
    assert times["staging"] == old
    assert before <= times["main"] <= CLOCK.now()


def test_again_is_fine_and_changes_nothing(instance: Instance):
    door, alice = staged(instance)
    first = to_main(door, alice).json()

    again = to_main(door, alice)

    assert (again.status, again.json()["existing"], again.json()["serial"]) == (200, True, first["serial"])
    assert current_serial() == first["serial"]


def test_what_came_to_the_release_later_is_added_by_the_next_promotion(sqlite_instance: Instance):
    door, alice = staged(sqlite_instance)
    to_main(door, alice)
    late = wheels.wheel("demo-pkg", "1.0", tags=["py2-none-any"])
    door.upload(wheels.twine_body(*late), alice, "/staging/legacy/")

    files = to_main(door, alice).json()["files"]

    assert {file["filename"]: file["existing"] for file in files} == {late[0]: False, WHEEL[0]: True, SDIST[0]: True}
    assert late[0] in filenames(sqlite_instance, "main")


def test_a_dry_run_tells_the_same_and_does_nothing(instance: Instance):
    door, alice = staged(instance)
    serial = current_serial()

    told = to_main(door, alice, dry_run=True).json()

    assert (told["dry_run"], told["existing"], told["serial"], len(told["files"])) == (True, False, 0, 2)
    assert (current_serial(), Project.objects.filter(index="main").count()) == (serial, 0)
    assert to_main(door, alice).json()["files"] == told["files"]


def test_yanked_files_arrive_yanked_and_a_yanked_release_stays_one(sqlite_instance: Instance):
    door, alice = staged(sqlite_instance)
    yank(sqlite_instance, "staging", WHEEL[0])
    to_main(door, alice)
    publisher = sqlite_instance.publisher
    door.upload(wheels.twine_body(*wheels.wheel("demo-pkg", "2.0")), alice, "/staging/legacy/")
    actions.yank_release(publisher, "staging", "demo-pkg", "2.0", "too new", operator(), deadline=soon())

    door.api("POST", "projects/staging/demo-pkg/releases/2.0/promote", alice, {"to": "main"})

    found = File.objects.filter(project__index="main").order_by("filename")
    assert list(found.values_list("yanked", "yanked_reason")) == [(True, "broken"), (False, ""), (True, "too new")]
    assert list(Release.objects.filter(project__index="main").values_list("version", "yanked")) == [
        ("1.0", False),
        ("2.0", True),
    ]


def test_a_yank_in_the_other_index_is_its_own_affair(sqlite_instance: Instance):
    door, alice = staged(sqlite_instance)
    to_main(door, alice)
    yank(sqlite_instance, "main", WHEEL[0])

    assert to_main(door, alice).json()["existing"] is True
    assert File.objects.get(project__index="main", filename=WHEEL[0]).yanked
    assert not File.objects.get(project__index="staging", filename=WHEEL[0]).yanked


def test_deleting_the_release_where_it_came_from_leaves_the_promoted_one_whole(instance: Instance):
    door, alice = staged(instance)
    to_main(door, alice)
    actions.delete_project(instance.publisher, "staging", "demo-pkg", operator(), deadline=soon())
    File.objects.filter(project__index="staging").update(deleted=CLOCK.now() - timedelta(days=400))

    expire_deleted(instance.config, CLOCK)
    sweep(instance.config, instance.store, CLOCK)

    assert instance.store.get(addresses.blob(hashlib.sha256(WHEEL[1]).hexdigest())) == WHEEL[1]
    assert filenames(instance, "main") == NAMES


# What is refused. Nothing is changed then.


def test_other_bytes_under_a_filename_are_refused_by_its_name_and_nothing_is_promoted(instance: Instance):
    door, alice = staged(instance)
    door.upload(wheels.twine_body(WHEEL[0], wheels.wheel("demo-pkg", "1.0", size=9)[1]), alice)
    serial = current_serial()

    answer = to_main(door, alice)

    assert answer.status == 400
    assert f"File already exists ({WHEEL[0]!r}" in answer.json()["detail"]
    assert SDIST[0] not in answer.json()["detail"]
    assert current_serial() == serial
    assert filenames(instance, "main") == [WHEEL[0]]


def test_a_file_that_was_deleted_in_the_other_index_does_not_come_back(sqlite_instance: Instance):
    door, alice = staged(sqlite_instance)
    to_main(door, alice)
    actions.delete_file(sqlite_instance.publisher, "main", "demo-pkg", WHEEL[0], operator(), deadline=soon())

    answer = to_main(door, alice)

    assert answer.status == 400
    assert f"File already exists in the history of this index: {WHEEL[0]!r}" in answer.json()["detail"]
    assert filenames(sqlite_instance, "main") == [SDIST[0]]


def test_bytes_that_were_taken_down_are_not_promoted(sqlite_instance: Instance):
    door, alice = staged(sqlite_instance)
    digests = [hashlib.sha256(data).hexdigest() for _, data in (WHEEL, SDIST)]
    publisher = sqlite_instance.publisher
    actions.remove_bytes(publisher, (digests[0],), "a key inside", False, operator(), deadline=soon())
    rest = to_main(door, alice, dry_run=True)
    actions.remove_bytes(publisher, (digests[1],), "a key inside", False, operator(), deadline=soon())

    answer = to_main(door, alice)

    assert [file["filename"] for file in rest.json()["files"]] == [SDIST[0]]
    assert (answer.status, answer.json()["detail"]) == (410, "these bytes were taken down: a key inside")
    assert filenames(sqlite_instance, "main") == []


def test_bytes_that_the_store_lost_are_not_listed_anew(sqlite_instance: Instance):
    door, alice = staged(sqlite_instance)
    sqlite_instance.store.delete(addresses.blob(hashlib.sha256(WHEEL[1]).hexdigest()))

    answer = to_main(door, alice)

    assert answer.status == 503
    assert f"the bytes of {WHEEL[0]} are missing from the store" in answer.json()["detail"]
    assert filenames(sqlite_instance, "main") == []


def test_a_quarantined_project_is_not_promoted(sqlite_instance: Instance):
    door, alice = staged(sqlite_instance)
    publisher = sqlite_instance.publisher
    actions.set_status(publisher, "staging", "demo-pkg", "quarantined", "malware?", operator(), deadline=soon())

    assert to_main(door, alice).status == 400
    assert filenames(sqlite_instance, "main") == []


NOWHERE = [
    ("projects/staging/nobody/releases/1.0", "main", 404, "no project 'nobody' in index 'staging'"),
    ("projects/staging/demo-pkg/releases/9.9", "main", 404, "no release '9.9' of 'demo-pkg' in index 'staging'"),
    ("projects/nowhere/demo-pkg/releases/1.0", "main", 404, "there is no index nowhere"),
    (RELEASE, "nowhere", 404, "there is no index nowhere"),
    (RELEASE, "staging", 400, "a release is promoted from one index to another, not from 'staging' to itself"),
    ("projects/upper/demo-pkg/releases/1.0", "main", 400, "'upper' is an upstream"),
]


def test_what_there_is_not_is_named(sqlite_instance: Instance):
    _, alice = staged(sqlite_instance)
    upper = UpstreamConfig("upper", "https://upper.example/simple/")
    door = Door(sqlite_instance).among(MAIN, STAGING, upstreams=[upper])

    for release, target, status, words in NOWHERE:
        answer = door.api("POST", f"{release}/promote", alice, {"to": target})

        assert (answer.status, answer.json()["detail"][: len(words)]) == (status, words)


def test_a_promotion_needs_the_right_to_upload_there_and_to_read_here(sqlite_instance: Instance):
    door, _ = staged(sqlite_instance, MAIN, IndexConfig("staging", private=True))
    cases = {
        "nothing": Scopes(), "reads here": Scopes(read=("staging",)), "uploads there": uploader("main"),
        "uploads here": uploader("staging"),
    }  # fmt: skip

    for user, scopes in cases.items():
        assert to_main(door, door.token(user.replace(" ", "-"), scopes)).status == 403, user

    assert not Project.objects.filter(index="main").exists()
    both = Scopes(read=("staging",), upload=("main",), create_projects=True)
    assert to_main(door, door.token("promoter", both)).status == 200
    roles = Role.objects.values_list("project__index", "user__username", "role")
    assert sorted(roles) == [("main", "promoter", "owner"), ("staging", "alice", "owner")]


def test_an_outsider_does_not_promote_into_somebody_elses_project(sqlite_instance: Instance):
    door, _ = staged(sqlite_instance)
    door.upload(wheels.twine_body(*wheels.wheel("demo-pkg", "0.1")), door.token("carol", uploader("main")))

    answer = to_main(door, door.token("bob", uploader("main", "staging")))

    assert answer.status == 403
    assert "'bob' is not owner or maintainer of 'demo-pkg' in index 'main'" in answer.json()["detail"]


def test_a_public_index_may_be_promoted_from_by_whoever_may_upload_to_the_other(sqlite_instance: Instance):
    door, _ = staged(sqlite_instance)

    assert to_main(door, door.token("bob", uploader("main"))).status == 200


def test_a_name_that_a_layer_below_has_needs_a_grant_as_an_upload_does(sqlite_instance: Instance):
    upstreams = FakeUpstreams()
    layered = IndexConfig("main", layers=("upper",))
    door, alice = staged(sqlite_instance, layered, STAGING, upstreams=upstreams)
    upstreams.down = True
    unknown = to_main(door, alice)
    upstreams.down, upstreams.projects = False, {"upper/demo-pkg"}

    refused = to_main(door, alice, dry_run=True)
    standing.grant_shadow(sqlite_instance.publisher, "main", "demo-pkg", operator(), deadline=soon())

    assert (unknown.status, refused.status) == (503, 403)
    assert to_main(door, alice).status == 200


def test_a_promotion_to_a_view_lands_where_its_uploads_do(sqlite_instance: Instance):
    door, alice = staged(sqlite_instance, MAIN, STAGING, IndexConfig("all", layers=("main",), upload_to="main"))

    answer = door.api("POST", f"{RELEASE}/promote", alice, {"to": "all"})

    assert (answer.status, answer.json()["to"]) == (200, "main")
    assert filenames(sqlite_instance, "main") == NAMES
