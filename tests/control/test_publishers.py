"""Trusted publishing as CI and people meet it: exchange, upload, end; who may say which identity publishes what."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from doors import Answered, Door
from instances import ALICE, BOB, UPLOADER, Instance, Scopes, operator, soon
from issuer import AUDIENCE, GITHUB, WIDGETS, Issuer, running_issuer
from trusting import code, mint, opened, owned, release

from holdfast.clock import ManualClock
from holdfast.control.accounts.models import AuditEvent
from holdfast.control.accounts.people import freeze
from holdfast.control.projects import standing
from holdfast.control.projects.models import File, Role
from holdfast.control.publishers.models import Publisher, PublisherToken, UsedIdentityToken
from holdfast.control.publishers.tokens import sweep_tokens
from holdfast.control.switches.switching import switch_off
from holdfast.core import tokens
from holdfast.tree.switches import new_switch

PROJECT = "projects/main/widgets"


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with running_issuer() as running:
        yield running


def test_an_identity_token_becomes_one_that_publishes_and_nothing_else(instance: Instance, issuer: Issuer):
    door = opened(instance, issuer)
    owned(door)

    minted = mint(door, issuer.token()).json()
    uploaded = door.upload(release("2.0"), minted["token"])

    assert uploaded.status == 200, uploaded.text
    assert (minted["success"], minted["index"]) == (True, "main")
    assert door.upload(release("1.0", "other"), minted["token"]).status == 403
    assert door.upload(release("3.0"), minted["token"], "/team/legacy/").status == 403
    for method, path in (
        ("DELETE", PROJECT),
        ("POST", f"{PROJECT}/releases/2.0/yank"),
        ("GET", f"{PROJECT}/publishers"),
    ):
        assert door.api(method, path, minted["token"]).status == 403, path
    assert door.api("GET", "tokens", minted["token"]).status == 403
    row = File.objects.get(filename="widgets-2.0-py3-none-any.whl")
    assert row.uploader == "ci:acme/widgets/release.yml"
    event = AuditEvent.objects.filter(action="publish-file").last()
    assert event is not None
    assert event.actor == "ci:acme/widgets/release.yml"
    facts = event.detail["publisher"]
    assert (facts["repository"], facts["sha"], facts["run_id"]) == ("Acme/Widgets", "a" * 40, "9000")
    assert not Role.objects.filter(user__username="").exists()


def test_the_audience_is_told_and_every_index_has_its_own(sqlite_instance: Instance, issuer: Issuer):
    door = opened(sqlite_instance, issuer)
    owned(door)

    assert door.request("GET", "/_/oidc/audience").json() == {"audience": AUDIENCE}
    assert door.request("GET", "/_/oidc/team/audience").json() == {"audience": f"{AUDIENCE}/team"}
    assert door.request("GET", "/_/oidc/nowhere/audience").status == 404
    assert door.request("POST", "/_/oidc/audience").status == 405
    assert mint(door, issuer.token(), "/_/oidc/team/mint-token").status == 422
    assert code(mint(door, issuer.token(aud=f"{AUDIENCE}/team"))) == "invalid-publisher"
    assert mint(door, issuer.token(aud=f"{AUDIENCE}/main")).json()["index"] == "main"


def test_the_discovery_document_names_the_endpoints_of_the_index_at_a_path(sqlite_instance: Instance, issuer: Issuer):
    """PEP 807, draft: absolute URLs on the upload host; 404 where nothing is uploaded to."""
    door = opened(sqlite_instance, issuer)
    door.parts = replace(door.parts, config=replace(door.parts.config, public_url="https://packages.example/py"))

    def discovered(path: str) -> Answered:
        return door.request("GET", f"/.well-known/pytp?discover={path}")

    main, team = discovered("%2Fpy%2Flegacy%2F"), discovered("%2Fpy%2Fteam%2Flegacy")
    assert main.headers["content-type"] == "application/vnd.pypi.pytp.v1+json"
    assert main.json() == {
        "audience-endpoint": "https://packages.example/_/oidc/audience",
        "token-mint-endpoint": "https://packages.example/_/oidc/mint-token",
    }
    assert team.json()["token-mint-endpoint"] == "https://packages.example/_/oidc/team/mint-token"
    assert discovered("%2Fsimple%2F").status == 404
    assert discovered("").status == 404


def test_a_burned_token_is_over_at_once_and_the_answer_tells_nothing(sqlite_instance: Instance, issuer: Issuer):
    door = opened(sqlite_instance, issuer)
    alice, _ = owned(door)
    token = mint(door, issuer.token()).json()["token"]

    def burned(text: str) -> tuple[int, bytes]:
        answer = door.request("POST", "/_/oidc/burn-token", json.dumps({"token": text}).encode())
        return answer.status, answer.body

    answers = {burned(text) for text in (token, token, alice, "nonsense", token[:-1])}
    assert answers == {(202, b"")}
    assert door.request("POST", "/_/oidc/burn-token", b"[]").status == 202
    assert door.upload(release("2.0"), token).status == 401
    assert door.upload(release("2.0"), alice).status == 200


def test_burning_a_token_needs_no_writing_unless_it_is_one_and_has_a_limit(sqlite_instance: Instance, issuer: Issuer):
    door = opened(sqlite_instance, issuer)
    owned(door)
    token = mint(door, issuer.token()).json()["token"]

    def burn(text: str) -> int:
        return door.request("POST", "/_/oidc/burn-token", json.dumps({"token": text}).encode()).status

    with closing(sqlite3.connect(sqlite_instance.config.sqlite_file)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert burn(tokens.mint().text) == 202, "a stranger's text waits for no writer, and is none itself"
    now = sqlite_instance.publisher.clock.now()
    off = new_switch("read-only", scope="*", reason="care", status_url="", banner=None, until=None, by="op", now=now)
    switch_off(sqlite_instance.store, off)
    assert (burn(token), PublisherToken.objects.count()) == (202, 0), "also while the site is read-only"
    assert [burn("nonsense") for _ in range(119)][-2:] == [202, 429]


def test_a_minted_token_ends_by_itself_and_is_swept(sqlite_instance: Instance, issuer: Issuer):
    door = opened(sqlite_instance, issuer)
    owned(door)
    token = mint(door, issuer.token()).json()["token"]
    row = PublisherToken.objects.get()
    assert (row.expires - row.created).total_seconds() == 900

    late = ManualClock(row.expires)
    door = Door(door.instance, clock=late)

    assert door.upload(release("2.0"), token).status == 401
    sweep_tokens(late)
    assert (PublisherToken.objects.count(), UsedIdentityToken.objects.count()) == (0, 1)
    late.advance(2 * 3600)
    sweep_tokens(late)
    assert UsedIdentityToken.objects.count() == 0


def test_a_removed_publisher_takes_its_tokens_along(sqlite_instance: Instance, issuer: Issuer):
    door = opened(sqlite_instance, issuer)
    alice, number = owned(door)
    token = mint(door, issuer.token()).json()["token"]

    assert door.api("DELETE", f"{PROJECT}/publishers/{number}", alice).status == 200
    assert door.upload(release("2.0"), token).status == 401
    assert code(mint(door, issuer.token())) == "invalid-publisher"
    assert door.api("DELETE", f"{PROJECT}/publishers/{number}", alice).status == 404


def test_a_token_reaches_the_projects_of_its_publishers_in_one_index(sqlite_instance: Instance, issuer: Issuer):
    door = opened(sqlite_instance, issuer)
    owned(door)
    owned(door, "gadgets")

    token = mint(door, issuer.token()).json()["token"]

    assert door.upload(release("2.0"), token).status == 200
    assert door.upload(release("2.0", "gadgets"), token).status == 200


def test_publishers_are_an_owners_to_set_and_a_maintainers_to_see(sqlite_instance: Instance, issuer: Issuer):
    door = opened(sqlite_instance, issuer)
    owned(door)
    standing.add_role(sqlite_instance.publisher, "main", "widgets", "bob", "maintainer", ALICE, deadline=soon())
    bob, charlie = door.token("bob"), door.token("charlie")
    body = {"provider": "ci", "claims": WIDGETS | {"environment": "Release"}}

    assert door.api("POST", f"{PROJECT}/publishers", bob, body).status == 403
    assert door.api("GET", f"{PROJECT}/publishers", charlie).status == 403
    listed = door.api("GET", f"{PROJECT}/publishers", bob).json()["publishers"]
    assert [(one["provider"], one["claims"], one["created_by"]) for one in listed] == [("ci", WIDGETS, "alice")]
    again = door.api("POST", f"{PROJECT}/publishers", door.token("alice"), {"provider": "ci", "claims": WIDGETS})
    assert (again.status, again.json()["id"]) == (201, listed[0]["id"])


WRONG = [
    ({"provider": "nobody", "claims": WIDGETS}, "the field provider must be one of those configured here (ci)"),
    ({"provider": "ci", "claims": []}, "the field claims must be an object of texts"),
    ({"provider": "ci", "claims": {"owner": "acme"}}, "repository is not as ci has them; a good one: widgets"),
    ({"provider": "ci", "claims": WIDGETS | {"owner": "a/b"}}, "owner is not as ci has them; a good one: acme"),
    ({"provider": "ci", "claims": WIDGETS | {"owner": "\u212acme"}}, "owner is not as ci has them"),
    ({"provider": "ci", "claims": WIDGETS | {"workflow": "../x.yml"}}, "workflow is not as ci has them"),
    ({"provider": "ci", "claims": WIDGETS | {"owner_id": "x"}}, "owner_id is not as ci has them"),
    ({"provider": "ci", "claims": WIDGETS | {"colour": "x"}}, "ci knows no colour; it has owner, repository"),
]


def test_each_wrong_description_is_told(sqlite_instance: Instance, issuer: Issuer):
    door = opened(sqlite_instance, issuer)
    alice, _ = owned(door)

    for document, words in WRONG:
        answer = door.api("POST", f"{PROJECT}/publishers", alice, document)
        assert (answer.status, words in answer.json()["detail"]) == (400, True), answer.text


def test_a_released_name_keeps_no_publisher(sqlite_instance: Instance, issuer: Issuer):
    """Else the next owner's project would be published to by the last one's CI."""
    door = opened(sqlite_instance, issuer)
    alice, _ = owned(door)
    root = door.token("root", Scopes(("*",), ("*",), (), True, True))
    token = mint(door, issuer.token()).json()["token"]

    assert door.api("DELETE", PROJECT, alice).status == 200
    assert door.api("POST", f"{PROJECT}/release-name", root).status == 200

    assert Publisher.objects.count() == 0
    assert door.upload(release("2.0"), token).status == 401


def test_a_publisher_counts_while_whoever_added_it_owns_the_project(sqlite_instance: Instance, issuer: Issuer):
    """A stolen account lets its own workflow in; freezing the account must be the end of that, too."""
    door = opened(sqlite_instance, issuer)
    owned(door)
    standing.add_role(sqlite_instance.publisher, "main", "widgets", "bob", "owner", ALICE, deadline=soon())
    token = mint(door, issuer.token()).json()["token"]
    freeze(sqlite_instance.publisher, "alice", "stolen", operator(), deadline=soon())
    bob, asked = door.token("bob"), {"provider": "ci", "claims": WIDGETS}

    refused = mint(door, issuer.token())
    assert (code(refused), "an owner adds it again" in refused.text) == ("invalid-publisher", True)
    assert door.upload(release("2.0"), token).status == 403
    assert [False] == [one["in_force"] for one in door.api("GET", f"{PROJECT}/publishers", bob).json()["publishers"]]

    adopted = door.api("POST", f"{PROJECT}/publishers", bob, asked).json()

    assert ("bob", True, 1) == (adopted["created_by"], adopted["in_force"], Publisher.objects.count())
    assert door.upload(release("2.0"), token).status == 401  # minted in the name of alice
    assert door.upload(release("2.0"), mint(door, issuer.token()).json()["token"]).status == 200


def test_a_frozen_persons_publisher_is_told_as_such_beside_others_of_its_repository(
    sqlite_instance: Instance, issuer: Issuer
):
    """What differs from another project's publisher is no reason, and nobody's business."""
    door = opened(sqlite_instance, issuer)
    owned(door)
    sqlite_instance.upload("gadgets", "1.0", actor=BOB)
    asked = {"provider": "ci", "claims": {**WIDGETS, "workflow": "other.yml"}}
    assert 201 == door.api("POST", "projects/main/gadgets/publishers", door.token("bob"), asked).status
    freeze(sqlite_instance.publisher, "alice", "stolen", operator(), deadline=soon())

    refused = mint(door, issuer.token())

    assert ("invalid-publisher", True, False) == (
        code(refused),
        "is frozen or does not own the project any more" in refused.text,
        "workflow" in refused.text,
    )


def test_what_an_administrator_added_holds_whoever_owns_the_project(sqlite_instance: Instance, issuer: Issuer):
    door = opened(sqlite_instance, issuer)
    sqlite_instance.upload("widgets", "1.0")
    root = door.token("root", Scopes(("*",), ("*",), (), True, True))
    assert door.api("POST", f"{PROJECT}/publishers", root, {"provider": "ci", "claims": WIDGETS}).status == 201

    freeze(sqlite_instance.publisher, "alice", "left", operator(), deadline=soon())

    assert door.upload(release("2.0"), mint(door, issuer.token()).json()["token"]).status == 200


def test_whoever_takes_a_project_without_people_takes_it_alone(sqlite_instance: Instance, issuer: Issuer):
    door = opened(sqlite_instance, issuer)
    owned(door)
    token = mint(door, issuer.token()).json()["token"]
    Role.objects.all().delete()  # as when the only owner's account is deleted

    assert door.upload(release("2.0"), token).status == 403  # nobody stands behind the workflow
    assert Role.objects.count() == 0
    assert door.upload(release("3.0"), door.token("bob", UPLOADER)).status == 200
    assert door.upload(release("4.0"), token).status == 401


def test_without_a_provider_there_is_nothing_at_these_addresses(sqlite_instance: Instance):
    door = Door(sqlite_instance)

    assert [404] * 3 == [
        door.request("GET", "/_/oidc/audience").status,
        mint(door, "x").status,
        door.request("GET", "/.well-known/pytp").status,
    ]


def test_a_network_that_asks_too_often_waits(sqlite_instance: Instance, issuer: Issuer):
    door = opened(sqlite_instance, issuer)
    for _ in range(60):
        mint(door, "nonsense")

    answer = mint(door, issuer.token())

    assert (answer.status, code(answer)) == (429, "rate-limited")
    assert 1 <= int(answer.headers["retry-after"]) <= 60


KINDS = [
    (
        "gitlab",
        {"project_path": "Acme/Tools/Widgets", "namespace_id": "11"},
        {
            "project_path": "acme/tools/widgets",
            "namespace_id": "11",
            "project_id": 22,
            "ci_config_ref_uri": "{host}/acme/tools/widgets//.gitlab-ci.yml@refs/heads/main",
            "ref_path": "refs/heads/main",
            "pipeline_id": "7",
        },
        [
            {"project_path": "acme/tools/widget"},
            {"namespace_id": "12"},
            {"ci_config_ref_uri": "{host}/acme/tools/widgets//other.yml@refs/heads/main"},
            {"ci_config_ref_uri": "{host}/mallory/x//.gitlab-ci.yml@refs/heads/main"},
            {"ci_config_ref_uri": "gitlab.example/acme/tools/widgets//.gitlab-ci.yml@refs/heads/main"},
            {"ref_path": "refs/heads/other"},
        ],
    ),
    (
        "google",
        {"email": "ci@acme.iam.example"},
        {"email": "ci@acme.iam.example", "email_verified": True, "sub": "1234"},
        [{"email": "ci@mallory.iam.example"}, {"email_verified": False}, {"email_verified": "true"}, {"email": None}],
    ),
    (
        "oidc",
        {"sub": "pipeline:release", "team": "7"},
        {"sub": "pipeline:release", "team": 7, "stage": "production"},
        [{"sub": "pipeline:test"}, {"team": 8}, {"team": None}, {"stage": "test"}, {"sub": ["pipeline:release"]}],
    ),
]


@pytest.mark.parametrize(("kind", "wanted", "claims", "others"), KINDS, ids=[row[0] for row in KINDS])
def test_each_kind_is_recognised_by_its_own_claims(
    sqlite_instance: Instance, issuer: Issuer, kind: str, wanted: dict, claims: dict, others: list
):
    own = (("sub", ""), ("team", ""), ("stage", "production")) if kind == "oidc" else ()
    door = opened(sqlite_instance, issuer, issuer.provider(kind, claims=own))
    owned(door, claims=wanted)
    host = issuer.url.removeprefix("http://")

    def filled(found: dict) -> dict:
        return {k: v.replace("{host}", host) if isinstance(v, str) else v for k, v in found.items()}

    good = mint(door, issuer.token(filled(claims)))

    assert good.status == 200, good.text
    for change in others:
        answer = mint(door, issuer.token(filled(claims), **filled(change)))
        assert (answer.status, code(answer)) == (422, "invalid-publisher"), change


def test_an_issuer_may_be_one_whose_tokens_repeat_no_id(sqlite_instance: Instance, issuer: Issuer):
    """Without jti what was signed counts: such a token is good for one exchange, too."""
    door = opened(sqlite_instance, issuer)
    owned(door)
    token = issuer.token(GITHUB, jti=None)

    assert [200, 422] == [mint(door, token).status, mint(door, token).status]
