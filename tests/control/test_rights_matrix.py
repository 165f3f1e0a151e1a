"""The rights matrix: what every route of control answers to every person and to every kind of credential.

A route that has no row here fails the first test. What is refused is asked in one world, and must change nothing; what
succeeds gets a world of its own.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import rights_before as before
from instances import Instance, new_instance
from rights_world import COLUMNS, HELD, MORE, Cast, World, form, routes

from holdfast.control.accounts.models import AuditEvent
from holdfast.control.database import close_connection
from holdfast.control.urls import urlpatterns
from holdfast.core.page_paths import is_control_page

PROJECT = "api/projects/<slug:index>/<str:name>"
RELEASE = PROJECT + "/releases/<str:version>"
FILE = PROJECT + "/files/<str:filename>"
ROLE = PROJECT + "/roles/<str:user>"
SWITCH = "api/switches/<slug:capability>"
SHADOW = "api/grants/shadow/<slug:index>/<str:name>"

SESSIONS = "api/sessions/<slug:index>"
SESSION = SESSIONS + "/<slug:session>"

SIGN_INS = "api/sign-in-sessions"
ORGANISATION = "api/organisations/<slug:organisation>"
TEAM = ORGANISATION + "/teams/<slug:team>"
TEAM_PROJECT = TEAM + "/projects/<slug:index>/<str:name>"
INVITATION = "api/invitations/<int:invitation>"
OFFER = "api/offers/<int:offer>"
HOOK = before.HOOK
INDEX = "api/indexes/<slug:index>"
GRANTS = "api/indexes/<slug:index>/grants"

IDENTITY = before.IDENTITY

NOBODY_KNOWN = "401 401 401"  # expired, revoked and malformed tokens are no credentials at all


@dataclass(frozen=True)
class Row:
    """One route: expected statuses by column (rights_world.COLUMNS), what is sent, and what must be there before."""

    method: str
    route: str
    expected: str
    body: Any = None
    before: Callable[[World], None] | None = None
    but: dict[str, int] = field(default_factory=dict)  # of MORE: where the rule does not hold, each with its reason

    @property
    def is_about_a_project(self) -> bool:
        return self.route.startswith((PROJECT, SESSION)) or self.route.rstrip("/").endswith("legacy")


#                   alice bob charlie admin robot anonymous | other-index other-project read-only upload-only | none
ANYBODY_READS = f"     200 200 200 200 200 401   403 403 200 200 {NOBODY_KNOWN}"
REPORTERS = f"         201 201 201 201 201 401   201 201 201 201 {NOBODY_KNOWN}"
UPLOADERS = f"         200 200 403 200 200 401   403 403 403 200 {NOBODY_KNOWN}"
MAINTAINERS = f"       200 200 403 200 200 401   403 403 403 403 {NOBODY_KNOWN}"
SEEN_BY_MAINTAINERS = f"200 200 403 200 200 401   403 403 403 403 {NOBODY_KNOWN}"
OWNERS = f"            200 403 403 200 403 401   403 403 403 403 {NOBODY_KNOWN}"
NEW_BY_OWNERS = f"     201 403 403 201 403 401   403 403 403 403 {NOBODY_KNOWN}"
ADMINS = f"            403 403 403 200 403 401   403 403 403 403 {NOBODY_KNOWN}"
NEW_BY_ADMINS = f"     403 403 403 201 403 401   403 403 403 403 {NOBODY_KNOWN}"
EVERY_PERSON = f"      200 200 200 200 200 401   200 200 200 200 {NOBODY_KNOWN}"
FOR_ONESELF = f"       200 200 200 200 403 401   403 403 403 403 {NOBODY_KNOWN}"
NEW_FOR_ONESELF = f"   201 201 201 201 403 401   403 403 403 403 {NOBODY_KNOWN}"
LISTERS = f"           200 200 200 200 200 401   403 200 403 200 {NOBODY_KNOWN}"
STAGERS = f"           201 201 403 201 201 401   403 403 403 201 {NOBODY_KNOWN}"
ANYBODY = "            200 200 200 200 200 200   200 200 200 200 200 200 200"
# Ids of other people's things answer as ids of nothing: 404.
CHARLIES = f"          404 404 200 404 403 401   403 403 403 403 {NOBODY_KNOWN}"
CHARLIES_OR_ADMINS = f"404 404 200 200 403 401   403 403 403 403 {NOBODY_KNOWN}"
ALICES_BY_ID = f"      200 404 404 200 403 401   403 403 403 403 {NOBODY_KNOWN}"
RUNNERS = f"           200 200 404 200 403 401   403 403 403 403 {NOBODY_KNOWN}"
NEW_BY_RUNNERS = f"    201 201 404 201 403 401   403 403 403 403 {NOBODY_KNOWN}"
NEW_BY_LEADERS = f"    201 403 404 201 403 401   403 403 403 403 {NOBODY_KNOWN}"
LEADERS = f"           200 403 404 200 403 401   403 403 403 403 {NOBODY_KNOWN}"
# The index it comes from is public; what counts is the right to create the project in the other one.
PROMOTERS = f"         403 403 403 200 403 401   200 403 403 403 {NOBODY_KNOWN}"
# The last owner of a project is told to find another first; one of two owners of an organisation may go.
LEAVERS = f"           400 200 404 404 403 401   403 403 403 403 {NOBODY_KNOWN}"
MEMBERS_LEAVE = f"     200 200 404 404 403 401   403 403 403 403 {NOBODY_KNOWN}"
# Tokens that manage projects may ask, so what they may not revoke is told as absent.
OFFERERS = f"          200 404 404 200 404 401   404 404 404 403 {NOBODY_KNOWN}"
ALICES_ALONE = f"      200 404 404 404 403 401   403 403 403 403 {NOBODY_KNOWN}"
TOKEN_ENDERS = f"      404 404 404 200 403 401   403 403 403 403 {NOBODY_KNOWN}"

MANAGERS = f"          200 200 200 200 200 401   200 200 200 403 {NOBODY_KNOWN}"
NEW_BY_CREATORS = f"   201 201 201 201 403 401   403 403 403 403 {NOBODY_KNOWN}"
ALICES_PENDING = f"    200 404 404 200 404 401   403 403 403 403 {NOBODY_KNOWN}"
EMPTY_HANDED = "       422 422 422 422 422 422   422 422 422 422 422 422 422"
ALWAYS_TAKEN = "       202 202 202 202 202 202   202 202 202 202 202 202 202"
NO_SUCH_PATH = "       404 404 404 404 404 404   404 404 404 404 404 404 404"

# The columns of MORE follow from the others. Whoever stands behind a right by an organisation or a team has it like
# anybody else; a moderator moderates in person and is nobody with a token; what is no credential is worth nothing.
ALIKE = {"mona": "charlie", "frozen": "revoked", "preview": "malformed", "cookie": "anonymous"}
ALIKE |= {"session": "malformed", "password": "malformed"}  # sent as if they were a token
BY_A_TEAM, BY_NO_TEAM = {"tim": "bob", "lena": "alice"}, {"tim": "charlie", "lena": "charlie"}
BANNED = 403  # whatever is asked, and with whatever credential
# A trusted publisher uploads to its project, and reads what anybody with a token reads. Its credential kind is refused
# before anything else is looked at.
OF_PUBLISHERS = {ANYBODY_READS: 200, UPLOADERS: 200, STAGERS: 201, LISTERS: 200}
NOT_CHARLIE = {"mona": 404, "tim": 404, "lena": 404}  # it is addressed to Charlie by name
NEEDS_NO_CREDENTIAL = (ANYBODY, EMPTY_HANDED, ALWAYS_TAKEN, NO_SUCH_PATH)

ROWS = [
    Row("POST", "legacy/", UPLOADERS),
    Row("POST", "legacy", UPLOADERS),
    Row("POST", "<slug:index>/legacy/", UPLOADERS),
    Row("POST", "<slug:index>/legacy", UPLOADERS),
    Row("GET", "api/projects", EVERY_PERSON),
    Row("GET", PROJECT, ANYBODY_READS),
    Row("GET", PROJECT + "/releases", ANYBODY_READS),
    Row("GET", PROJECT + "/files", ANYBODY_READS),
    Row("GET", PROJECT + "/audit", OWNERS),
    Row("DELETE", PROJECT, OWNERS),
    Row("POST", PROJECT + "/status", OWNERS, {"status": "archived"}),
    Row("POST", PROJECT + "/release-name", ADMINS, before=before.deleted),
    Row("DELETE", RELEASE, OWNERS),
    Row("POST", RELEASE + "/yank", MAINTAINERS, {"reason": "broken"}),
    Row("POST", RELEASE + "/unyank", MAINTAINERS),
    Row("POST", RELEASE + "/promote", PROMOTERS, {"to": "team"}, before.stored),
    # Releases that are staged.
    Row("GET", SESSIONS, LISTERS),
    Row("POST", SESSIONS, STAGERS, lambda world: {"name": world.project, "version": "3.0"}),
    Row("GET", SESSION, UPLOADERS, before=before.session),
    Row("DELETE", SESSION, UPLOADERS, before=before.session),
    Row("POST", SESSION + "/extend", UPLOADERS, {"seconds": 864_000}, before.session),
    Row("POST", SESSION + "/publish", UPLOADERS, before=before.staged),
    Row("POST", SESSION + "/files", UPLOADERS, before=before.session),
    Row("DELETE", SESSION + "/files/<str:filename>", UPLOADERS, before=before.staged),
    Row("DELETE", FILE, OWNERS),
    Row("POST", FILE + "/yank", MAINTAINERS, {"reason": "broken"}),
    Row("POST", FILE + "/unyank", MAINTAINERS),
    # Trusted publishers. Exchanging and burning needs no right: the token in the body is what counts.
    Row("GET", PROJECT + "/publishers", MAINTAINERS),
    Row("POST", PROJECT + "/publishers", NEW_BY_OWNERS, IDENTITY),
    Row("DELETE", PROJECT + "/publishers/<int:publisher>", OWNERS, before=before.published_to),
    Row("GET", "api/publishers/pending", MANAGERS),
    Row("POST", "api/publishers/pending", NEW_BY_CREATORS, lambda world: {**IDENTITY, "name": f"new{world.number}"}),
    Row("DELETE", "api/publishers/pending/<int:publisher>", ALICES_PENDING, before=before.pending),
    Row("GET", "_/oidc/audience", ANYBODY),
    Row("GET", "_/oidc/<slug:index>/audience", ANYBODY),
    Row("POST", "_/oidc/mint-token", EMPTY_HANDED),
    Row("POST", "_/oidc/<slug:index>/mint-token", EMPTY_HANDED),
    Row("POST", "_/oidc/burn-token", ALWAYS_TAKEN),
    Row("GET", ".well-known/pytp", NO_SUCH_PATH),
    # Who a project belongs to.
    Row("PUT", ROLE, OWNERS, {"role": "maintainer"}),
    Row("DELETE", ROLE, OWNERS, before=before.with_role),
    Row("GET", PROJECT + "/people", OWNERS),
    Row("POST", PROJECT + "/invitations", NEW_BY_OWNERS, {"to": "dora", "role": "maintainer"}, before.organisation),
    Row("POST", PROJECT + "/offers", NEW_BY_OWNERS, {"user": "dora"}, before.organisation),
    Row("POST", PROJECT + "/leave", LEAVERS, but={"tim": 404, "lena": 404}),  # what they have is left elsewhere
    Row("GET", "api/invitations", FOR_ONESELF),
    Row("DELETE", INVITATION, ALICES_BY_ID, before=before.invited),
    Row("POST", INVITATION + "/accept", CHARLIES, before=before.invited, but=NOT_CHARLIE),
    Row("POST", INVITATION + "/decline", CHARLIES, before=before.invited, but=NOT_CHARLIE),
    Row("GET", "api/offers", FOR_ONESELF),
    Row("DELETE", OFFER, OFFERERS, before=before.offered),
    Row("POST", OFFER + "/accept", CHARLIES_OR_ADMINS, before=before.offered, but=NOT_CHARLIE),
    Row("POST", OFFER + "/decline", CHARLIES_OR_ADMINS, before=before.offered, but=NOT_CHARLIE),
    # Organisations.
    Row("GET", "api/organisations", FOR_ONESELF),
    Row("POST", "api/organisations", NEW_FOR_ONESELF, lambda world: {"name": f"new{world.number}"}),
    Row("GET", ORGANISATION, RUNNERS, before=before.organisation),
    Row("DELETE", ORGANISATION, LEADERS, before=before.organisation),
    Row("POST", ORGANISATION + "/invitations", NEW_BY_RUNNERS, {"to": "robot"}, before.organisation),
    Row("POST", ORGANISATION + "/robots", NEW_BY_LEADERS, {"name": "ci"}, before.organisation),
    Row("PUT", ORGANISATION + "/robots/<str:user>", LEADERS, before=before.organisations_robot),
    Row("DELETE", ORGANISATION + "/robots/<str:user>", LEADERS, before=before.organisations_robot),
    Row("POST", ORGANISATION + "/leave", MEMBERS_LEAVE, before=before.organisation),
    Row("PUT", ORGANISATION + "/members/<str:user>", LEADERS, {"place": "manager"}, before.organisation),
    Row("DELETE", ORGANISATION + "/members/<str:user>", RUNNERS, before=before.organisation),
    Row("PUT", TEAM, NEW_BY_RUNNERS, before=before.fresh_team),
    Row("DELETE", TEAM, RUNNERS, before=before.organisation),
    Row("PUT", TEAM + "/members/<str:user>", RUNNERS, before=before.organisation),
    Row("DELETE", TEAM + "/members/<str:user>", RUNNERS, before=before.organisation),
    Row("PUT", TEAM_PROJECT, LEADERS, {"role": "maintainer"}, before.held),
    Row("DELETE", TEAM_PROJECT, LEADERS, before=before.held),
    # Webhooks.
    Row("GET", PROJECT + "/webhooks", OWNERS),
    Row("POST", PROJECT + "/webhooks", NEW_BY_OWNERS, HOOK),
    Row("DELETE", PROJECT + "/webhooks/<int:webhook>", OWNERS, before=before.hooked),
    Row("GET", INDEX + "/webhooks", ADMINS),
    Row("POST", INDEX + "/webhooks", NEW_BY_ADMINS, HOOK),
    Row("DELETE", INDEX + "/webhooks/<int:webhook>", ADMINS, before=before.index_hooked),
    Row("GET", "api/webhooks", ADMINS),
    Row("POST", "api/webhooks", NEW_BY_ADMINS, HOOK),
    Row("DELETE", "api/webhooks/<int:webhook>", ADMINS, before=before.all_hooked),
    # Retention and quotas. A robot's token may be narrowed to the project; what it maintains it may see.
    Row("GET", PROJECT + "/retention", SEEN_BY_MAINTAINERS),
    Row("PUT", PROJECT + "/retention", OWNERS, {"newest": 3}),
    Row("DELETE", PROJECT + "/retention", OWNERS, before=before.ruled),
    Row("PUT", RELEASE + "/keep", OWNERS),
    Row("DELETE", RELEASE + "/keep", OWNERS),
    Row("PUT", PROJECT + "/quota", ADMINS, {"bytes_max": 10**9}),
    Row("DELETE", PROJECT + "/quota", ADMINS, before=before.bounded),
    Row("GET", INDEX + "/retention", ADMINS),
    Row("PUT", INDEX + "/retention", ADMINS, {"days": 9}),
    Row("DELETE", INDEX + "/retention", ADMINS, before=before.index_ruled),
    Row("PUT", INDEX + "/quota", ADMINS, {"bytes_max": 10**9}),
    Row("DELETE", INDEX + "/quota", ADMINS, before=before.index_bounded),
    # The instance.
    Row("GET", GRANTS, ADMINS),
    Row("POST", GRANTS, NEW_BY_ADMINS, {"right": "read"}),
    Row("POST", GRANTS + "/revoke", ADMINS, {"right": "create", "user": "dora"}, before.open_index),
    Row("PUT", SHADOW, ADMINS),
    Row("DELETE", SHADOW, ADMINS, before=before.granted),
    Row("POST", "api/removals", ADMINS, {"sha256": ["0" * 64], "reason": "a key"}),
    Row("GET", "api/audit", FOR_ONESELF),
    # Moderation. Anybody with a credential reports; moderators judge in person, which the pages' matrix is about.
    Row("POST", PROJECT + "/reports", REPORTERS, {"kind": "malware", "text": "it sends tokens away"}),
    Row("GET", "api/reports", ADMINS),
    Row("POST", "api/reports/<int:report>/verdict", ADMINS, {"verdict": "not-malware"}, before.reported),
    Row("PUT", "api/observers/<str:user>", ADMINS, before=before.dora),
    Row("DELETE", "api/observers/<str:user>", ADMINS, before=before.observer),
    Row("GET", "api/bans", ADMINS),
    Row("POST", "api/bans", ADMINS, {"network": "198.51.100.0/24", "reason": "a flood"}),
    Row("POST", "api/bans/lift", ADMINS, {"network": "203.0.113.0/24"}, before.banned),
    Row("POST", "api/prohibited-names", ADMINS, {"pattern": "nobodys-*", "reason": "a brand"}),
    Row("POST", "api/prohibited-names/permit", ADMINS, {"pattern": "someones"}, before.prohibited),
    Row("GET", "api/policy", ADMINS),
    Row("POST", "api/policy/denials", ADMINS, {"what": "acme<2", "reason": "INC-7"}),
    Row("POST", "api/policy/denials/lift", ADMINS, {"what": "acme<3"}, before.denied),
    Row("POST", "api/policy/passes", ADMINS, {"name": "acme", "version": "1.0", "reason": "a fix"}),
    Row("POST", "api/policy/passes/end", ADMINS, {"name": "acme", "version": "2.0"}, before.let_through),
    Row("POST", "api/policy/reload", ADMINS.replace("200", "400"), {"check": True}),  # no supervisor runs here
    Row("GET", "api/switches", ADMINS),
    Row("GET", "api/switches/history", ADMINS),
    Row("PUT", SWITCH, ADMINS, {"reason": "a flood"}),
    Row("POST", SWITCH + "/extend", ADMINS, before=before.switched_off),
    Row("DELETE", SWITCH, ADMINS, before=before.switched_off),
    Row("GET", "api/openapi.json", ANYBODY),
    # Tokens. Only an administrator's token makes tokens; people make theirs in person.
    # Where people are signed in.
    Row("GET", SIGN_INS, FOR_ONESELF),
    Row("DELETE", SIGN_INS, FOR_ONESELF),
    Row("DELETE", SIGN_INS + "/<slug:session>", ALICES_ALONE, before=before.signed_in_somewhere),
    Row("DELETE", "api/people/<str:user>/sign-in-sessions", ADMINS, before=before.dora),
    Row("GET", "api/tokens", FOR_ONESELF),
    Row("POST", "api/tokens", NEW_BY_ADMINS, {"name": "ci"}),
    Row("DELETE", "api/tokens/<str:token>", TOKEN_ENDERS, before=before.a_token),
    Row("PUT", "api/robots/<str:user>", ADMINS, {"owner": "alice"}, before.a_robot),
    Row("POST", "api/leaked-tokens", ANYBODY, {"tokens": []}),
]

# Pages stand in a matrix of their own, of people and not of tokens (test_page_matrix.py). What is left out here is
# answered by control to the supervisor and fronts of this machine alone: no front forwards it, and it names nobody.
OUTSIDE_THE_MATRIX = {("ANY", "-/health"), ("ANY", "-/arriving")}


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
    expected = _expected(row)

    found = _refusals(cast, row, expected) | _successes(cast, row, expected)

    assert expected == found


def _expected(row: Row) -> dict[str, int]:
    """The row's whole answer, by who asks."""
    told = dict(zip(COLUMNS, map(int, row.expected.split()), strict=True))
    alike = ALIKE | (BY_A_TEAM if row.is_about_a_project else BY_NO_TEAM)
    publisher = told["anonymous"] if row.expected in NEEDS_NO_CREDENTIAL else OF_PUBLISHERS.get(row.expected, 403)
    more = {who: told[other] for who, other in alike.items()} | {"publisher": publisher, "banned": BANNED}
    assert set(more) == set(MORE)
    return told | more | row.but


