"""No stale right: what somebody's credentials were good for ends with what it came from, on their next request.

Bob's token, his browser and a workflow he let publish are asked before and after he loses what he had, by each way
there is to lose it. Nothing is minted or signed in anew in between.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest
import wheels
from control.signing_in import signed_in
from doors import Door
from instances import ALICE, OPERATOR, UPLOADER, Instance, new_instance, soon
from rights_world import NOW, publishers_token

from holdfast.config import ProviderConfig
from holdfast.control.accounts.actor import ACTIONS, Actor
from holdfast.control.accounts.administrators import set_administrator
from holdfast.control.accounts.models import User
from holdfast.control.accounts.people import freeze, unfreeze
from holdfast.control.database import close_connection
from holdfast.control.organisations import actions, teams
from holdfast.control.organisations.models import Holding, Membership, Organisation, Team, TeamRole
from holdfast.control.organisations.offers import offer_project, take_project
from holdfast.control.projects import standing
from holdfast.control.projects.models import Project, Role
from holdfast.control.publishers.models import Publisher

PERSON = replace(UPLOADER, create_projects=False, actions=ACTIONS)
DORA = Actor("dora", PERSON)


@dataclass(frozen=True)
class Scene:
    """One project of Alice's, and everything Bob can act through."""

    door: Door
    name: str

    @property
    def project(self) -> Project:
        return Project.objects.get(name=self.name)

    @property
    def organisation(self) -> str:
        return f"org-of-{self.name}"


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    yield new_instance(tmp_path_factory.mktemp("stale") / "data")
    close_connection()


@pytest.fixture
def scene(instance: Instance, request: pytest.FixtureRequest) -> Scene:
    """A project of its own for each case. Bob is open again, whatever the case before did to him."""
    config = replace(instance.config, two_factor="optional", providers=(ProviderConfig("ci", "https://i.example"),))
    for name in ("bob", "dora"):
        User.objects.get_or_create(username=name)
    User.objects.filter(username="bob").update(is_active=True)
    name = f"demo{Project.objects.count()}"
    instance.upload(name, "1.0")
    User.objects.filter(username="alice").update(password="a hash")  # an owner who remains when Bob goes
    return Scene(Door(replace(instance, config=config)), name)


def owner(scene: Scene) -> None:
    Role.objects.create(project=scene.project, user=User.objects.get(username="bob"), role="owner")


def maintainer(scene: Scene) -> None:
    Role.objects.create(project=scene.project, user=User.objects.get(username="bob"), role="maintainer")


def held(scene: Scene, place: str) -> Team:
    """An organisation of Alice's holds the project; Bob is in it."""
    made = Organisation.objects.create(name=scene.organisation, display="Acme", created=NOW)
    for user, role in (("alice", "owner"), ("bob", place)):
        Membership.objects.create(organisation=made, user=User.objects.get(username=user), role=role)
    Holding.objects.create(project=scene.project, organisation=made)
    return Team.objects.create(organisation=made, name="crew", created=NOW)


def team(role: str) -> Callable[[Scene], None]:
    def made(scene: Scene) -> None:
        crew = held(scene, "member")
        crew.members.add(User.objects.get(username="bob"))
        TeamRole.objects.create(team=crew, project=scene.project, role=role)

    return made


def place(role: str) -> Callable[[Scene], None]:
    def made(scene: Scene) -> None:
        held(scene, role)

    return made


def frozen(scene: Scene) -> None:
    freeze(scene.door.instance.publisher, "bob", "stolen", OPERATOR, deadline=soon())


def role_taken(scene: Scene) -> None:
    standing.remove_role(scene.door.instance.publisher, "main", scene.name, "bob", ALICE, deadline=soon())


def lowered(scene: Scene) -> None:
    standing.add_role(scene.door.instance.publisher, "main", scene.name, "bob", "maintainer", ALICE, deadline=soon())


def left(scene: Scene) -> None:
    standing.leave_project(scene.door.instance.publisher, "main", scene.name, Actor("bob", PERSON), deadline=soon())


def given_to_dora(scene: Scene) -> None:
    publisher = scene.door.instance.publisher
    made = offer_project(publisher, "main", scene.name, replace(ALICE, scopes=PERSON), user="dora", deadline=soon())
    take_project(publisher, made.id, DORA, deadline=soon())


def taken_out(scene: Scene) -> None:
    actions.remove_member(scene.door.instance.publisher, scene.organisation, "bob", OPERATOR, deadline=soon())


def placed_lower(scene: Scene) -> None:
    publisher = scene.door.instance.publisher
    actions.set_place(publisher, scene.organisation, "bob", "member", OPERATOR, deadline=soon())


def out_of_the_team(scene: Scene) -> None:
    publisher = scene.door.instance.publisher
    teams.remove_from_team(publisher, scene.organisation, "crew", "bob", OPERATOR, deadline=soon())


