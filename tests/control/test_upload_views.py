"""Uploading through control: status and words as the tools read them, rows, and the stored objects after it."""

import hashlib
import json
import threading
from dataclasses import replace

import pytest
import wheels
from doors import Door, FakeUpstreams
from instances import Instance, Scopes, mistyped, operator, soon

from holdfast.config import IndexConfig
from holdfast.control.projects import actions, standing
from holdfast.control.projects.models import File, Intent, Project
from holdfast.control.publication.transaction import current_serial
from holdfast.tree import addresses

WHEEL = wheels.wheel("demo-pkg", "1.0", requires_python=">=3.9")
SDIST = wheels.sdist("demo-pkg", "1.0")
TEXT = {"content-type": "text/plain; charset=utf-8", "cache-control": "no-store", "x-content-type-options": "nosniff"}
UV_ACCEPT = "application/json;q=0.9, text/plain;q=0.8, text/html;q=0.7"


def spool_of(door: Door) -> list[str]:
    return [p.name for p in door.parts.config.spool_folder.iterdir()]


@pytest.mark.parametrize("tool", sorted(wheels.BODIES))
def test_what_each_tool_sends_is_published_with_its_bytes_and_metadata(sqlite_instance: Instance, tool):
    door = Door(sqlite_instance)
    token = door.token()

    for filename, data in (WHEEL, SDIST):
        answer = door.upload(wheels.BODIES[tool](filename, data), token)

        assert (answer.status, answer.text) == (200, f"{filename} is published.\n")
        assert answer.headers == {**TEXT, "content-length": str(len(answer.body)), "x-holdfast-request": "request-1"}
        assert door.parts.store.get(addresses.blob(hashlib.sha256(data).hexdigest())) == data
    row = File.objects.get(filename=WHEEL[0])
    assert (row.requires_python, row.python_version, row.packagetype) == (">=3.9", "py3", "bdist_wheel")
    metadata = wheels.metadata_text("demo-pkg", "1.0", requires_python=">=3.9")
    assert door.parts.store.get(addresses.blob(row.metadata_sha256)) == metadata
    assert row.md5 == hashlib.md5(WHEEL[1], usedforsecurity=False).hexdigest()
    assert row.blake2b_256 == hashlib.blake2b(WHEEL[1], digest_size=32).hexdigest()
    assert spool_of(door) == []
    assert not Intent.objects.exists()


def test_a_wheel_with_many_python_tags_is_published(instance: Instance):
    tags = [f"cp3{minor}-none-any" for minor in range(2, 20)]
    door = Door(instance)

    assert door.upload(wheels.twine_body(*wheels.wheel("demo", "1.0", tags=tags)), door.token()).status == 200


def test_an_upload_is_in_the_published_tree_when_the_answer_is_given(instance: Instance):
    door = Door(instance)

    door.upload(wheels.twine_body(*WHEEL), door.token())

    reader = instance.reader()
    entry = reader.find("main", "demo-pkg")
    assert entry is not None
    assert [file.filename for file in reader.record(entry).files] == [WHEEL[0]]
    assert reader.card("main", hashlib.sha256(WHEEL[1]).hexdigest(), WHEEL[0]).size == len(WHEEL[1])


@pytest.mark.parametrize("path", ["/legacy/", "/legacy", "/main/legacy/", "/main/legacy", "/team/legacy/"])
def test_each_index_takes_uploads_with_and_without_the_last_slash(sqlite_instance: Instance, path):
    door = Door(sqlite_instance)
    token = door.token(scopes=Scopes(upload=("main", "team"), create_projects=True))

    assert door.upload(wheels.twine_body(*WHEEL), token, path).status == 200

    assert Project.objects.get().index == ("team" if "team" in path else "main")


