"""Several hosted indexes in one instance: where uploads land, whose rights count, and which names are taken below."""

import hashlib

import pytest
import wheels
from doors import Door, FakeUpstreams
from instances import Instance, Scopes, operator, soon

from holdfast.config import IndexConfig, UpstreamConfig
from holdfast.control.projects import actions, standing
from holdfast.control.projects.models import File, Project, Role

WHEEL = wheels.wheel("demo-pkg", "1.0")
OTHER_BYTES = (WHEEL[0], wheels.wheel("demo-pkg", "1.0", size=9)[1])
BODY = wheels.twine_body(*WHEEL)

MAIN, TRIAL, VAULT = IndexConfig("main"), IndexConfig("trial"), IndexConfig("vault", private=True)


def uploader(*indexes: str) -> Scopes:
    return Scopes(read=indexes, upload=indexes, create_projects=True)


def places() -> list[tuple[str, str]]:
    return sorted(Project.objects.values_list("index", "name"))


# Views: an index whose uploads land in another.


def test_what_is_sent_to_a_view_lands_in_the_index_it_names_and_the_answer_says_so(instance: Instance):
    view = IndexConfig("all", layers=("main",), upload_to="main")
    door = Door(instance).among(MAIN, view)
    token = door.token(scopes=uploader("main"))

    answer = door.upload(BODY, token, "/all/legacy/")
    again = door.upload(BODY, token, "/all/legacy")

    assert (answer.status, answer.text) == (200, f"{WHEEL[0]} is published in index main.\n")
    assert (again.status, again.text) == (200, f"{WHEEL[0]} was already there in index main with the same bytes.\n")
    assert places() == [("main", "demo-pkg")]
    reader = instance.reader()
    assert reader.find("main", "demo-pkg") is not None
    assert reader.find("all", "demo-pkg") is None


def test_rights_are_those_of_the_index_that_takes_the_upload(sqlite_instance: Instance):
    door = Door(sqlite_instance).among(MAIN, IndexConfig("all", layers=("main",), upload_to="main"))

    answer = door.upload(BODY, door.token(scopes=uploader("all")), "/all/legacy/")

    assert answer.status == 403
    assert answer.text == "this token may not upload to index main, which takes the uploads of index all\n"
    assert places() == []


def test_a_name_sent_to_a_view_is_held_to_the_layers_of_both(sqlite_instance: Instance):
    """The view shows main before the upstream: a new name in main would replace the upstream's for its readers."""
    view = IndexConfig("all", layers=("main", "upper"), upload_to="main")
    upstreams = FakeUpstreams("upper/demo-pkg")
    door = Door(sqlite_instance, upstreams=upstreams).among(MAIN, view, upstreams=[upstream("upper")])
    token = door.token(scopes=uploader("main"))

    through = door.upload(BODY, token, "/all/legacy/")
    straight = door.upload(BODY, token, "/main/legacy/")

    assert through.status == straight.status == 403
    assert "demo-pkg exists in upper, which index all passes on" in through.text
    assert "`holdfast project shadow demo-pkg`" in straight.text


# Rights, owners and filenames are per index.


@pytest.mark.parametrize(("held", "address", "status"), [
    ("main", "/legacy/", 200), ("main", "/trial/legacy/", 403), ("main", "/vault/legacy/", 403),
    ("trial", "/legacy/", 403), ("trial", "/trial/legacy/", 200), ("vault", "/vault/legacy/", 200),
    ("vault", "/legacy/", 403),
])  # fmt: skip
def test_a_token_uploads_to_the_indexes_it_names_and_to_no_other(sqlite_instance: Instance, held, address, status):
    door = Door(sqlite_instance).among(MAIN, TRIAL, VAULT)

    assert door.upload(BODY, door.token(scopes=uploader(held)), address).status == status


def test_everybody_may_try_things_out_in_the_test_index_and_gains_nothing_in_main(instance: Instance):
    door = Door(instance).among(MAIN, TRIAL)
    alice, bob = door.token("alice", uploader("main", "trial")), door.token("bob", uploader("trial"))
    assert door.upload(BODY, alice).status == 200
    assert door.upload(wheels.twine_body(*OTHER_BYTES), bob, "/trial/legacy/").status == 200

    yanked = door.api("POST", "projects/main/demo-pkg/releases/1.0/yank", bob)
    deleted = door.api("DELETE", "projects/main/demo-pkg", bob)
    shown = door.api("GET", "projects/main/demo-pkg", bob)
    onwards = door.upload(wheels.twine_body(*wheels.wheel("demo-pkg", "2.0")), bob)

    assert [answer.status for answer in (yanked, deleted, shown, onwards)] == [403, 403, 403, 403]
    roles = Role.objects.values_list("project__index", "user__username", "role")
    assert sorted(roles) == [("main", "alice", "owner"), ("trial", "bob", "owner")]


