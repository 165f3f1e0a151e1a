"""The management API: what an owner, a maintainer, an outsider and an administrator may do, and how it is answered."""

from dataclasses import replace

import wheels
from doors import Answered, Door
from instances import UPLOADER, Instance, Scopes

from holdfast.control.projects.models import File, Project
from holdfast.control.publication.publisher import Publisher
from holdfast.control.publication.transaction import NotYetPublished
from holdfast.core.tokens import parse

ADMIN = Scopes(("*",), ("*",), (), True, True)
FILENAME, DATA = wheels.wheel("demo-pkg", "1.0")
PROJECT = "projects/main/Demo.Pkg"  # any spelling


def opened(instance: Instance) -> tuple[Door, str]:
    """A door, and Alice's token after she uploaded demo-pkg 1.0."""
    door = Door(instance)
    alice = door.token("alice")
    assert door.upload(wheels.twine_body(FILENAME, DATA), alice).status == 200
    return door, alice


def detail(answer: Answered) -> str:
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()["detail"]


def test_a_project_is_shown_with_its_files_and_roles(instance: Instance):
    door, alice = opened(instance)

    answer = door.api("GET", PROJECT, alice)

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    document = answer.json()
    file = document["files"].pop()
    assert document == {
        "index": "main",
        "name": "demo-pkg",
        "display": "demo-pkg",
        "serial": 2,
        "status": "active",
        "status_reason": "",
        "organisation": None,
        "roles": [{"user": "alice", "role": "owner"}],
        "files": [],
    }
    assert (file["filename"], file["version"], file["size"], file["yanked"]) == (FILENAME, "1.0", len(DATA), False)


def test_a_release_and_a_file_are_yanked_and_brought_back(sqlite_instance: Instance):
    door, alice = opened(sqlite_instance)

    for path in (f"{PROJECT}/releases/v1.0", f"{PROJECT}/files/{FILENAME}"):
        assert door.api("POST", f"{path}/yank", alice, {"reason": "broken"}).status == 200
        assert list(File.objects.values_list("yanked", "yanked_reason")) == [(True, "broken")]
        assert door.api("POST", f"{path}/unyank", alice).status == 200
        assert list(File.objects.values_list("yanked", "yanked_reason")) == [(False, "")]


def test_file_release_and_project_are_deleted(sqlite_instance: Instance):
    door, alice = opened(sqlite_instance)
    for version in ("1.1", "1.2"):
        door.upload(wheels.twine_body(*wheels.wheel("demo-pkg", version)), alice)

    assert door.api("DELETE", f"{PROJECT}/files/{FILENAME}", alice).json() == {"serial": 5}
    assert door.api("DELETE", f"{PROJECT}/releases/1.1", alice).status == 200
    assert [f["version"] for f in door.api("GET", PROJECT, alice).json()["files"]] == ["1.2"]
    assert door.api("DELETE", PROJECT, alice).status == 200
    assert door.api("GET", PROJECT, alice).status == 404


def test_a_status_is_set_and_quarantine_is_an_administrators(sqlite_instance: Instance):
    door, alice = opened(sqlite_instance)

    archived = door.api("POST", f"{PROJECT}/status", alice, {"status": "archived", "reason": "old"})
    quarantine = door.api("POST", f"{PROJECT}/status", alice, {"status": "quarantined"})
    unknown = door.api("POST", f"{PROJECT}/status", alice, {"status": "gone"})

    assert archived.status == 200
    assert quarantine.status == 403
    assert (unknown.status, detail(unknown)) == (
        400,
        "the field status must be one of active, archived, deprecated, quarantined",
    )
    assert Project.objects.get().status == "archived"


def test_roles_are_given_and_taken_by_owners(sqlite_instance: Instance):
    door, alice = opened(sqlite_instance)
    bob = door.token("bob")

    assert door.api("POST", f"{PROJECT}/releases/1.0/yank", bob).status == 403
    assert door.api("PUT", f"{PROJECT}/roles/bob", alice, {"role": "maintainer"}).status == 200
    assert door.api("POST", f"{PROJECT}/releases/1.0/yank", bob).status == 200
    assert door.api("PUT", f"{PROJECT}/roles/charlie", bob, {"role": "owner"}).status == 403
    assert door.api("DELETE", f"{PROJECT}/roles/alice", alice).status == 400
    assert door.api("DELETE", f"{PROJECT}/roles/bob", alice).status == 200
    assert door.api("PUT", f"{PROJECT}/roles/a b", alice, {"role": "owner"}).status == 400
    assert door.api("PUT", f"{PROJECT}/roles/bob", alice, {"role": "king"}).status == 400