def test_the_same_bytes_again_are_fine_and_other_bytes_are_not(instance: Instance):
    """twine and poetry look for "already exist" after a 400; 409 would be read the same way by more tools."""
    door = Door(instance)
    token = door.token()
    assert door.upload(wheels.twine_body(*WHEEL), token).status == 200
    serial = current_serial()

    again = door.upload(wheels.twine_body(*WHEEL), token)
    other = door.upload(wheels.twine_body(WHEEL[0], wheels.wheel("demo-pkg", "1.0", size=9)[1]), token)

    assert (again.status, again.text) == (200, f"{WHEEL[0]} was already there with the same bytes.\n")
    assert other.status == 400
    assert other.text.startswith("File already exists")
    assert current_serial() == serial


def test_a_deleted_filename_and_removed_bytes_stay_refused(instance: Instance):
    door = Door(instance)
    token = door.token()
    door.upload(wheels.twine_body(*WHEEL), token)
    door.upload(wheels.twine_body(*SDIST), token)
    actions.delete_file(instance.publisher, "main", "demo-pkg", WHEEL[0], operator(), deadline=soon())
    digest = hashlib.sha256(SDIST[1]).hexdigest()
    actions.remove_bytes(instance.publisher, (digest,), "contains a key", False, operator(), deadline=soon())

    deleted = door.upload(wheels.twine_body(*WHEEL), token)
    removed = door.upload(wheels.twine_body(*SDIST), token)

    assert deleted.status == 400
    assert "deleted" in deleted.text
    assert (removed.status, removed.text) == (403, "these bytes were taken down: contains a key\n")


def test_a_file_beyond_the_configured_size_is_refused_by_control_too(sqlite_instance: Instance):
    door = Door(sqlite_instance)
    door.parts = replace(door.parts, config=replace(door.parts.config, upload_bytes_max=len(WHEEL[1]) - 1))

    answer = door.upload(wheels.twine_body(*WHEEL), door.token())

    assert answer.status == 400
    assert f"is larger than {len(WHEEL[1]) - 1} bytes" in answer.text
    assert not File.objects.exists()


def test_all_problems_of_an_upload_are_told_at_once_and_nothing_is_left(sqlite_instance: Instance):
    door = Door(sqlite_instance)
    filename, data = wheels.wheel("demo", "1.0", metadata={"Requires-Dist": "!", "Requires-Python": "x"})
    serial = (door.token(), current_serial())[1]

    answer = door.upload(wheels.twine_body(filename, data, md5_digest="0" * 32), door.token())

    assert answer.status == 400
    assert [line.split(" ")[0] for line in answer.text.splitlines()] == [
        "md5_digest",
        "requires_dist",
        "requires_python",
    ]
    assert not Project.objects.exists()
    assert current_serial() == serial + 1  # the second token alone
    assert list(door.parts.store.list(addresses.BLOB_PREFIX)) == []
    assert spool_of(door) == []


def test_uv_gets_json_of_the_exact_type_it_reads(sqlite_instance: Instance):
    """uv shows `code`, and only of a body whose type is exactly application/json."""
    door = Door(sqlite_instance)

    answer = door.upload(
        wheels.uv_body(*wheels.wheel("demo", "1.0", requires_python="x")), door.token(), accept=UV_ACCEPT
    )

    assert answer.status == 400
    assert answer.headers["content-type"] == "application/json"
    sentence = "requires_python 'x': is not a version specifier. Use a form like >=3.9."
    assert answer.json() == {
        "code": f"400 {sentence}",
        "message": sentence,
        "title": "Bad Request",
        "errors": [
            {
                "field": "requires_python",
                "value": "x",
                "rule": "is not a version specifier",
                "step": "Use a form like >=3.9.",
            }
        ],
    }


def test_without_a_token_in_force_the_answer_is_a_basic_challenge(sqlite_instance: Instance):
    """Key rings and prompts of pip, uv and twine start at a 401."""
    door = Door(sqlite_instance)

    for token in ("", "secret", mistyped(door.token())):
        answer = door.upload(wheels.twine_body(*WHEEL), token)

        assert answer.status == 401
        assert answer.headers["www-authenticate"] == 'Basic realm="holdfast", charset="UTF-8"'
    assert not Project.objects.exists()