def test_an_owner_in_one_index_is_nobody_in_the_other_also_with_a_token_for_both(sqlite_instance: Instance):
    door = Door(sqlite_instance).among(MAIN, TRIAL)
    alice, bob = (door.token(name, uploader("main", "trial")) for name in ("alice", "bob"))
    door.upload(BODY, alice)
    door.upload(BODY, bob, "/trial/legacy/")

    assert door.upload(wheels.twine_body(*wheels.wheel("demo-pkg", "2.0")), bob).status == 403
    assert door.upload(wheels.twine_body(*wheels.wheel("demo-pkg", "2.0")), alice, "/trial/legacy/").status == 403
    assert door.api("POST", "projects/trial/demo-pkg/releases/1.0/yank", alice).status == 403
    assert door.api("POST", "projects/trial/demo-pkg/releases/1.0/yank", bob).status == 200
    assert list(File.objects.filter(project__index="main").values_list("yanked", flat=True)) == [False]


def test_a_filename_is_bound_to_its_bytes_in_each_index_by_itself(instance: Instance):
    door = Door(instance).among(MAIN, TRIAL)
    token = door.token(scopes=uploader("main", "trial"))

    first = door.upload(BODY, token)
    beside = door.upload(wheels.twine_body(*OTHER_BYTES), token, "/trial/legacy/")
    clash = door.upload(wheels.twine_body(*OTHER_BYTES), token)

    assert (first.status, beside.status, clash.status) == (200, 200, 400)
    digests = dict(File.objects.values_list("project__index", "sha256"))
    assert digests == {
        "main": hashlib.sha256(WHEEL[1]).hexdigest(),
        "trial": hashlib.sha256(OTHER_BYTES[1]).hexdigest(),
    }


def test_a_private_index_is_read_and_written_by_its_own_tokens_alone(sqlite_instance: Instance):
    door = Door(sqlite_instance).among(MAIN, VAULT)
    insider, outsider = door.token("alice", uploader("vault")), door.token("bob", uploader("main"))
    assert door.upload(BODY, insider, "/vault/legacy/").status == 200

    there, not_there = (door.api("GET", f"projects/vault/{name}", outsider) for name in ("demo-pkg", "nobody"))

    assert door.api("GET", "projects/vault/demo-pkg", insider).status == 200
    assert (there.status, not_there.status) == (403, 403)
    assert there.json()["detail"].replace("demo-pkg", "nobody") == not_there.json()["detail"]


def test_a_token_for_a_view_must_name_the_index_that_takes_its_uploads(sqlite_instance: Instance):
    door = Door(sqlite_instance).among(MAIN, IndexConfig("all", layers=("main",), upload_to="main"))
    root = door.token("root", Scopes(("*",), ("*",), (), True, True))

    refused = door.api("POST", "tokens", root, {"name": "ci", "read": ["all"], "upload": ["all"]})
    made = door.api("POST", "tokens", root, {"name": "ci", "read": ["all"], "upload": ["main"]})

    assert refused.status == 400
    assert refused.json()["detail"] == "uploads to index 'all' land in 'main': name that one"
    assert door.upload(BODY, made.json()["token"], "/all/legacy/").status == 200


# Names that layers below have.


def upstream(name: str, **patterns: tuple[str, ...]) -> UpstreamConfig:
    return UpstreamConfig(name, f"https://{name}.example/simple/", **patterns)


DEV = IndexConfig("dev", layers=("main", "upper"))


def test_a_name_that_a_hosted_layer_owns_needs_a_grant_also_when_it_is_deleted(instance: Instance):
    upstreams = FakeUpstreams()
    door = Door(instance, upstreams=upstreams).among(MAIN, DEV, upstreams=[upstream("upper")])
    token = door.token(scopes=uploader("main", "dev"))
    assert door.upload(BODY, token).status == 200
    upstreams.asked.clear()

    listed = door.upload(BODY, token, "/dev/legacy/")
    actions.delete_project(instance.publisher, "main", "demo-pkg", operator(), deadline=soon())
    deleted = door.upload(BODY, token, "/dev/legacy/")

    assert (listed.status, deleted.status) == (403, 403)
    assert "demo-pkg belongs to main, which index dev passes on" in listed.text
    assert "`holdfast project shadow demo-pkg --index dev`" in listed.text
    assert upstreams.asked == []  # the database had answered
    standing.grant_shadow(instance.publisher, "dev", "demo-pkg", operator(), deadline=soon())
    assert door.upload(BODY, token, "/dev/legacy/").status == 200


