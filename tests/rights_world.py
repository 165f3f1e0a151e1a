"""The cast of the rights matrix: people, their credentials, and a fresh project for each thing that succeeds."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import wheels
from control.signing_in import signed_in
from django.contrib.auth.hashers import make_password
from django.urls import URLPattern, URLResolver
from doors import Door, basic
from instances import UPLOADER, Instance, Scopes, operator, soon

from holdfast.clock import SystemClock
from holdfast.config import ProviderConfig
from holdfast.control.accounts.actions import create_token, revoke_token
from holdfast.control.accounts.actor import ACTIONS
from holdfast.control.accounts.models import User
from holdfast.control.accounts.people import freeze
from holdfast.control.moderation import deciding
from holdfast.control.organisations.models import Holding, Membership, Organisation, Team, TeamRole
from holdfast.control.projects.models import Project, Role
from holdfast.control.publishers.exchange import Exchange
from holdfast.control.publishers.fetching import fetch
from holdfast.control.publishers.models import Publisher, PublisherToken
from holdfast.control.tokens.guessing import RefusedTokens
from holdfast.core import preview_token
from holdfast.core.tokens import mint
from holdfast.tree.bans import new_ban

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ADMIN = Scopes(("*",), ("*",), (), True, True)
PERSON = replace(UPLOADER, actions=ACTIONS)
UPLOAD_ONLY = replace(UPLOADER, actions=("upload",))
OTHER_INDEX = Scopes(("team",), ("team",), (), True)
OTHER_PROJECT = Scopes((), (), ("main/elsewhere",))
READ_ONLY = Scopes(("main",))

# Who asks, in the order of the columns: six people, then what is wrong with a token of the owner.
COLUMNS = (
    "alice bob charlie admin robot anonymous"
    " other-index other-project read-only upload-only expired revoked malformed".split()
)
# Who else asks. Their answers follow from the columns above by a rule (test_rights_matrix.py): a maintainer by a team,
# an owner by an organisation, a moderator, somebody frozen; then credentials that are none here, or of another kind.
MORE = ("tim", "lena", "mona", "frozen", "publisher", "cookie", "session", "password", "preview", "banned")
HELD = ("tim", "lena")  # have what they have in worlds whose project an organisation holds
PASSWORD = "correct horse battery staple"  # of Alice's account
BANNED = "198.18.0.0/24"


@dataclass
class World:
    """One project with its people, and what stands for the parts of an address."""

    door: Door
    number: int
    cast: "Cast"
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def project(self) -> str:
        return f"demo{self.number}"


class Cast:
    """Everybody's tokens on one instance, and worlds on demand."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        provider = ProviderConfig("ci", "https://issuer.example", "google")
        trusting = replace(instance, config=replace(instance.config, providers=(provider,)))
        many = {"refused_tokens": RefusedTokens(10**6), "exchange": Exchange(fetch, SystemClock())}
        demanding = replace(trusting, config=replace(trusting.config, two_factor="publishers"))
        self.strict = Door(demanding, **many)  # where whoever can publish must have a second factor
        self.door = Door(trusting, **many)
        self._worlds = 0
        now = datetime.now(UTC)
        deciding.ban(instance.store, new_ban(BANNED, "a flood", now + timedelta(hours=1), "operator", now, ()))
        made = self._token("alice", UPLOADER, datetime(2020, 1, 1, tzinfo=UTC))
        revoked = self._token("alice", UPLOADER)
        revoke_token(instance.publisher, revoked.split("_")[1], operator(), deadline=soon())
        self.tokens = {
            "alice": self._token("alice", PERSON),
            "bob": self._token("bob", PERSON),
            "charlie": self._token("charlie", PERSON),
            "admin": self._token("root", ADMIN),
            "anonymous": "",
            "other-index": self._token("alice", OTHER_INDEX),
            "other-project": self._token("alice", OTHER_PROJECT),
            "upload-only": self._token("alice", UPLOAD_ONLY),
            "read-only": self._token("alice", READ_ONLY),
            "expired": made,
            "revoked": revoked,
            "malformed": "holdfast_" + "0" * 12 + "_not-a-token",
            "mona": self._token("mona", PERSON),
            "frozen": self._token("fred", PERSON),
            "preview": preview_token.mint(),
            "cookie": "",
        }
        self.tokens["banned"] = self.tokens["admin"]
        User.objects.filter(username="mona").update(is_staff=True)
        freeze(instance.publisher, "fred", "stolen", operator(), deadline=soon())
        User.objects.filter(username="alice").update(password=make_password(PASSWORD))
        self.cookies = signed_in(self.door, "alice", is_superuser=True).cookies
        self.tokens |= {"session": self.cookies["holdfast"], "password": PASSWORD}

    def world(self, *, held: bool = False) -> World:
        """A new project: Alice owns it, Bob and a robot maintain it. `held`: an organisation holds it besides."""
        self._worlds += 1
        world = World(self.door, self._worlds, self)
        name = world.project
        self.instance.upload(name, "1.0")
        project = Project.objects.get(index="main", name=name)
        for user in ("bob", "robot"):  # rows alone: what an action does besides is another test's, and takes its time
            person, _ = User.objects.get_or_create(username=user)
            Role.objects.create(project=project, user=person, role="maintainer")
        if held:
            self._hold(project)
        world.facts |= {
            "index": "main",
            "name": name,
            "version": "1.0",
            "filename": f"{name}-1.0.tar.gz",
            "user": "dora",
            "organisation": f"org{world.number}",
            "team": "release",
            "capability": "search",  # which nothing else here asks for
        }
        return world

    def _hold(self, project: Project) -> None:
        """Lena owns the organisation; Tim is in a team that maintains the project."""
        made = Organisation.objects.create(name=f"holder{self._worlds}", display="Holder", created=NOW)
        team = Team.objects.create(organisation=made, name="crew", created=NOW)
        lena, tim = (User.objects.create(username=f"{who}{self._worlds}") for who in ("lena", "tim"))
        for user, place in ((lena, "owner"), (tim, "member")):
            Membership.objects.create(organisation=made, user=user, role=place)
        team.members.add(tim)
        TeamRole.objects.create(team=team, project=project, role="maintainer")
        Holding.objects.create(project=project, organisation=made)

    def organisation(self, world: World) -> None:
        """Alice and Olga own it, Bob manages it, Dora is a member and in its team; Charlie is not in it."""
        made = Organisation.objects.create(name=world.facts["organisation"], display="Acme", created=NOW)
        team = Team.objects.create(organisation=made, name="release", created=NOW)
        places = {"alice": "owner", "olga": "owner", "bob": "manager", "dora": "member"}
        hashed = make_password(PASSWORD)  # who has no way in is no owner that one may leave it to
        for user, place in places.items():
            person, _ = User.objects.get_or_create(username=user, defaults={"password": hashed})
            Membership.objects.create(organisation=made, user=person, role=place)
        team.members.add(User.objects.get(username="dora"))

    def token(self, who: str, world: World) -> str:
        """The token of a column; a robot's is made for one project."""
        if who == "robot":
            return self._token("robot", Scopes((), (), (f"main/{world.project}",)))
        if who == "publisher":
            return self._workflow(world)
        if who in HELD:  # people of their own in each world: nobody owns more than a few organisations
            return self._token(f"{who}{world.number}", PERSON)
        return self.tokens[who]

    def headers(self, who: str, token: str) -> dict[str, str]:
        """What a client sends of itself."""
        found = {"Authorization": f"Bearer {token}"} if token else {}
        if who == "password":
            found = basic(token, "alice")
        if who == "cookie":
            found["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if who == "banned":
            found["X-Holdfast-Client"] = BANNED.replace(".0/24", ".7")
        return found

    def _workflow(self, world: World) -> str:
        """A token of a workflow that Alice lets publish the project."""
        project = Project.objects.get(index="main", name=world.project)
        facts = {"provider": "ci", "lookup": "x", "created_by": "alice", "created": NOW, "by_operator": False}
        known = {"index": "main", "name": world.project, "identity": "matrix"}
        row, _ = Publisher.objects.get_or_create(**known, defaults={"project": project, **facts})
        return publishers_token(row)

    def _token(self, user: str, scopes: Scopes, expires: datetime | None = None) -> str:
        ends = expires or datetime.now(UTC) + timedelta(days=1)
        return create_token(self.instance.publisher, "t", user, scopes, ends, operator(), deadline=soon()).text


def publishers_token(publisher: Publisher) -> str:
    """A token as the exchange leaves it, without the exchange."""
    minted = mint()
    made, ends = datetime.now(UTC), datetime.now(UTC) + timedelta(minutes=15)
    facts = {"provider": "ci", "kind": "oidc", "issuer": "https://issuer.example", "label": "ci:x"}
    row = PublisherToken.objects.create(id=minted.id, digest=minted.digest, created=made, expires=ends, **facts)
    row.publishers.set([publisher])
    return minted.text


def routes(patterns: list[URLPattern | URLResolver]) -> Iterator[tuple[str, str]]:
    """Every (method, route) of a URL table. A view that does not tell its methods answers as ANY."""
    return ((method, route) for method, route, _view in views(patterns))


def views(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[tuple[str, str, Callable[..., Any]]]:
    """Every (method, route, view) of a URL table."""
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from views(pattern.url_patterns, route)
        else:
            methods = getattr(pattern.callback, "routes", None) or {"ANY": None}
            yield from ((method, route, pattern.callback) for method in methods)


def forms_token(page: str) -> bytes:
    """A form's body that has nothing but the token of a page against forgery."""
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found is not None, page
    return f"csrfmiddlewaretoken={found[1]}".encode()


def form(world: World) -> tuple[str, bytes]:
    """An upload of a new version of the world's project."""
    return wheels.twine_body(*wheels.wheel(world.project, "2.0"))


Body = Callable[[World], Any]