def test_a_bearer_token_and_any_user_name_are_accepted(sqlite_instance: Instance):
    door = Door(sqlite_instance)
    token = door.token()

    bearer = door.upload(wheels.twine_body(*WHEEL), Authorization=f"Bearer {token}")

    assert bearer.status == 200


RIGHTS = [
    (Scopes(read=("main",)), "this token may not upload to index main"),
    (Scopes(upload=("team",), create_projects=True), "this token may not upload to index main"),
    (Scopes(upload=("main",)), "this token may not create projects"),
    (Scopes(upload_projects=("main/other",), create_projects=True), "this token may not change"),
]


@pytest.mark.parametrize(("scopes", "words"), RIGHTS)
def test_a_token_without_the_right_gets_403_and_no_project(sqlite_instance: Instance, scopes, words):
    door = Door(sqlite_instance)

    answer = door.upload(wheels.twine_body(*WHEEL), door.token(scopes=scopes))

    assert answer.status == 403
    assert answer.text.startswith(words)
    assert not Project.objects.exists()


def test_an_outsider_learns_of_rights_before_anything_about_the_file(sqlite_instance: Instance):
    door = Door(sqlite_instance)
    door.upload(wheels.twine_body(*WHEEL), door.token("alice"))

    answer = door.upload(wheels.twine_body(WHEEL[0], b"not even a wheel"), door.token("charlie"))

    assert answer.status == 403


OTHERS = [
    ("POST", "/nowhere/legacy/", 404, "there is no index nowhere\n"),
    ("POST", "/legacy/?:action=doc_upload", 410, "This action ended long ago"),
]


@pytest.mark.parametrize(("method", "path", "status", "words"), OTHERS)
def test_other_addresses_and_dead_actions(sqlite_instance: Instance, method, path, status, words):
    door = Door(sqlite_instance)

    answer = door.upload(wheels.twine_body(*WHEEL), door.token(), path)

    assert answer.status == status
    assert answer.text.startswith(words)


def test_submit_is_gone(sqlite_instance: Instance):
    """poetry falls back to :action=submit when it reads "was ever registered"."""
    door = Door(sqlite_instance)

    assert door.upload(wheels.twine_body(*WHEEL, action="submit"), door.token()).status == 410


def test_a_get_is_told_to_post_and_nothing_redirects(sqlite_instance: Instance):
    answer = Door(sqlite_instance).request("GET", "/legacy")

    assert answer.status == 405
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize("name", ["", "../instance.json", "/etc/passwd", "a/b", ".hidden", "nobody"])
def test_only_bare_names_inside_the_spool_are_opened(sqlite_instance: Instance, name):
    door = Door(sqlite_instance)

    answer = door.upload(wheels.twine_body(*WHEEL), door.token(), **{"X-Holdfast-Spool": name})

    assert answer.status == 503
    assert "retry-after" in answer.headers


# Layers below the index.


def test_a_name_a_layer_has_is_refused_until_an_operator_grants_it(sqlite_instance: Instance):
    upstreams = FakeUpstreams("upper/demo-pkg")
    door = Door(sqlite_instance, upstreams=upstreams).layered("upper")
    token = door.token()

    refused = door.upload(wheels.twine_body(*WHEEL), token)
    standing.grant_shadow(sqlite_instance.publisher, "main", "demo-pkg", operator(), deadline=soon())
    granted = door.upload(wheels.twine_body(*WHEEL), token)

    assert refused.status == 403
    assert "`holdfast project shadow demo-pkg`" in refused.text
    assert granted.status == 200


def test_a_layer_that_cannot_be_asked_means_503_for_new_names_only(sqlite_instance: Instance):
    upstreams = FakeUpstreams()
    door = Door(sqlite_instance, upstreams=upstreams).layered("upper")
    token = door.token()
    assert door.upload(wheels.twine_body(*WHEEL), token).status == 200
    upstreams.down = True

    known = door.upload(wheels.twine_body(*SDIST), token)
    new = door.upload(wheels.twine_body(*wheels.wheel("other", "1.0")), token)

    assert known.status == 200
    assert new.status == 503
    assert new.headers["retry-after"] == "10"
    assert "`holdfast project shadow other`" in new.text
    assert upstreams.asked == ["upper/demo-pkg", "upper/other"]
    assert not Project.objects.filter(name="other").exists()