def team_deleted(scene: Scene) -> None:
    teams.delete_team(scene.door.instance.publisher, scene.organisation, "crew", OPERATOR, deadline=soon())


def team_lowered(scene: Scene) -> None:
    order = (scene.organisation, "crew", "main", scene.name, "maintainer")
    teams.set_team_role(scene.door.instance.publisher, *order, OPERATOR, deadline=soon())


def team_without_role(scene: Scene) -> None:
    order = (scene.organisation, "crew", "main", scene.name, "none")
    teams.set_team_role(scene.door.instance.publisher, *order, OPERATOR, deadline=soon())


# What is asked, in this order: an upload with Bob's token, a yank with it, the project's people with it (owners alone);
# an upload by the workflow that Bob let publish; the project's page in Bob's browser.
OWNS = "200 200 200 200 200"
MAINTAINS = "200 200 403 403 200"  # of a maintainer's, no workflow publishes
NOTHING = "403 403 403 403 404"
SHUT = "401 401 401 403 302"  # the browser is sent to sign in

CASES = [
    (owner, OWNS, frozen, SHUT),
    (owner, OWNS, role_taken, NOTHING),
    (owner, OWNS, left, NOTHING),
    (owner, OWNS, lowered, MAINTAINS),
    (owner, OWNS, given_to_dora, "403 403 403 401 404"),  # the workflow's token went with the hands
    (maintainer, MAINTAINS, frozen, SHUT),
    (maintainer, MAINTAINS, role_taken, NOTHING),
    (maintainer, MAINTAINS, given_to_dora, "403 403 403 401 404"),
    (team("owner"), OWNS, out_of_the_team, NOTHING),
    (team("owner"), OWNS, team_deleted, NOTHING),
    (team("owner"), OWNS, team_without_role, NOTHING),
    (team("owner"), OWNS, team_lowered, MAINTAINS),
    (team("owner"), OWNS, taken_out, NOTHING),
    (team("owner"), OWNS, frozen, SHUT),
    (team("maintainer"), MAINTAINS, out_of_the_team, NOTHING),
    (team("maintainer"), MAINTAINS, team_deleted, NOTHING),
    (team("maintainer"), MAINTAINS, taken_out, NOTHING),
    (place("owner"), OWNS, placed_lower, NOTHING),
    (place("owner"), OWNS, taken_out, NOTHING),
    (place("owner"), OWNS, frozen, SHUT),
    (place("manager"), MAINTAINS, placed_lower, NOTHING),
    (place("manager"), MAINTAINS, taken_out, NOTHING),
]


def told(case: tuple[Callable, str, Callable, str]) -> str:
    return f"{case[0].__qualname__.partition('.')[0]}, {case[2].__name__}"


@pytest.mark.parametrize("case", CASES, ids=told)
def test_what_was_lost_is_lost_for_every_credential_at_once(scene: Scene, case: tuple[Callable, str, Callable, str]):
    stand, before, lose, after = case
    stand(scene)
    asked = everything_of_bobs(scene)

    found = [asked(), (lose(scene), asked())[1]]

    assert [before, after] == found


def everything_of_bobs(scene: Scene) -> Callable[[], str]:
    door, project = scene.door, scene.project
    token, browser = door.token("bob", PERSON), signed_in(door, "bob")
    facts = {"provider": "ci", "lookup": "x", "created_by": "bob", "created": NOW, "by_operator": False}
    publisher = Publisher.objects.create(index="main", name=scene.name, project=project, identity=scene.name, **facts)
    workflow, releases = publishers_token(publisher), iter(range(2, 20))

    def upload(text: str) -> int:
        return door.upload(wheels.twine_body(*wheels.wheel(scene.name, f"{next(releases)}.0")), text).status

    def asked() -> str:
        path = f"projects/main/{scene.name}"
        answers = [
            upload(token),
            door.api("POST", f"{path}/releases/1.0/yank", token, {"reason": "x"}).status,
            door.api("GET", f"{path}/people", token).status,
            upload(workflow),
            browser.ask("GET", f"/manage/{path}/").status,
        ]
        return " ".join(map(str, answers))

    return asked


def test_whoever_is_open_again_has_what_they_had_but_no_session(scene: Scene):
    owner(scene)
    asked = everything_of_bobs(scene)
    frozen(scene)

    unfreeze(scene.door.instance.publisher, "bob", OPERATOR, deadline=soon())

    assert "200 200 200 200 302" == asked()


def test_who_is_no_administrator_any_more_is_nobody_to_the_operators_pages(scene: Scene):
    browser = signed_in(scene.door, "mona", is_superuser=True)
    before = browser.ask("GET", "/admin/people/").status

    set_administrator(scene.door.instance.publisher, "mona", False, OPERATOR, deadline=soon())

    assert (200, 404) == (before, browser.ask("GET", "/admin/people/").status)