def test_a_name_that_a_hosted_layer_reserves_belongs_to_it_before_its_first_upload(sqlite_instance: Instance):
    upstreams = FakeUpstreams(down=True)
    main = IndexConfig("main", layers=("upper",), reserved=("demo-*",))
    door = Door(sqlite_instance, upstreams=upstreams).among(main, DEV, upstreams=[upstream("upper")])
    token = door.token(scopes=uploader("main", "dev"))

    above = door.upload(BODY, token, "/dev/legacy/")
    there = door.upload(BODY, token)

    assert (above.status, there.status, upstreams.asked) == (403, 200, [])
    assert "demo-pkg belongs to main" in above.text


def test_a_released_name_of_a_hosted_layer_is_free(sqlite_instance: Instance):
    door = Door(sqlite_instance).among(MAIN, DEV, upstreams=[upstream("upper")])
    token = door.token(scopes=uploader("main", "dev"))
    door.upload(BODY, token)
    publisher = sqlite_instance.publisher
    actions.delete_project(publisher, "main", "demo-pkg", operator(), deadline=soon())
    standing.release_name(publisher, "main", "demo-pkg", operator(), deadline=soon())

    assert door.upload(BODY, token, "/dev/legacy/").status == 200


def test_only_upstreams_that_are_asked_for_such_names_count(sqlite_instance: Instance):
    upstreams = FakeUpstreams("torches/demo-pkg", "others/demo-pkg")
    index = IndexConfig("main", layers=("torches", "others", "rest"))
    configured = [upstream("torches", only=("torch*",)), upstream("others", except_=("demo-*",)), upstream("rest")]
    door = Door(sqlite_instance, upstreams=upstreams).among(index, upstreams=configured)

    assert door.upload(BODY, door.token()).status == 200
    assert upstreams.asked == ["rest/demo-pkg"]


def test_each_of_several_upstreams_is_asked_until_one_has_the_name(sqlite_instance: Instance):
    upstreams = FakeUpstreams("second/demo-pkg")
    index = IndexConfig("main", layers=("first", "second"))
    door = Door(sqlite_instance, upstreams=upstreams).among(index, upstreams=[upstream("first"), upstream("second")])

    answer = door.upload(BODY, door.token())

    assert (answer.status, upstreams.asked) == (403, ["first/demo-pkg", "second/demo-pkg"])
    assert "demo-pkg exists in second" in answer.text


def test_a_layer_that_cannot_be_asked_holds_a_new_name_up_and_a_merged_one_not(sqlite_instance: Instance):
    index = IndexConfig("dev", layers=("main", "upper"), merge=("demo-pkg",))
    door = Door(sqlite_instance, upstreams=FakeUpstreams(down=True)).among(MAIN, index, upstreams=[upstream("upper")])
    token = door.token(scopes=uploader("main", "dev"))
    straight = door.upload(BODY, token)

    merged = door.upload(BODY, token, "/dev/legacy/")
    other = door.upload(wheels.twine_body(*wheels.wheel("other", "1.0")), token, "/dev/legacy/")

    assert (straight.status, merged.status, other.status) == (200, 200, 503)
    assert other.headers["retry-after"] == "10"
    assert places() == [("dev", "demo-pkg"), ("main", "demo-pkg")]


def test_a_name_new_to_a_layer_is_held_to_the_layers_below_it_in_every_index_that_has_it(sqlite_instance: Instance):
    """`main` has no layers of its own; `dev` shows it before `upper`."""
    door = Door(sqlite_instance, upstreams=FakeUpstreams("upper/demo-pkg"))
    door.among(MAIN, DEV, upstreams=[upstream("upper")])
    token = door.token()

    refused = door.upload(BODY, token)
    standing.grant_shadow(sqlite_instance.publisher, "main", "demo-pkg", operator(), deadline=soon())

    assert refused.status == 403
    assert "`holdfast project shadow demo-pkg`" in refused.text
    assert door.upload(BODY, token).status == 200


def test_layers_above_do_not_count(sqlite_instance: Instance):
    """`dev` owns the name and is asked before `main`: whoever reads `dev` goes on seeing its own."""
    upstreams = FakeUpstreams()
    door = Door(sqlite_instance, upstreams=upstreams)
    door.among(MAIN, IndexConfig("dev", layers=("upper", "main")), upstreams=[upstream("upper")])
    token = door.token(scopes=uploader("main", "dev"))
    upstreams.projects.add("upper/other")

    assert door.upload(BODY, token, "/dev/legacy/").status == 200
    assert door.upload(BODY, token).status == 200
    assert door.upload(wheels.twine_body(*wheels.wheel("other", "1.0")), token).status == 200