def test_bytes_are_taken_down_by_an_administrator_with_a_reason(sqlite_instance: Instance):
    door, alice = opened(sqlite_instance)
    root = door.token("root", ADMIN)
    digest = File.objects.get().sha256

    assert door.api("POST", "removals", alice, {"sha256": [digest], "reason": "x"}).status == 403
    assert door.api("POST", "removals", root, {"sha256": [digest], "reason": " "}).status == 400
    assert door.api("POST", "removals", root, {"sha256": ["x"], "reason": "a key"}).status == 400
    assert door.api("POST", "removals", root, {"sha256": [digest], "reason": "a key"}).status == 200
    assert File.objects.get().removed


def test_a_shadow_grant_and_a_released_name(sqlite_instance: Instance):
    door, alice = opened(sqlite_instance)
    root = door.token("root", ADMIN)

    assert door.api("PUT", "grants/shadow/main/other", alice).status == 403
    assert door.api("PUT", "grants/shadow/main/other", root).status == 200
    assert door.api("DELETE", "grants/shadow/main/other", root).status == 200
    assert door.api("DELETE", "grants/shadow/main/other", root).status == 404
    assert door.api("PUT", "grants/shadow/nowhere/other", root).status == 404
    assert door.api("POST", f"{PROJECT}/release-name", root).status == 400
    door.api("DELETE", PROJECT, alice)
    assert door.api("POST", f"{PROJECT}/release-name", root).status == 200


def test_tokens_are_made_listed_and_revoked_and_their_text_is_told_once(sqlite_instance: Instance):
    door = Door(sqlite_instance)
    root = door.token("root", ADMIN)

    made = door.api("POST", "tokens", root, {"name": "ci", "user": "robot", "days": 30})
    text = made.json()["token"]
    listed = door.api("GET", "tokens", root)

    assert made.status == 201
    assert parse(text) is not None
    assert text not in listed.text
    ci = listed.json()["tokens"][1]
    assert (ci["name"], ci["user"], ci["read"], ci["upload"]) == ("ci", "robot", ["main"], ["main"])
    assert (ci["create_projects"], ci["admin"], ci["revoked"]) == (True, False, None)
    assert ci["expires"] is not None
    assert door.upload(wheels.twine_body(FILENAME, DATA), text).status == 200
    assert door.api("DELETE", f"tokens/{made.json()['id']}", root).status == 200
    assert door.upload(wheels.twine_body(FILENAME, DATA), text).status == 401
    assert door.api("DELETE", "tokens/none", root).status == 404


def test_only_an_administrator_sees_and_makes_tokens(sqlite_instance: Instance):
    door = Door(sqlite_instance)
    alice = door.token("alice")

    assert door.api("GET", "tokens", alice).status == 403
    assert door.api("POST", "tokens", alice, {"name": "ci"}).status == 403


TOKENS_REFUSED = [
    ({}, "the field name must be a text of at most 2000 characters"),
    ({"name": ""}, "the field name must have 1 to 200 characters"),
    ({"name": "a", "read": "main"}, "the field read must be a list of texts"),
    ({"name": "a", "upload": ["nowhere"]}, "there is no index 'nowhere'; use one of the configured ones, or *"),
    ({"name": "a", "days": 0}, "the field days must be a whole number from 1 to 36500"),
    ({"name": "a", "days": 1, "expires": "2030-01-01"}, "give expires or days, not both"),
    ({"name": "a", "expires": "soon"}, "the field expires must be a time like 2030-01-31T00:00:00Z"),
    ({"name": "a", "admin": "yes"}, "the field admin must be true or false"),
    ({"name": "a", "colour": 1}, "unknown fields in the JSON body: colour; known here: name, user, read, upload"),
    ([], "the body must be a JSON object"),
]


def test_each_wrong_field_is_named(sqlite_instance: Instance):
    door = Door(sqlite_instance)
    root = door.token("root", ADMIN)

    for document, words in TOKENS_REFUSED:
        answer = door.api("POST", "tokens", root, document)

        assert answer.status == 400, document
        assert detail(answer).startswith(words)


