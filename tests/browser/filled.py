"""An instance in which much has happened: long names, many versions, open questions, trouble. Control's pages of it."""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import wheels
from allauth.mfa.models import Authenticator
from control.signing_in import signed_in
from django.contrib.auth.hashers import make_password
from doors import Answered, Door
from instances import UPLOADER, Instance, Scopes, new_instance, operator, soon
from passkeys import Passkey
from people_issuer import SECRET, PeopleIssuer
from served import served

from holdfast.clock import SystemClock
from holdfast.config import ProviderConfig
from holdfast.control.accounts import secrets
from holdfast.control.accounts.actions import create_token
from holdfast.control.accounts.actor import ACTIONS
from holdfast.control.accounts.models import Invitation as AccountInvitation
from holdfast.control.accounts.models import Session, User
from holdfast.control.accounts.people import freeze
from holdfast.control.mail.models import Mail
from holdfast.control.moderation import deciding
from holdfast.control.moderation.models import Report
from holdfast.control.organisations.models import (
    Holding,
    IndexGrant,
    Invitation,
    Membership,
    Offer,
    Organisation,
    Team,
    TeamRole,
)
from holdfast.control.projects.models import Project, Release, Role
from holdfast.control.publication.models import Event
from holdfast.control.publishers.fetching import ask, fetch
from holdfast.control.publishers.models import Publisher
from holdfast.control.sign_in.asking import Providers
from holdfast.control.tokens.models import OrganisationRobot
from holdfast.front.serve import free_port
from holdfast.pages.assets import assets
from holdfast.tree.bans import new_ban, new_prohibition

PASSWORD = "correct horse battery staple"
TOOL = "acme-feature-store-connectors-for-postgresql-and-clickhouse"  # long, with places to break
SOLID = "interdepartementalreconciliationworkbench"  # long, without
LONGEST = "maximiliane-von-und-zu-unterschleissheim"[:39]  # a user name of as many characters as there may be
ACME = "acme-research-and-development-department"
REASON = (
    "Leaks <file> handles under load; use 2.4.1 or later, see https://forge.example/acme/connectors/issues/1234567890"
)
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 Safari/604.1",
    "",
)


@dataclass
class Filled:
    """The instance, and who is signed in to it by which cookie."""

    door: Door
    url: str
    cookies: dict[str, str]


@contextmanager
def filled(folder: Path, sso: PeopleIssuer) -> Iterator[Filled]:
    """Serve it on loopback, with the assets that a front has, and Acme and Globex as sign-in providers."""
    instance = new_instance(folder)
    (folder / "sso-secret").write_text(SECRET)
    port = free_port("127.0.0.1")
    acme = sso.provider(str(folder / "sso-secret"))
    config = replace(
        instance.config,
        listen_port=port,
        two_factor="optional",
        sign_up="open",
        sign_in=(acme, replace(acme, name="globex", label="Globex International", issuer="https://globex.example")),
        providers=(ProviderConfig("github", "https://token.actions.example", "github"),),
    )
    clock = SystemClock()
    door = Door(replace(instance, config=config), clock=clock, providers=Providers(fetch, ask, clock))
    _fill(door, sso.url)
    people = ("alice", LONGEST, "oper", "mona", "nobody-yet", "unproven")
    cookies = {name: signed_in(door, name, just_now=name != "unproven").cookies["holdfast"] for name in people}
    with served(door, _asset, port) as url:
        yield Filled(door, url, cookies)


def _asset(_method: str, path: str) -> Answered | None:
    found = assets().get(path.removeprefix("/assets/"))
    return Answered(200, {"content-type": found.media_type}, found.body) if found else None


def _fill(door: Door, issuer: str) -> None:
    now = datetime.now(UTC)
    instance = door.instance
    for name, facts in (
        ("alice", {}),
        ("bob", {}),
        (LONGEST, {}),
        ("oper", {"is_superuser": True}),
        ("mona", {"is_staff": True}),
        ("mallory", {}),
        ("unproven", {}),
        ("nobody-yet", {}),
        (f"{ACME[:28]}-ci", {"is_robot": True}),
    ):
        User.objects.create(username=name, password=make_password(PASSWORD), last_login=now, **facts)
    _uploads(door, now)
    _organisation(now)
    _tokens(door, now)
    _account(now, issuer)
    _operations(instance, now)


