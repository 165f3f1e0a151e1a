"""The rights matrix: what every route of control answers to every person and to every kind of credential.

A route that has no row here fails the first test. What is refused is asked in one world, and must change nothing; what
succeeds gets a world of its own.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from instances import Instance, new_instance
from rights_world import COLUMNS, Cast, World, form, routes

from holdfast.control.accounts.models import AuditEvent
from holdfast.control.database import close_connection
from holdfast.control.projects.standing import grant_shadow
from holdfast.control.urls import urlpatterns
from holdfast.core.page_paths import is_control_page

PROJECT = "api/projects/<slug:index>/<str:name>"
RELEASE = PROJECT + "/releases/<str:version>"
FILE = PROJECT + "/files/<str:filename>"
ROLE = PROJECT + "/roles/<str:user>"
SHADOW = "api/grants/shadow/<slug:index>/<str:name>"

NOBODY_KNOWN = "401 401 401"  # expired, revoked and malformed tokens are no credentials at all


@dataclass(frozen=True)
class Row:
    """One route: expected statuses by column (rights_world.COLUMNS), what is sent, and what must be there before."""

    method: str
    route: str
    expected: str
    body: Any = None
    before: Callable[[World], None] | None = None


def _stored(world: World) -> None:
    """A release whose bytes are really there."""
    assert world.door.upload(form(world), world.door.token()).status == 200
    world.facts["version"] = "2.0"


def _with_role(world: World) -> None:
    world.facts["user"] = "robot"


def _deleted(world: World) -> None:
    from instances import ALICE, soon

    from holdfast.control.projects.actions import delete_project

    delete_project(world.door.instance.publisher, "main", world.project, ALICE, deadline=soon())


def _granted(world: World) -> None:
    from instances import OPERATOR, soon

    grant_shadow(world.door.instance.publisher, "main", world.project, OPERATOR, deadline=soon())


def _a_token(world: World) -> None:
    made = world.door.token("dora")
    world.facts["token"] = made.split("_")[1]


#                       alice bob charlie admin robot anonymous | other-index other-project read-only | no credentials
ANYBODY_READS = f"       200  200 200     200   200   401          403         403           200         {NOBODY_KNOWN}"
MAINTAINERS = f"         200  200 403     200   200   401          403         403           403         {NOBODY_KNOWN}"
OWNERS = f"              200  403 403     200   403   401          403         403           403         {NOBODY_KNOWN}"
ADMINS = f"              403  403 403     200   403   401          403         403           403         {NOBODY_KNOWN}"

ROWS = [
    Row("POST", "legacy/", MAINTAINERS),
    Row("POST", "legacy", MAINTAINERS),
    Row("POST", "<slug:index>/legacy/", MAINTAINERS),
    Row("POST", "<slug:index>/legacy", MAINTAINERS),
    Row("GET", PROJECT, ANYBODY_READS),
    Row("DELETE", PROJECT, OWNERS),
    Row("POST", PROJECT + "/status", OWNERS, {"status": "archived"}),
    Row("POST", PROJECT + "/release-name", ADMINS, before=_deleted),
    Row("PUT", ROLE, OWNERS, {"role": "maintainer"}),
    Row("DELETE", ROLE, OWNERS, before=_with_role),
    Row("DELETE", RELEASE, OWNERS),
    Row("POST", RELEASE + "/yank", MAINTAINERS, {"reason": "broken"}),
    Row("POST", RELEASE + "/unyank", MAINTAINERS),
    # The index it comes from is public; what counts is the right to create the project in the other one.
    Row("POST", RELEASE + "/promote", f"403 403 403 200 403 401  200 403 403 {NOBODY_KNOWN}", {"to": "team"}, _stored),
    Row("DELETE", FILE, OWNERS),
    Row("POST", FILE + "/yank", MAINTAINERS, {"reason": "broken"}),
    Row("POST", FILE + "/unyank", MAINTAINERS),
    Row("PUT", SHADOW, ADMINS),
    Row("DELETE", SHADOW, ADMINS, before=_granted),
    Row("POST", "api/removals", ADMINS, {"sha256": ["0" * 64], "reason": "a key"}),
    Row("GET", "api/tokens", ADMINS),
    Row("POST", "api/tokens", ADMINS.replace("200", "201"), {"name": "ci"}),
    Row("DELETE", "api/tokens/<str:token>", ADMINS, before=_a_token),
]

# Pages stand in a matrix of their own, of people and not of tokens (test_page_matrix.py). What is left out here is
# answered by control to the supervisor on this machine alone: a front does not forward it, and it names nobody.
OUTSIDE_THE_MATRIX = {("ANY", "-/health")}


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    """One instance for the whole matrix."""
    instance: Instance = new_instance(tmp_path_factory.mktemp("matrix") / "data")
    yield Cast(instance)
    close_connection()


def test_every_route_has_a_row():
    """A new route is refused here until somebody has said who may use it."""
    known = {(row.method, row.route) for row in ROWS}

    served = {(method, route) for method, route in routes(urlpatterns) if not is_control_page(f"/{route}")}
    served -= OUTSIDE_THE_MATRIX

    assert set() == served - known, "routes without a row"
    assert set() == known - served, "rows without a route"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method} {row.route}")
def test_a_route_answers_each_person_and_each_credential_as_the_table_says(cast: Cast, row: Row):
    expected = dict(zip(COLUMNS, map(int, row.expected.split()), strict=True))

    found = _refusals(cast, row, expected) | _successes(cast, row, expected)

    assert expected == found


def _refusals(cast: Cast, row: Row, expected: dict[str, int]) -> dict[str, int]:
    """Ask as everybody who is to be refused; nothing may be written."""
    world = _world(cast, row)
    tokens = {who: cast.token(who, world) for who, status in expected.items() if status >= 400}
    before = AuditEvent.objects.count()
    found = {who: _ask(world, row, token) for who, token in tokens.items()}
    assert before == AuditEvent.objects.count(), "something that was refused has been done"
    return found


def _successes(cast: Cast, row: Row, expected: dict[str, int]) -> dict[str, int]:
    found = {}
    for who in (who for who, status in expected.items() if status < 400):
        world = _world(cast, row)
        found[who] = _ask(world, row, cast.token(who, world))
    return found


def _world(cast: Cast, row: Row) -> World:
    world = cast.world()
    if row.before is not None:
        row.before(world)
    return world


def _ask(world: World, row: Row, token: str) -> int:
    path = "/" + re.sub(r"<\w+:(\w+)>", lambda part: world.facts[part[1]], row.route)
    if path.endswith(("/legacy", "/legacy/")):
        return world.door.upload(form(world), token, path).status
    if token:
        return world.door.api(row.method, path.removeprefix("/api/"), token, row.body).status
    return world.door.request(row.method, path).status