def test_a_reader_of_another_index_an_unknown_name_and_no_token(sqlite_instance: Instance):
    door, alice = opened(sqlite_instance)
    team = door.token("charlie", Scopes(read=("team",)))

    assert door.api("GET", PROJECT, team).status == 403
    assert door.api("GET", "projects/main/nobody", alice).status == 404
    assert door.api("GET", "projects/main/-bad-", alice).status == 404
    assert door.api("DELETE", f"{PROJECT}/releases/nonsense", alice).status == 404
    anonymous = door.request("GET", f"/api/{PROJECT}")
    assert anonymous.status == 401
    assert anonymous.headers["www-authenticate"].startswith("Basic ")


def test_wrong_methods_and_addresses_are_told_as_problems(sqlite_instance: Instance):
    door = Door(sqlite_instance)
    token = door.token(scopes=UPLOADER)

    wrong = door.api("PATCH", PROJECT, token)
    nowhere = door.api("GET", "nowhere", token)

    assert (wrong.status, wrong.headers["allow"]) == (405, "GET, DELETE")
    assert (nowhere.status, detail(nowhere)) == (404, "There is no such address.")


def test_text_that_no_database_can_hold_is_refused_with_a_sentence(instance: Instance):
    """PostgreSQL takes no NUL, nobody takes half a surrogate pair, and a user name has its length."""
    door, alice = opened(instance)
    admin = door.token("root", ADMIN)

    for text in ("a\0b", "\ud800"):
        yanked = door.api("POST", f"{PROJECT}/releases/1.0/yank", alice, {"reason": text})
        assert (yanked.status, "reason" in detail(yanked)) == (400, True)
    assert door.api("POST", f"{PROJECT}/files/a\0b/yank", alice).status == 404
    assert door.api("DELETE", f"{PROJECT}/roles/a\0b", alice).status == 404
    assert door.api("DELETE", "tokens/a\0b", admin).status == 404
    assert door.api("POST", "tokens", admin, {"name": "ci", "user": "u" * 151}).status == 400
    assert door.api("POST", "tokens", admin, {"name": "ci", "expires": "9999-12-31T23:59:59-23:59"}).status == 400


def test_a_token_narrowed_to_projects_takes_any_spelling_and_shows_no_others(sqlite_instance: Instance):
    door, _ = opened(sqlite_instance)
    admin = door.token("root", ADMIN)
    narrowed = {"name": "ci", "user": "alice", "read": [], "projects": ["main/Demo_Pkg"]}

    made = door.api("POST", "tokens", admin, narrowed).json()["token"]
    no_project = door.api("POST", "tokens", admin, {"name": "ci", "projects": ["main"]})
    other = wheels.twine_body(*wheels.wheel("other", "1.0"))

    assert door.upload(wheels.twine_body(*wheels.wheel("demo-pkg", "2.0")), made).status == 200
    assert door.upload(other, door.token("alice")).status == 200
    assert door.api("GET", PROJECT, made).status == 200
    assert door.api("GET", "projects/main/other", made).status == 403
    assert (no_project.status, "index/name" in detail(no_project)) == (400, True)


def test_a_token_is_shown_although_its_publication_waits(sqlite_instance: Instance):
    """It is committed and works for uploads: an answer without its text would leave a token that nobody has."""
    opened(sqlite_instance)
    door = Door(sqlite_instance)
    admin = door.token("root", ADMIN)
    door.parts = replace(door.parts, publisher=Late(sqlite_instance.publisher))

    made = door.api("POST", "tokens", admin, {"name": "ci"})

    assert made.status == 201
    assert door.api("GET", PROJECT, made.json()["token"]).status == 200


class Late:
    """A publisher that never gets to a row in time."""

    def __init__(self, inner: Publisher) -> None:
        self._inner = inner
        self.clock, self.instance, self.switches = inner.clock, inner.instance, inner.switches
        self.networks = inner.networks

    @property
    def compared(self) -> object:
        return self._inner.compared

    def head_before_write(self) -> int:
        return self._inner.head_before_write()

    def publish_until(self, serial: int, deadline: float) -> None:
        raise NotYetPublished(serial)