def _uploads(door: Door, now: datetime) -> None:
    alice = door.token("alice", UPLOADER)
    for number in range(4):
        version = f"2.{number}.1" if number < 3 else "3.0.0rc1.post1.dev20261126"
        made = [wheels.wheel(TOOL, version, requires_python=">=3.9", size=200_000), wheels.sdist(TOOL, version)]
        for one in made[: 1 + number % 2]:
            answer = door.upload(wheels.twine_body(*one), alice)
            assert 200 == answer.status, answer.text
    for name in (SOLID, "bad", "markup", "a"):
        assert 200 == door.upload(wheels.twine_body(*wheels.wheel(name, "1.0")), alice).status
    for age, release in enumerate(Release.objects.order_by("-pk")):
        release.created = now - timedelta(days=9 * age)
        release.save()
    Release.objects.filter(version__in=("2.0.1", "2.1.1")).update(yanked=True, yanked_reason=REASON)
    Project.objects.filter(name="bad").update(status="quarantined", status_reason="Steals what is in the environment.")
    Project.objects.filter(name="markup").update(status="archived", status_reason="Moved into " + TOOL)
    project = Project.objects.get(name=TOOL)
    for name, role in ((LONGEST, "owner"), ("bob", "maintainer")):
        Role.objects.create(project=project, user=User.objects.get(username=name), role=role)


def _organisation(now: datetime) -> None:
    made = Organisation.objects.create(name=ACME, display="Acme Research & Development, Department 7", created=now)
    crew = Team.objects.create(organisation=made, name="connectors-release-managers", created=now)
    Team.objects.create(organisation=made, name="on-call", created=now)
    robot = User.objects.get(is_robot=True)
    people = {name: User.objects.get(username=name) for name in ("alice", "bob", LONGEST, "nobody-yet")}
    for name, role in (("alice", "owner"), ("bob", "manager"), (LONGEST, "member")):
        Membership.objects.create(organisation=made, user=people[name], role=role)
    Membership.objects.create(organisation=made, user=robot, role="member")
    OrganisationRobot.objects.create(robot=robot, organisation=made, created=now)
    IndexGrant.objects.create(index="main", right="create", created=now)
    held = Project.objects.get(name=SOLID)
    Holding.objects.create(project=held, organisation=made)
    crew.members.add(people["bob"], people[LONGEST])
    TeamRole.objects.create(team=crew, project=held, role="maintainer")
    tool, ends = Project.objects.get(name=TOOL), now + timedelta(days=6)
    told = {"invited_by": people["alice"], "created": now, "expires": ends}
    mail = "somebody.with.a.rather.long.name@subdivision.people.example"
    Invitation.objects.create(project=tool, role="maintainer", email=mail, **told)
    Invitation.objects.create(project=tool, role="owner", user=people["nobody-yet"], **told)
    Invitation.objects.create(organisation=made, role="manager", user=people["nobody-yet"], **told)
    Invitation.objects.create(organisation=made, role="member", email=mail, **told)
    offer = {"offered_by": "alice", "created": now, "expires": ends}
    Offer.objects.create(project=tool, to_organisation=made, **offer)
    Offer.objects.create(project=Project.objects.get(name="a"), to_user=people[LONGEST], **offer)


def _tokens(door: Door, now: datetime) -> None:
    publisher = door.instance.publisher
    known = (
        ("release job of the connectors, run by the build machine in the basement", ("main/" + TOOL,), None),
        ("laptop", (), now + timedelta(days=3)),
        ("old laptop", (), now - timedelta(days=3)),
        ("both", ("main/" + TOOL, "main/" + SOLID), now + timedelta(days=90)),
    )
    for name, projects, ends in known:
        reach = Scopes((), (), projects, actions=ACTIONS) if projects else replace(UPLOADER, actions=ACTIONS)
        create_token(publisher, name, "alice", reach, ends, operator(), deadline=soon())
    create_token(publisher, "reads", "alice", Scopes(("main",)), None, operator(), deadline=soon())
    claims = {"owner": "acme-research", "repository": "feature-store-connectors", "workflow": "release.yml"}
    said = {"provider": "github", "created": now, "by_operator": False, "claims": claims}
    alice, tool = User.objects.get(username="alice"), Project.objects.get(name=TOOL)
    for number, (by, used) in enumerate((("alice", now), ("mallory", None))):
        pinned = {"owner_id": "1234567", "repository_id": "76543210"} if used else {}
        facts = {"created_by": by, "last_used": used, "pinned": pinned, "identity": f"{number}", "lookup": "x"}
        Publisher.objects.create(index="main", name=TOOL, project=tool, **said, **facts)
    pending = {"registrant": alice, "created_by": "alice", "identity": "p", "lookup": "x"}
    Publisher.objects.create(index="main", name="acme-feature-store-next-generation", **said, **pending)