def test_a_reserved_name_needs_nobodys_answer(sqlite_instance: Instance):
    upstreams = FakeUpstreams(down=True)
    door = Door(sqlite_instance, upstreams=upstreams).layered("upper", reserved=["demo-*"])

    assert door.upload(wheels.twine_body(*WHEEL), door.token()).status == 200
    assert upstreams.asked == []


def test_a_name_reserved_since_the_start_needs_nobodys_answer_either(sqlite_instance: Instance):
    upstreams = FakeUpstreams(down=True)
    door = Door(sqlite_instance, upstreams=upstreams).layered("upper")
    reserved = replace(door.parts.config, indexes=(IndexConfig("main", layers=("upper",), reserved=("demo-*",)),))
    door.parts = replace(door.parts, policy=lambda: reserved)

    assert door.upload(wheels.twine_body(*WHEEL), door.token()).status == 200
    assert upstreams.asked == []


# Many at once.


def in_parallel(*work):
    """Run the calls in threads of their own and give their results in order."""
    found = [None] * len(work)

    def run(place, call):
        from holdfast.control.database import close_connection

        try:
            found[place] = call()
        finally:
            close_connection()

    threads = [threading.Thread(target=run, args=item) for item in enumerate(work)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found


def test_one_filename_with_other_bytes_from_eight_clients_is_published_once(instance: Instance):
    door = Door(instance, hold_seconds=8.0)
    token = door.token()
    bodies = [wheels.twine_body(WHEEL[0], wheels.wheel("demo-pkg", "1.0", size=n + 1)[1]) for n in range(8)]

    answers = in_parallel(*[lambda body=body: door.upload(body, token) for body in bodies])

    assert sorted(a.status for a in answers) == [200] + [400] * 7
    assert all(a.text.startswith("File already exists") for a in answers if a.status == 400)
    row = File.objects.get()
    assert hashlib.sha256(door.parts.store.get(addresses.blob(row.sha256))).hexdigest() == row.sha256


def test_the_same_bytes_from_eight_clients_are_fine_for_all(instance: Instance):
    door = Door(instance, hold_seconds=8.0)
    token = door.token()

    answers = in_parallel(*[lambda: door.upload(wheels.twine_body(*WHEEL), token)] * 8)

    assert [a.status for a in answers] == [200] * 8
    assert File.objects.count() == 1


def test_the_answer_to_a_hostile_name_is_plain_ascii(sqlite_instance: Instance):
    door = Door(sqlite_instance)
    hostile = "<b>\u202e\x1b[31m" + "x" * 1000

    answer = door.upload(wheels.twine_body(*WHEEL, name=hostile, version=hostile), door.token(), accept=UV_ACCEPT)

    assert answer.status == 400
    text = json.dumps(answer.json())
    assert text.isascii()
    assert "<" not in text
    assert len(text) < 2500


def test_only_a_wheels_metadata_is_offered_beside_it_and_an_sdists_is_kept_for_pages(sqlite_instance: Instance):
    """An sdist's dependencies may be made when it is built: an installer that believed PKG-INFO would miss some."""
    door = Door(sqlite_instance)
    token = door.token()
    for archive in (WHEEL, SDIST):
        assert door.upload(wheels.twine_body(*archive), token).status == 200

    reader = sqlite_instance.reader()
    entry = reader.find("main", "demo-pkg")
    assert entry is not None
    files = reader.record(entry).files

    assert [(f.packagetype, f.has_metadata) for f in files] == [("bdist_wheel", True), ("sdist", False)]
    assert [reader.card("main", f.sha256, f.filename).has_metadata for f in files] == [True, False]
    assert door.parts.store.get(addresses.blob(files[1].metadata_sha256)) == wheels.metadata_text("demo-pkg", "1.0")
