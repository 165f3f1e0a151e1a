"""What must be there before a row of the rights matrix can succeed: one function each, given the row's world."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from instances import ALICE, OPERATOR, soon
from rights_world import ADMIN, World, form

from holdfast.control.accounts.models import Session, User
from holdfast.control.hooks.actions import Wanted, make_webhook
from holdfast.control.organisations.grants import Grantee, grant_index
from holdfast.control.organisations.invitations import invite_to_project
from holdfast.control.organisations.models import Holding, Organisation, TeamRole
from holdfast.control.organisations.offers import offer_project
from holdfast.control.organisations.robots import create_robot
from holdfast.control.projects.actions import delete_project
from holdfast.control.projects.models import Project
from holdfast.control.projects.standing import grant_shadow
from holdfast.control.retention.actions import set_rule
from holdfast.control.retention.plan import Rule
from holdfast.control.retention.quotas import set_quota

HOOK = {"url": "https://ci.example/hook"}
IDENTITY = {"provider": "ci", "claims": {"email": "ci@acme.example"}}


def stored(world: World) -> None:
    """A release whose bytes are really there."""
    assert world.door.upload(form(world), world.door.token()).status == 200
    world.facts["version"] = "2.0"


def session(world: World) -> None:
    """Alice has opened a session for a release."""
    release = {"name": world.project, "version": "2.0"}
    world.facts["session"] = world.door.api("POST", "sessions/main", world.door.token(), release).json()["session"]


def staged(world: World) -> None:
    """And staged its wheel."""
    session(world)
    path = f"/api/sessions/main/{world.facts['session']}/files"
    world.facts["filename"] = world.door.upload(form(world), world.door.token(), path).json()["filename"]


def with_role(world: World) -> None:
    world.facts["user"] = "robot"


def deleted(world: World) -> None:
    delete_project(world.door.instance.publisher, "main", world.project, ALICE, deadline=soon())


def granted(world: World) -> None:
    grant_shadow(world.door.instance.publisher, "main", world.project, OPERATOR, deadline=soon())


def published_to(world: World) -> None:
    made = world.door.api("POST", f"projects/main/{world.project}/publishers", world.cast.tokens["alice"], IDENTITY)
    world.facts["publisher"] = str(made.json()["id"])


def pending(world: World) -> None:
    body = {**IDENTITY, "name": f"pending{world.number}"}
    made = world.door.api("POST", "publishers/pending", world.cast.tokens["alice"], body)
    world.facts["publisher"] = str(made.json()["id"])


def a_token(world: World) -> None:
    made = world.door.token("dora")
    world.facts["token"] = made.split("_")[1]


def signed_in_somewhere(world: World) -> None:
    """Alice is signed in with a browser."""
    number = sha256(f"{world.number}".encode()).hexdigest()
    alice, then = User.objects.get(username="alice"), datetime.now(UTC) + timedelta(days=1)
    Session.objects.get_or_create(session_key=number, user=alice, expire_date=then, seen=then)
    world.facts["session"] = number


def organisation(world: World) -> None:
    world.cast.organisation(world)


def fresh_team(world: World) -> None:
    organisation(world)
    world.facts["team"] = "fresh"


def held(world: World) -> None:
    """The organisation holds the project, and its team has a role on it."""
    organisation(world)
    project = Project.objects.get(name=world.project)
    holder = Organisation.objects.get(name=world.facts["organisation"])
    Holding.objects.create(project=project, organisation=holder)
    TeamRole.objects.create(team=holder.teams.get(), project=project, role="maintainer")


def invited(world: World) -> None:
    """Charlie is invited to the project."""
    publisher, name = world.door.instance.publisher, world.project
    made = invite_to_project(publisher, "main", name, "charlie", "maintainer", ALICE, deadline=soon())
    world.facts["invitation"] = str(made.id)


def offered(world: World) -> None:
    """Alice offers the project to Charlie."""
    publisher, name = world.door.instance.publisher, world.project
    world.facts["offer"] = str(offer_project(publisher, "main", name, ALICE, user="charlie", deadline=soon()).id)


def a_robot(world: World) -> None:
    world.facts["user"] = f"machine{world.number}"
    User.objects.create(username=world.facts["user"], is_robot=True)


def organisations_robot(world: World) -> None:
    """The organisation has a robot."""
    organisation(world)
    holder = world.facts["organisation"]
    made = create_robot(world.door.instance.publisher, holder, "ci", OPERATOR, deadline=soon())
    world.facts["user"] = made


def hook(world: World, index: str, name: str) -> None:
    publisher, keys = world.door.instance.publisher, ("k" * 32,)
    made = make_webhook(publisher, Wanted(index, name, HOOK["url"]), keys, OPERATOR, deadline=soon())
    world.facts["webhook"] = str(made.id)


def hooked(world: World) -> None:
    hook(world, "main", world.project)


def index_hooked(world: World) -> None:
    hook(world, "main", "")


def all_hooked(world: World) -> None:
    hook(world, "", "")


def ruled(world: World) -> None:
    set_rule(world.door.instance.publisher, "main", world.project, Rule(3), OPERATOR, deadline=soon())


def index_ruled(world: World) -> None:
    set_rule(world.door.instance.publisher, "main", "", Rule(days=9), OPERATOR, deadline=soon())


def bounded(world: World) -> None:
    set_quota(world.door.instance.publisher, "main", world.project, 10**9, OPERATOR, deadline=soon())


def index_bounded(world: World) -> None:
    set_quota(world.door.instance.publisher, "main", "", 10**9, OPERATOR, deadline=soon())


def open_index(world: World) -> None:
    grant_index(world.door.instance.publisher, "main", "create", Grantee("dora"), OPERATOR, deadline=soon())


def switched_off(world: World) -> None:
    token = world.door.token("root", ADMIN)
    assert world.door.api("PUT", f"switches/{world.facts['capability']}", token, {"reason": "a flood"}).status == 200


def reported(world: World) -> None:
    document = {"kind": "malware", "text": "it sends tokens away"}
    answer = world.door.api("POST", f"projects/main/{world.project}/reports", world.door.token("eve"), document)
    world.facts["report"] = str(answer.json()["id"])


def dora(world: World) -> None:
    world.door.token(world.facts["user"])


def observer(world: World) -> None:
    dora(world)
    assert world.door.api("PUT", f"observers/{world.facts['user']}", world.door.token("root", ADMIN)).status == 200


def banned(world: World) -> None:
    document = {"network": "203.0.113.0/24", "reason": "a flood"}
    assert world.door.api("POST", "bans", world.door.token("root", ADMIN), document).status == 200


def prohibited(world: World) -> None:
    document = {"pattern": "someones", "reason": "a brand"}
    assert world.door.api("POST", "prohibited-names", world.door.token("root", ADMIN), document).status == 200


def denied(world: World) -> None:
    document = {"what": "acme<3", "reason": "INC-7"}
    assert world.door.api("POST", "policy/denials", world.door.token("root", ADMIN), document).status == 200


def let_through(world: World) -> None:
    document = {"name": "acme", "version": "2.0", "reason": "a fix"}
    assert world.door.api("POST", "policy/passes", world.door.token("root", ADMIN), document).status == 200