def _account(now: datetime, issuer: str) -> None:
    alice = User.objects.get(username="alice")
    for mail, verified, primary in (
        ("alice@people.example", True, True),
        ("alice.from.the.research.department@subdivision.people.example", True, False),
        ("alice@new.example", False, False),
    ):
        alice.emailaddress_set.create(email=mail, verified=verified, primary=primary)
    key = secrets.encrypt(base64.b32encode(b"0123456789abcdefghij").decode())
    Authenticator.objects.create(user=alice, type="totp", data={"secret": key})
    seed = {"seed": secrets.encrypt("seed"), "used_mask": 0b101}
    Authenticator.objects.create(user=alice, type="recovery_codes", data=seed)
    for name in ("The blue key on the ring with the bicycle's", "Telephone"):
        data = {"name": name, "credential": Passkey().registration(resident=name == "Telephone")}
        Authenticator.objects.create(user=alice, type="webauthn", data=data)
    for provider in (issuer, "https://former.example"):
        alice.socialaccount_set.create(provider=provider, uid="alice-1")
    for number, agent in enumerate(AGENTS):
        Session.objects.create(
            session_key=hashlib.sha256(agent.encode()).hexdigest(),
            user=alice,
            expire_date=now + timedelta(days=3),
            address="2001:db8:85a3:8d3:1319:8a2e:370:7348" if number else "",
            agent=agent,
            begun=now - timedelta(days=40 * number),
            seen=now - timedelta(hours=7 * number),
        )


def _operations(instance: Instance, now: datetime) -> None:
    bad = Project.objects.get(name="bad")
    text = f"setup.py posts the environment to https://evil.example/collect?id={'0123456789' * 4}\n\nSeen in 1.0."
    for reporter, kind, trusted in (("scanner", "malware", True), (LONGEST, "spam", False)):
        Report.objects.create(
            project=bad, kind=kind, text=text, reporter=reporter, trusted=trusted, created=now - timedelta(days=2)
        )
    tool = Project.objects.get(name=TOOL)
    Report.objects.create(
        project=tool, kind="dependency-confusion", text="Looks like acme.", reporter="bob", created=now
    )
    freeze(instance.publisher, "mallory", "Sends spam, and more spam.", operator(), deadline=soon())
    for network, reason, ends in (
        ("198.51.100.0/24", "A flood of fake projects since this morning", now + timedelta(hours=5)),
        ("2001:db8:85a3::/48", "Dictionary attack", None),
    ):
        deciding.ban(instance.store, new_ban(network, reason, ends, "oper", now, ()))
    for pattern, index in (("acme-*", "*"), ("interdepartementalreconciliation*", "main")):
        deciding.prohibit(instance.store, new_prohibition(index, pattern, "Kept for the department", "oper", now))
    Event.objects.filter(serial__in=Event.objects.order_by("serial").values("serial")[2:4]).update(
        held=True,
        attempts=7,
        first_failure=now - timedelta(hours=4),
        error="NotAccepted: the record of main/" + SOLID + " cannot be rendered: " + "x" * 120,
    )
    for number, to in enumerate(("alice@people.example", "somebody.with.a.long.name@subdivision.people.example")):
        Mail.objects.create(
            message_id=str(number), to=to, kind="two-factor-changed", priority=1, subject="x", text="x", created=now,
            due=now, attempts=number * 9, error="550 5.1.1 <somebody>: Recipient address rejected" if number else "",
            dead=now if number else None,
        )  # fmt: skip
    AccountInvitation.objects.create(
        digest="0", email="new.colleague.of.the.department@subdivision.people.example", by="oper", created=now,
        expires=now + timedelta(days=5), admin=True,
    )  # fmt: skip