def _refusals(cast: Cast, row: Row, expected: dict[str, int]) -> dict[str, int]:
    """Ask as everybody who is to be refused; nothing may be written."""
    found = {}
    for held in (False, True):
        refused = [who for who, status in expected.items() if status >= 400 and _is_held(row, who) is held]
        if not refused:
            continue
        world = _world(cast, row, held)
        tokens = {who: cast.token(who, world) for who in refused}
        before = AuditEvent.objects.count()
        found |= {who: _ask(world, row, who, token) for who, token in tokens.items()}
        assert before == AuditEvent.objects.count(), "something that was refused has been done"
    return found


def _is_held(row: Row, who: str) -> bool:
    return row.is_about_a_project and who in HELD


def _successes(cast: Cast, row: Row, expected: dict[str, int]) -> dict[str, int]:
    """Ask as everybody who succeeds, each in a world of their own unless it is only looked at."""
    found, worlds = {}, {}
    for who in (who for who, status in expected.items() if status < 400):
        held = _is_held(row, who)
        if held not in worlds or row.method != "GET":
            worlds[held] = _world(cast, row, held)
        found[who] = _ask(worlds[held], row, who, cast.token(who, worlds[held]))
    return found


def _world(cast: Cast, row: Row, held: bool) -> World:
    world = cast.world(held=held)
    if row.before is not None:
        row.before(world)
    return world


def _ask(world: World, row: Row, who: str, token: str) -> int:
    path = "/" + re.sub(r"<\w+:(\w+)>", lambda part: world.facts[part[1]], row.route)
    body = row.body(world) if callable(row.body) else row.body
    headers = world.cast.headers(who, token)
    if path.endswith(("/legacy", "/legacy/", "/files")) and row.method == "POST":
        return world.door.upload(form(world), "", path, **headers).status
    sent = b"" if body is None else json.dumps(body).encode()
    return world.door.request(row.method, path, sent, headers).status
