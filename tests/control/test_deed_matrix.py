"""The matrix of deeds: what each form of the pages answers to each person, with a session as the only credential.

A page whose forms have no rows here fails, and so does a new deed of a page. What is refused must change nothing.
`done` is a deed that was done; `in` is the way to sign in, `factor` the way to set up a second factor.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from urllib.parse import urlencode

import pytest
import rights_before as before
from browsers import Browser
from control.signing_in import signed_in
from django.contrib.auth.hashers import make_password
from instances import OPERATOR, Instance, new_instance, soon
from rights_world import BANNED, HELD, Cast, World, forms_token, routes

from holdfast.control.accounts.models import AuditEvent, User
from holdfast.control.database import close_connection
from holdfast.control.manage import organisations, overview, projects, tokens
from holdfast.control.operate import bans, people, switches
from holdfast.control.operate import projects as operated
from holdfast.control.organisations.invitations import invite_to_organisation
from holdfast.control.organisations.models import Membership
from holdfast.control.projects.models import File, Project, Role
from holdfast.control.publishers.models import Publisher
from holdfast.control.urls import urlpatterns

HASHED = make_password("correct horse battery staple")
PROJECT = "manage/projects/<slug:index>/<str:name>/"
ORGANISATION = "manage/organisations/<slug:name>/"
PERSON = "admin/people/<str:name>/"
MODERATED = "admin/projects/<slug:index>/<str:name>/"

# Which deeds there are, page by page. A page below /manage/ or /admin/ that is not here takes no form.
DEEDS = {
    PROJECT: {*projects._DEEDS, *projects._DEEDS_BY_ID},
    ORGANISATION: {*organisations._DEEDS, *organisations._DEEDS_BY_ID},
    PERSON: set(people._DEEDS),
    MODERATED: {*operated._PROJECT_DEEDS, *operated._QUEUE_DEEDS},
    "manage/": set(overview._DEEDS),
    "manage/tokens/": set(tokens._DEEDS),
    "manage/tokens/new/": set(tokens._NEW_DEEDS),
    "manage/organisations/new/": set(organisations._NEW_DEEDS),
    "admin/moderation/": set(operated._QUEUE_DEEDS),
    "admin/invite/": set(people._INVITE_DEEDS),
    "admin/switches/": set(switches._DEEDS),
    "admin/bans/": set(bans._DEEDS),
}
TO_SET_UP = "/account/2fa/"
WHO = "alice bob tim lena dora charlie mona root visitor banned".split()
# Who else asks, with what follows for every deed. A robot that maintains the project has a session, however it came by
# it: it is a visitor. Where the instance asks for a second factor, nobody who can publish or decide does anything
# without one.
ROBOT, WITHOUT_FACTOR = "robo", ("alice-bare", "mona-bare", "root-bare")


@dataclass(frozen=True)
class Row:
    """One deed: expected answers in the order of WHO, what is sent, and what must be there before."""

    page: str
    deed: str
    expected: str
    fields: dict[str, str] | Callable[[World], dict[str, str]] = field(default_factory=dict)
    before: Callable[[World], None] | None = None


#                alice bob  tim  lena dora charlie mona root visitor banned
MAINTAINERS = "  done done done done 404  404     404  done in      403"
OWNERS = "       done 403  403  done 404  404     404  done in      403"
OWNERS_BY_ID = " done 404  404  done 404  404     404  done in      403"
GIVERS = "       done 403  403  done 404  404     404  done in      403"
ALICES = "       done 404  404  404  404  404     404  done in      403"
ALICES_ALONE = " done 404  404  404  404  404     404  404  in      403"
LEAVERS = "      400  done 404  404  404  404     404  404  in      403"
MEMBERS = "      done done 404  404  done 404     404  404  in      403"
RUNNERS_BY_ID = "done done 404  404  404  404     404  done in      403"
OFFERED = "      404  404  404  404  404  done    404  done in      403"
CREATORS = "     400  400  400  400  400  400     400  done in      403"  # nobody was granted that on the index
SHOWN = "        200  200  200  200  200  200     200  200  in      403"
ONCE_SHOWN = "   404  404  404  404  404  404     404  200  404     403"
LEADERS = "      done 403  404  404  403  404     404  done in      403"
RUNNERS = "      done done 404  404  403  404     404  done in      403"
INVITED = "      404  404  404  404  404  done    404  404  in      403"
ANYBODY = "      done done done done done done    done done in      403"
ADMINS = "       404  404  404  404  404  404     404  done 404     403"
TAKERS_DOWN = "  404  404  404  404  404  404     403  done 404     403"
MODERATORS = "   404  404  404  404  404  404     done done 404     403"


NUMBERS, SEARCH = count(), {"capability": "search", "scope": "*"}


def invitation(world: World) -> dict[str, str]:
    return {"invitation": world.facts["invitation"]}


def publisher(world: World) -> dict[str, str]:
    return {"publisher": world.facts["publisher"]}


def robot(world: World) -> dict[str, str]:
    return {"robot": world.facts["user"], "user": world.facts["user"]}


def token(world: World) -> dict[str, str]:
    return {"token": world.facts["token"]}


def new_name(world: World) -> dict[str, str]:
    return {"name": f"made{next(NUMBERS)}", "display": "X"}


def new_publisher(world: World) -> dict[str, str]:
    Publisher.objects.filter(project=None).delete()
    return {"index": "main", "name": f"new-{world.project}", "provider": "ci", "ci-email": "ci@acme.example"}


def judged(world: World) -> dict[str, str]:
    return {"report": world.facts["report"], "verdict": "not-malware"}


def taken_down(world: World) -> dict[str, str]:
    digest = File.objects.filter(project__name=world.project).values_list("sha256", flat=True)[0]
    return {"sha256": digest, "reason": "x", "confirm": world.project}


def alices_token(world: World) -> None:
    world.facts["token"] = world.door.token("alice").split("_")[1]


def invited_member(world: World) -> None:
    before.organisation(world)
    name, sender = world.facts["organisation"], world.door.instance.publisher
    made = invite_to_organisation(sender, name, "robot", "member", OPERATOR, deadline=soon())
    world.facts["invitation"] = str(made.id)


def of_dave(world: World) -> None:
    world.facts["name"] = "dave"
    User.objects.get_or_create(username="dave")


def fresh_pending(world: World) -> None:
    Publisher.objects.filter(project=None).delete()  # a person registers but a few
    before.pending(world)


def without_organisations(world: World) -> None:
    Membership.objects.filter(user__username="alice").delete()  # a person owns but a few


def quarantined(world: World) -> None:
    path, document = f"projects/main/{world.project}/status", {"status": "quarantined", "reason": "malware"}
    assert world.door.api("POST", path, world.cast.tokens["admin"], document).status == 200


ROWS = [
    Row(PROJECT, "yank", MAINTAINERS, {"version": "1.0", "reason": "x"}),
    Row(PROJECT, "unyank", MAINTAINERS, {"version": "1.0"}),
    Row(PROJECT, "delete-release", OWNERS, {"version": "1.0", "confirm": "1.0"}),
    Row(PROJECT, "set-status", OWNERS, {"status": "archived"}),
    Row(PROJECT, "delete", OWNERS, lambda world: {"confirm": world.project}),
    Row(PROJECT, "set-role", OWNERS, {"user": "robot", "role": "maintainer"}),
    Row(PROJECT, "remove-role", OWNERS, {"user": "robot"}),
    Row(PROJECT, "invite", OWNERS, {"to": "dora", "role": "maintainer"}, before.dora),
    Row(PROJECT, "offer", GIVERS, {"to": "dora", "kind": "user"}, before.dora),
    Row(PROJECT, "leave", LEAVERS, lambda world: {"confirm": world.project}),
    Row(PROJECT, "add-publisher", OWNERS, {"provider": "ci", "ci-email": "ci@acme.example"}),
    Row(PROJECT, "remove-publisher", OWNERS, publisher, before.published_to),
    Row(
        PROJECT,
        "revoke-invitation",
        OWNERS_BY_ID,
        invitation,
        before.invited,
    ),
    Row(
        PROJECT,
        "revoke-offer",
        ALICES,  # what an organisation holds has other givers
        lambda world: {"offer": world.facts["offer"]},
        before.offered,
    ),
    Row(ORGANISATION, "invite", RUNNERS, {"to": "robot", "place": "member"}, before.organisation),
    Row(ORGANISATION, "revoke-invitation", RUNNERS_BY_ID, invitation, invited_member),
    Row(ORGANISATION, "set-place", LEADERS, {"user": "dora", "place": "manager"}, before.organisation),
    Row(ORGANISATION, "remove", RUNNERS, {"user": "dora"}, before.organisation),
    Row(ORGANISATION, "leave", MEMBERS, lambda world: {"confirm": world.facts["organisation"]}, before.organisation),
    Row(ORGANISATION, "delete", LEADERS, lambda world: {"confirm": world.facts["organisation"]}, before.organisation),
    Row(ORGANISATION, "create-team", RUNNERS, {"team": "fresh"}, before.organisation),
    Row(ORGANISATION, "delete-team", RUNNERS, {"team": "release"}, before.organisation),
    Row(ORGANISATION, "add-to-team", RUNNERS, {"team": "release", "user": "alice"}, before.organisation),
    Row(ORGANISATION, "take-out-of-team", RUNNERS, {"team": "release", "user": "dora"}, before.organisation),
    Row(ORGANISATION, "create-robot", LEADERS, {"robot": "ci"}, before.organisation),
    Row(ORGANISATION, "disable-robot", LEADERS, robot, before.organisations_robot),
    Row(ORGANISATION, "enable-robot", LEADERS, robot, before.organisations_robot),
    Row("manage/", "accept", INVITED, invitation, before.invited),
    Row("manage/", "decline", INVITED, invitation, before.invited),
    Row("manage/", "take", OFFERED, lambda world: {"offer": world.facts["offer"]}, before.offered),
    Row("manage/", "refuse", OFFERED, lambda world: {"offer": world.facts["offer"]}, before.offered),
    Row("manage/", "add-publisher", CREATORS, new_publisher),
    Row("manage/", "remove-publisher", ALICES, publisher, fresh_pending),
    Row("manage/tokens/", "revoke", ALICES_ALONE, token, alices_token),
    Row("manage/tokens/new/", "make", SHOWN, {"name": "x", "days": "30", "reach": "read"}),
    Row("manage/organisations/new/", "make", ANYBODY, new_name, without_organisations),
    Row(PERSON, "freeze", ADMINS, {"reason": "x"}, of_dave),
    Row(PERSON, "unfreeze", ADMINS, {}, of_dave),
    Row(PERSON, "end-sessions", ADMINS, {}, of_dave),
    Row(PERSON, "reset-factors", ADMINS, {"confirm": "dave"}, of_dave),
    Row(PERSON, "make-moderator", ADMINS, {}, of_dave),
    Row(PERSON, "end-moderator", ADMINS, {}, of_dave),
    Row(PERSON, "make-administrator", ADMINS, {"confirm": "dave"}, of_dave),
    Row(PERSON, "end-administrator", ADMINS, {"confirm": "dave"}, of_dave),
    Row("admin/invite/", "invite", ONCE_SHOWN, {"email": "new@x.example", "days": "7"}),
    Row("admin/switches/", "off", ADMINS, {"capability": "search", "reason": "x"}),
    Row("admin/switches/", "extend", ADMINS, {**SEARCH, "hours": "72"}, before.switched_off),
    Row("admin/switches/", "on", ADMINS, SEARCH, before.switched_off),
    Row("admin/bans/", "ban", ADMINS, {"network": "198.51.100.0/24", "reason": "x"}),
    Row("admin/bans/", "lift", ADMINS, {"network": "203.0.113.0/24"}, before.banned),
    Row("admin/bans/", "prohibit", ADMINS, {"pattern": "nobodys-*", "reason": "x", "index": "*"}),
    Row("admin/bans/", "permit", ADMINS, {"pattern": "someones", "index": "*"}, before.prohibited),
    Row(MODERATED, "quarantine", MODERATORS, {"reason": "x"}),
    Row(MODERATED, "release", MODERATORS, {}, quarantined),
    Row(MODERATED, "remove", TAKERS_DOWN, taken_down),
    Row(MODERATED, "judge", MODERATORS, judged, before.reported),
    Row("admin/moderation/", "judge", MODERATORS, judged, before.reported),
]


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    made: Instance = new_instance(tmp_path_factory.mktemp("deeds") / "data")
    yield Cast(replace(made, config=replace(made.config, two_factor="optional", sign_up="invited")))
    close_connection()


def test_every_deed_of_every_page_has_a_row(cast: Cast):
    """A page without deeds shows itself whatever it is sent; one that has some says that this is none of them."""
    pages = {route for _method, route in routes(urlpatterns) if route.startswith(("manage/", "admin/"))}
    world = cast.world()
    root = _browser(world, "root")
    body = forms_token(root.get("/account/logout/").text) + b"&do=no-such-deed"
    world.facts |= {"rest": "x"}

    answers = {page: root.ask("POST", _path(world, page), body).status for page in sorted(pages - set(DEEDS))}

    assert set(DEEDS) <= pages
    assert {(page, deed) for page, deeds in DEEDS.items() for deed in deeds} == {(row.page, row.deed) for row in ROWS}
    assert set() == {page for page, status in answers.items() if status == 400}, "these pages have deeds"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.page} {row.deed}")
def test_a_form_answers_each_person_as_the_table_says(cast: Cast, row: Row):
    expected, found = dict(zip(WHO, row.expected.split(), strict=True)), {}
    expected |= dict.fromkeys(WITHOUT_FACTOR, "factor") | {ROBOT: expected["visitor"]}
    shared: dict[bool, World] = {}  # of everybody who is refused: nothing is changed by them

    for who in expected:
        held = who in HELD and row.page == PROJECT and row.before is not before.offered
        is_refused = expected[who] not in ("done", "200")
        world = shared.get(held) if is_refused else None
        if world is None:
            world = cast.world(held=held)
            if row.before is not None:
                row.before(world)
            if is_refused:
                shared[held] = world
        found[who] = _ask(world, row, who)

    assert expected == found


def _ask(world: World, row: Row, who: str) -> str:
    browser, done = _browser(world, who), AuditEvent.objects.count()
    body = forms_token(browser.get("/account/logout/" if browser.cookies else "/account/login/").text)
    fields = row.fields(world) if callable(row.fields) else row.fields
    network = {"X_Holdfast_Client": BANNED.replace(".0/24", ".7")} if who == "banned" else {}
    sent = body + b"&" + urlencode({"do": row.deed, **fields}).encode()
    answer = browser.ask("POST", _path(world, row.page), sent, **network)
    location = answer.headers.get("location", "")
    if answer.status == 302 and not location.startswith(("/account/login/", "/account/reauthenticate/", TO_SET_UP)):
        return "done"
    if answer.status == 200:
        return "200"
    assert done == AuditEvent.objects.count(), f"{who} was refused, and something has been done"
    if location.startswith(TO_SET_UP):
        return "factor"
    return "in" if location.startswith("/account/login/") else "again" if location else str(answer.status)


def _path(world: World, page: str) -> str:
    facts = world.facts | ({"name": world.facts["organisation"]} if page == ORGANISATION else {})
    return "/" + re.sub(r"<\w+:(\w+)>", lambda part: facts[part[1]], page)


def _browser(world: World, who: str) -> Browser:
    if who == "visitor":
        return Browser(world.door)
    if who == ROBOT:
        robot, _ = User.objects.get_or_create(username=ROBOT, defaults={"is_robot": True})
        Role.objects.get_or_create(project=Project.objects.get(name=world.project), user=robot, role="maintainer")
        return signed_in(world.door, ROBOT, just_now=True)
    if who in WITHOUT_FACTOR:
        strict = Browser(world.cast.strict)
        strict.cookies = _browser(world, who.removesuffix("-bare")).cookies
        return strict
    name = {"banned": "alice"}.get(who, f"{who}{world.number}" if who in HELD else who)  # as the world names them
    known = {"password": HASHED, "is_superuser": who == "root", "is_staff": who == "mona"}
    User.objects.update_or_create(username=name, defaults=known)
    return signed_in(world.door, name, just_now=True)
