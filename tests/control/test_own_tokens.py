"""People's own tokens: no further than the person, seen being used, ended when they leak."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import wheels
from allauth.account.models import EmailAddress
from django.db import connection
from django.test.utils import CaptureQueriesContext
from doors import Door
from instances import OPERATOR, UPLOADER, Actor, Instance, Scopes, new_file, soon

from holdfast.clock import Clock
from holdfast.config import Config
from holdfast.control.accounts.actions import NewToken, authenticate, create_token, list_tokens
from holdfast.control.accounts.models import AuditEvent, Token, User
from holdfast.control.mail.models import Mail
from holdfast.control.organisations import actions as organisations
from holdfast.control.organisations.grants import Grantee, grant_index, list_index_grants, revoke_index_grant
from holdfast.control.projects.publishing import publish_file
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.publishers.models import PublisherToken
from holdfast.control.tokens import uses as uses_module
from holdfast.control.tokens.actions import OwnToken, end_leaked_tokens, end_own_token, list_own_tokens, make_own_token
from holdfast.control.tokens.rate import Rate, TooMany, network_of
from holdfast.control.tokens.robots import give_robot
from holdfast.control.tokens.uses import Uses, write_regularly
from holdfast.core import tokens
from holdfast.core.errors import Absent, Refused

ALICE, BOB = (Actor(name, Scopes(), credential="session") for name in ("alice", "bob"))
NOBODY = Actor("", Scopes(), address="192.0.2.1")


def make(
    instance: Instance,
    scopes: Scopes,
    actor: Actor = ALICE,
    *,
    days: int | None = 30,
    user: str = "",
    config: Config | None = None,
) -> NewToken:
    ends = None if days is None else instance.publisher.clock.now() + timedelta(days=days)
    wanted = OwnToken("ci", user or actor.user, scopes, ends)
    return make_own_token(instance.publisher, config or instance.config, wanted, actor, deadline=soon())


def actor_of(instance: Instance, token: NewToken) -> Actor:
    found = authenticate(token.text, instance.publisher.clock)
    assert found is not None
    return found


def test_an_own_token_reaches_what_its_person_may(instance: Instance):
    instance.upload("tool", "1.0")
    grant_index(instance.publisher, "main", "create", Grantee("alice"), OPERATOR, deadline=soon())

    made = make(instance, Scopes(("main",), ("main",), ("main/tool",)))
    creating = make(instance, Scopes(("main",), ("main",), (), True, actions=("upload",)))

    for token, name in ((made, "tool"), (creating, "brand-new")):
        file = new_file(name, "2.0")
        publish_file(instance.publisher, "main", file, actor_of(instance, token), deadline=soon())
    listed = list_own_tokens(ALICE)
    assert [(facts.id, facts.own) for facts in listed if facts.own] == [(made.id, True), (creating.id, True)]
    assert actor_of(instance, creating).scopes.actions == ("upload",)


TOO_FAR = [
    (Scopes(read=("team",)), "'alice' may not read index 'team'"),
    (Scopes(upload=("team",)), "'alice' may not read index 'team'"),
    (Scopes(read=("*",)), "'alice' may not read index '\\*'"),
    (Scopes(upload=("main",), create_projects=True), "'alice' may not create projects in index 'main'"),
    (Scopes(upload_projects=("main/other",)), "'alice' has no role on 'other' in index 'main'"),
    (Scopes(admin=True), "an administrator's to make"),
]


def test_an_own_token_reaches_no_further_than_its_person(sqlite_instance: Instance):
    User.objects.create(username="alice")
    sqlite_instance.upload("other", "1.0", actor=Actor("bob", UPLOADER))

    for scopes, words in TOO_FAR:
        with pytest.raises(Refused, match=words):
            make(sqlite_instance, scopes)
    assert not Token.objects.exists()


def test_an_own_token_ends_by_itself_unless_the_operator_says_otherwise(sqlite_instance: Instance):
    User.objects.create(username="alice")
    free = replace(sqlite_instance.config, token_days_max=0)

    for days in (None, 367):
        with pytest.raises(NotAccepted, match="ends after 366 days at most"):
            make(sqlite_instance, Scopes(("main",)), days=days)
    with pytest.raises(NotAccepted, match="ended before it was made"):
        make(sqlite_instance, Scopes(("main",)), days=-1)
    assert make(sqlite_instance, Scopes(("main",)), days=None, config=free).id


def test_tokens_make_no_tokens_and_nobody_makes_them_for_others(sqlite_instance: Instance):
    for name in ("alice", "bob"):
        User.objects.create(username=name)

    with pytest.raises(Refused, match="cannot be done with a token"):
        make(sqlite_instance, Scopes(("main",)), Actor("alice", UPLOADER))
    with pytest.raises(Absent, match="nobody called 'bob' whose tokens are yours"):
        make(sqlite_instance, Scopes(("main",)), user="bob")


def test_what_an_index_grant_gave_goes_with_it(instance: Instance):
    """Readers ask the journal, not the database: a token that lost its right must be told again."""
    publisher = instance.publisher
    User.objects.create(username="alice")
    organisations.create_organisation(publisher, "acme", "Acme", BOB, deadline=soon())
    organisations.add_member(publisher, "acme", "alice", "member", OPERATOR, deadline=soon())
    grant_index(publisher, "team", "read", Grantee(organisation="acme"), OPERATOR, deadline=soon())
    assert list_index_grants("team") == [("read", Grantee(organisation="acme"))]
    left, kept = make(instance, Scopes(("team",), ("team",))), make(instance, Scopes(("main",)))
    published = instance.reader().token(left.id)
    assert published is not None
    assert published.reads == ("team",)

    organisations.leave_organisation(publisher, "acme", ALICE, deadline=soon())

    published = instance.reader().token(left.id)
    assert published is not None
    assert published.reads == ()
    assert actor_of(instance, left).scopes.upload == ()
    assert actor_of(instance, kept).scopes.read == ("main",)


def test_a_grant_taken_back_narrows_tokens_and_leaves_those_an_administrator_made(sqlite_instance: Instance):
    publisher = sqlite_instance.publisher
    User.objects.create(username="alice")
    everybody = Grantee()
    for right in ("read", "create"):
        grant_index(publisher, "team", right, everybody, OPERATOR, deadline=soon())
    own = make(sqlite_instance, Scopes(("team",), ("team",), (), True))
    given = create_token(publisher, "x", "alice", Scopes(("team",)), None, OPERATOR, deadline=soon())

    revoke_index_grant(publisher, "team", "create", everybody, OPERATOR, deadline=soon())
    assert not actor_of(sqlite_instance, own).scopes.create_projects
    revoke_index_grant(publisher, "team", "read", everybody, OPERATOR, deadline=soon())

    assert actor_of(sqlite_instance, own).scopes.read == ()
    assert actor_of(sqlite_instance, given).scopes.read == ("team",)
    with pytest.raises(Absent):
        revoke_index_grant(publisher, "team", "read", everybody, OPERATOR, deadline=soon())


def test_a_grant_taken_back_takes_what_it_gave_and_nothing_else(sqlite_instance: Instance):
    """An index whose names a token may upload to tells it what is there; a public one is read without any grant."""
    publisher = sqlite_instance.publisher
    User.objects.create(username="alice")
    for index, right in (("main", "create"), ("team", "read")):
        grant_index(publisher, index, right, Grantee("alice"), OPERATOR, deadline=soon())
    public = make(sqlite_instance, Scopes(("main",), ("main",), (), True))
    uploading = make(sqlite_instance, Scopes((), ("team",)))

    for index, right in (("main", "create"), ("team", "read")):
        revoke_index_grant(publisher, index, right, Grantee("alice"), OPERATOR, deadline=soon())

    left = actor_of(sqlite_instance, public).scopes
    assert (left.read, left.upload, left.create_projects) == (("main",), ("main",), False)
    assert actor_of(sqlite_instance, uploading).scopes.upload == ()


def test_one_ends_ones_own_tokens_and_others_are_absent(sqlite_instance: Instance):
    for name in ("alice", "bob"):
        User.objects.create(username=name)
    made = make(sqlite_instance, Scopes(("main",)))

    with pytest.raises(Absent, match="you have no token with the id"):
        end_own_token(sqlite_instance.publisher, made.id, BOB, deadline=soon())
    end_own_token(sqlite_instance.publisher, made.id, ALICE, deadline=soon())

    assert authenticate(made.text, sqlite_instance.publisher.clock) is None


def test_a_robots_tokens_are_its_owners(sqlite_instance: Instance):
    for name in ("alice", "bob"):
        User.objects.create(username=name)
    User.objects.create(username="machine", is_robot=True)
    give_robot(sqlite_instance.publisher, "machine", "alice", OPERATOR, deadline=soon())

    made = make(sqlite_instance, Scopes(("main",)), user="machine")

    assert actor_of(sqlite_instance, made).user == "machine"
    assert [facts.id for facts in list_own_tokens(ALICE)] == [made.id]
    assert list_own_tokens(BOB) == []
    with pytest.raises(Absent):
        end_own_token(sqlite_instance.publisher, made.id, BOB, deadline=soon())
    end_own_token(sqlite_instance.publisher, made.id, ALICE, deadline=soon())
    for robot, owner in (("alice", "bob"), ("machine", "nobody")):
        with pytest.raises(NotAccepted):
            give_robot(sqlite_instance.publisher, robot, owner, OPERATOR, deadline=soon())


def test_listing_ones_tokens_costs_the_same_however_many_others_have(sqlite_instance: Instance):
    made = make(sqlite_instance, Scopes(("main",)))
    for number in range(20):
        person = User.objects.create(username=f"other{number}")
        created = sqlite_instance.publisher.clock.now()
        Token.objects.create(id=f"other{number}", digest="", name="", user=person, created=created)

    with CaptureQueriesContext(connection) as asked:
        listed = list_own_tokens(ALICE)

    assert [facts.id for facts in listed] == [made.id]
    assert len(asked) <= 3


def test_the_owner_of_a_leaked_token_is_told_by_mail(sqlite_instance: Instance):
    alice = User.objects.create(username="alice")
    EmailAddress.objects.create(user=alice, email="alice@people.example", verified=True, primary=True)
    made = make(sqlite_instance, Scopes(("main",)))

    end_leaked_tokens(sqlite_instance.publisher, [made.text], "https://code.example/a", NOBODY, deadline=soon())

    mail = Mail.objects.get(kind="token-leaked")
    assert (mail.to, made.id in mail.subject) == ("alice@people.example", True)
    assert "https://code.example/a" in mail.text
    assert made.text not in mail.text


def test_uses_are_noted_and_written_later(instance: Instance):
    door = Door(instance)
    token = door.token()
    assert door.upload(wheels.twine_body(*wheels.wheel("demo-pkg", "1.0")), token).status == 200
    assert list_tokens()[0].last_used is None

    assert door.parts.uses.write(instance.publisher.clock) == 1

    first = list_tokens()[0].last_used
    assert first is not None
    door.api("GET", "projects/main/demo-pkg", token)
    door.parts.uses.note("gone", first)
    door.parts.uses.write(instance.publisher.clock)
    again = list_tokens()[0].last_used
    assert again is not None
    assert again > first
    assert door.parts.uses.write(instance.publisher.clock) == 0


def test_uses_are_bounded_and_kept_while_the_database_is_away(sqlite_instance: Instance):
    uses, clock = Uses(), sqlite_instance.publisher.clock
    for number in range(uses_module.NOTED_MAX + 5):
        uses.note(f"t{number}", clock.now())
    file = sqlite_instance.config.sqlite_file
    away = file.rename(file.with_suffix(".away"))
    from holdfast.core.errors import Unavailable

    with pytest.raises(Unavailable):
        uses.write(clock)
    away.rename(file)

    assert uses.write(clock) == uses_module.NOTED_MAX


def test_a_defect_while_uses_are_written_ends_no_thread(sqlite_instance: Instance):
    again, stop = threading.Event(), threading.Event()

    class Broken(Uses):
        def write(self, clock: Clock) -> int:
            if self.is_first:
                self.is_first = False
                raise RuntimeError("a defect")
            again.set()
            return 0

        is_first = True

    thread = write_regularly(Broken(), sqlite_instance.publisher.clock, stop, every_seconds=0.001)

    assert again.wait(10)
    stop.set()
    thread.join(10)


def test_a_leaked_token_is_ended_and_the_answer_tells_nothing(sqlite_instance: Instance):
    door = Door(sqlite_instance)
    token, other = door.token(), door.token("bob")
    wrong = token[:-1] + ("A" if token[-1] != "A" else "B")

    known = door.request("POST", "/api/leaked-tokens", b'{"tokens": ["%s"]}' % token.encode())
    unknown = door.request("POST", "/api/leaked-tokens", b'[{"token": "%s", "url": "x"}, {}]' % wrong.encode())

    assert (known.status, known.json()) == (200, {"received": 1})
    assert (unknown.status, unknown.json()) == (200, {"received": 2})
    assert door.api("GET", "projects/main/x", token).status == 401
    assert door.api("GET", "projects/main/x", other).status == 404
    event = AuditEvent.objects.get(action="token-leaked")
    assert (event.subject, event.address, event.detail["user"]) == (token.split("_")[1], "", "alice")
    assert event.network  # from where, as nobody can read back


def test_a_leaked_token_of_a_workflow_is_ended_too(sqlite_instance: Instance):
    """They look alike, live for a quarter of an hour, and logs of CI are where most leak."""
    minted, other = tokens.mint(), tokens.mint()
    for one in (minted, other):
        facts = {"provider": "ci", "kind": "oidc", "issuer": "https://i.example", "label": "ci:x"}
        times = {"created": datetime.now(UTC), "expires": datetime.now(UTC) + timedelta(minutes=15)}
        PublisherToken.objects.create(id=one.id, digest=one.digest, **facts, **times)
    ended = end_leaked_tokens(sqlite_instance.publisher, [minted.text], "a log", NOBODY, deadline=soon())

    assert ([minted.id], [other.id]) == (ended, list(PublisherToken.objects.values_list("id", flat=True)))
    event = AuditEvent.objects.get(action="publisher-token-leaked")
    assert (minted.id, "a log") == (event.subject, event.detail["found_at"])


def test_a_token_with_the_right_id_and_another_secret_is_left_alone(sqlite_instance: Instance):
    """Ids are in lists and logs; only the whole text shows that somebody could have used it."""
    from holdfast.core import tokens

    door = Door(sqlite_instance)
    token = door.token()
    body = f"{tokens.PREFIX}{token.split('_')[1]}_{'0' * 43}"
    forged = f"{body}_{tokens.checksum(body)}"
    assert tokens.parse(forged) is not None

    assert end_leaked_tokens(sqlite_instance.publisher, [forged, "x"], "", NOBODY, deadline=soon()) == []
    assert authenticate(token, sqlite_instance.publisher.clock) is not None


def test_reports_are_limited_by_network_and_all_together(sqlite_instance: Instance):
    door = Door(sqlite_instance, leak_reports=Rate(by_network=2, by_all=100, seconds=60.0))

    told = [door.request("POST", "/api/leaked-tokens", b'{"tokens": []}') for _ in range(3)]

    assert [answer.status for answer in told] == [200, 200, 429]
    assert 1 <= int(told[2].headers["retry-after"]) <= 60
    rate = Rate(by_network=100, by_all=2, seconds=60.0)
    for address in ("192.0.2.1", "198.51.100.1"):
        rate.count(door.parts.clock, address)
    with pytest.raises(TooMany):
        rate.count(door.parts.clock, "203.0.113.1")
    assert network_of("2001:db8::1:2") == network_of("2001:db8::9:9") == "2001:db8::/64"
    # A socket for both families tells IPv4 inside IPv6: they are not all one network, which one of them could shut.
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.9") != network_of("::ffff:198.51.100.1")
