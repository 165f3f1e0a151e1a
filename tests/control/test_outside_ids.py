"""Somebody else's id, everywhere one is taken: in every address of the API, in every field of a form, and in accounts'.

Mallory has a project and an organisation of her own, so that she may ask at all; below them she names what is Alice's.
The ids are those that the URL table and the forms' code name: one that has no case here fails.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import pytest
import rights_before as before
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from browsers import Browser
from control.signing_in import signed_in
from control.test_rights_matrix import ROWS
from django.contrib.auth.hashers import make_password
from doors import Answered
from instances import new_instance
from rights_world import PASSWORD, PERSON, Cast, forms_token, routes

from holdfast import control
from holdfast.control.accounts.models import AuditEvent, Session, User
from holdfast.control.database import close_connection
from holdfast.control.hooks.models import Webhook
from holdfast.control.organisations.models import Invitation, Membership, Organisation, Team
from holdfast.control.projects.models import Project
from holdfast.control.publishers.models import Publisher
from holdfast.control.urls import urlpatterns
from holdfast.core.page_paths import is_control_page

CONTAINERS = {"index", "name", "organisation"}  # whose rights the matrices are about: here they are Mallory's own
MINE = "mallorys"
TEAM = "api/organisations/<slug:organisation>/teams/<slug:team>"
# Where another name is the very thing to say: one gives roles to others, and names one's own teams freely.
MEANT = {("PUT", "api/projects/<slug:index>/<str:name>/roles/<str:user>"), ("PUT", TEAM)}
# Fields of forms that name something: each has cases below. The others are texts, choices and numbers of one's own.
IDS = set("invitation offer publisher report robot team token user version session connection projects sha256".split())
NO_IDS = set(
    "admin banner capability days display email hours index kind legal name network pattern place provider reach "
    "reason role scope secret status status_url to verdict actions do next purpose username confirm".split()
)


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    made = new_instance(tmp_path_factory.mktemp("ids") / "data")
    yield Cast(replace(made, config=replace(made.config, two_factor="optional", sign_up="open")))
    close_connection()


@pytest.fixture(scope="module")
def hers(cast: Cast) -> dict[str, str]:
    """The ids of what is Alice's, by the names that addresses and fields have for them."""
    found: dict[str, str] = {}
    for make in (before.organisation, before.staged, before.published_to, before.hooked, before.invited, before.offered,
                 before.reported, before.a_token):  # fmt: skip
        world = cast.world()
        make(world)
        found |= {name: value for name, value in world.facts.items() if name not in CONTAINERS}
        found["project"] = world.project
    found |= {"user": "dora", "robot": "dora", "capability": "search", "projects": f"main/{found['project']}"}
    return found | {"sha256": "0" * 64}


@pytest.fixture(scope="module")
def mallory(cast: Cast) -> tuple[Browser, str]:
    """Her browser and her token, which may do all that a token may."""
    door = cast.door
    token = door.token("mallory", replace(PERSON, read=("main",), upload=("main",)))
    assert Project.objects.filter(name=MINE).exists() or cast.instance.upload(MINE, "0.1").serial
    Project.objects.get(name=MINE).roles.update(user=User.objects.get(username="mallory"))
    organisation = Organisation.objects.create(name=MINE, display="x", created=Project.objects.get(name=MINE).created)
    Membership.objects.create(organisation=organisation, user=User.objects.get(username="mallory"), role="owner")
    User.objects.filter(username="mallory").update(password=make_password(PASSWORD))
    return signed_in(door, "mallory", just_now=True), token


def api_ids() -> list[tuple[str, str]]:
    """(method, route) of everything in the API that names something below, or without, a container."""
    served = {(m, r) for m, r in routes(urlpatterns) if not is_control_page(f"/{r}") and r.startswith("api/")}
    return sorted((m, r) for m, r in served - MEANT if set(re.findall(r"<\w+:(\w+)>", r)) - CONTAINERS)


def traces() -> tuple[object, ...]:
    """What is Alice's and everybody else's, as far as an id could reach it."""
    counted = (Invitation, Publisher, Webhook, Team, Session, Authenticator, EmailAddress, SocialAccount)
    return AuditEvent.objects.count(), *(one.objects.count() for one in counted)


@pytest.mark.parametrize(("method", "route"), api_ids())
def test_an_id_of_somebody_elses_is_nothing_in_the_api(
    hers: dict[str, str], mallory: tuple[Browser, str], method: str, route: str
):
    own = {"index": "main", "name": MINE, "organisation": MINE}
    path = re.sub(r"<\w+:(\w+)>", lambda part: own.get(part[1]) or hers[part[1]], route)
    body = next(row.body for row in ROWS if (row.method, row.route) == (method, route))
    earlier = traces()

    answer = mallory[0].door.api(method, path.removeprefix("api/"), mallory[1], None if callable(body) else body)

    assert answer.status in (403, 404), (path, answer.text)
    assert earlier == traces()


def named_fields() -> set[str]:
    """Every field that a page's code takes out of a form."""
    found, root = set(), Path(control.__file__).parent
    for part in ("manage", "operate", "web", "sign_in"):
        for file in (root / part).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                    takes = node.func.attr in ("text", "number", "lists") or (
                        node.func.attr in ("get", "getlist")
                        and ast.unparse(node.func.value).endswith((".POST", ".fields"))
                    )
                    first = node.args[0]
                    if takes and isinstance(first, ast.Constant) and isinstance(first.value, str):
                        found.add(first.value)
    return found


def test_every_field_of_a_form_is_known_to_name_something_or_not():
    assert set() == named_fields() - IDS - NO_IDS, "does it name something? Then it needs a case"
    assert set() == IDS - named_fields()


PROJECT, ORGANISATION = f"/manage/projects/main/{MINE}/", f"/manage/organisations/{MINE}/"
CASES = [
    (PROJECT, "yank", "version"),
    (PROJECT, "unyank", "version"),
    (PROJECT, "delete-release", "version"),
    (PROJECT, "remove-role", "user"),
    (PROJECT, "remove-publisher", "publisher"),
    (PROJECT, "revoke-invitation", "invitation"),
    (PROJECT, "revoke-offer", "offer"),
    (ORGANISATION, "revoke-invitation", "invitation"),
    (ORGANISATION, "set-place", "user"),
    (ORGANISATION, "remove", "user"),
    (ORGANISATION, "delete-team", "team"),
    (ORGANISATION, "add-to-team", "team"),
    (ORGANISATION, "take-out-of-team", "team"),
    (ORGANISATION, "disable-robot", "robot"),
    (ORGANISATION, "enable-robot", "robot"),
    ("/manage/", "accept", "invitation"),
    ("/manage/", "decline", "invitation"),
    ("/manage/", "take", "offer"),
    ("/manage/", "refuse", "offer"),
    ("/manage/", "remove-publisher", "publisher"),
    ("/manage/tokens/", "revoke", "token"),
    ("/manage/tokens/new/", "make", "projects"),
    ("/manage/tokens/new/?for=alice", "make", "name"),
    ("/manage/tokens/new/?for=robot", "make", "name"),
    (f"/admin/projects/main/{MINE}/", "judge", "report"),
    (f"/admin/projects/main/{MINE}/", "remove-bytes", "sha256"),
    ("/admin/moderation/", "judge", "report"),
]


def test_every_field_that_names_something_has_a_case():
    accounts = {"session", "connection"}  # below
    assert {field for _, _, field in CASES} | accounts >= IDS


def post(browser: Browser, path: str, fields: dict[str, str]) -> Answered:
    token = forms_token(browser.get("/account/logout/").text)
    return browser.ask("POST", path, token + b"&" + urlencode(fields).encode())


@pytest.mark.parametrize(("path", "deed", "field"), CASES)
def test_an_id_of_somebody_elses_is_nothing_in_a_form(
    hers: dict[str, str], mallory: tuple[Browser, str], path: str, deed: str, field: str
):
    sent = {"reason": "x", "days": "30", "reach": "projects", "actions": "upload", "verdict": "malware", "name": "x"}
    sent |= {"do": deed, "user": "dora", "place": "manager", "confirm": hers["version"]}
    earlier = traces()

    answer = post(mallory[0], path, sent | {field: hers.get(field, "x")})

    assert answer.status in (400, 403, 404), (answer.status, answer.headers.get("location"))
    assert earlier == traces()


@pytest.fixture(scope="module")
def of_alice(cast: Cast) -> dict[str, str]:
    """What her account has: a key, an address, a session and a sign-in elsewhere."""
    signed_in(cast.door, "alice")
    alice = User.objects.get(username="alice")
    key = Authenticator.objects.create(user=alice, type="webauthn", data={"name": "key of hers", "credential": {}})
    address = EmailAddress.objects.create(user=alice, email="alice@x.example", verified=True, primary=False)
    connection = SocialAccount.objects.create(user=alice, provider="https://i.example", uid="1")
    session = Session.objects.filter(user=alice).first()
    assert session is not None
    pk, number = str(key.pk), str(connection.pk)
    return {
        "pk": pk,
        "email": address.email,
        "session": session.session_key,
        "connection": number,
        "address": str(address.pk),
    }


ACCOUNTS = [
    ("/account/2fa/keys/{pk}/remove/", {}),
    ("/account/2fa/keys/{pk}/edit/", {"name": "mine now"}),
    ("/account/sessions/", {"session": "{session}"}),
    ("/account/sign-ins/", {"connection": "{connection}"}),
    *(
        ("/account/email/", {"email": "{email}", action: ""})
        for action in ("action_remove", "action_primary", "action_send")
    ),
    ("/account/delete/", {"name": "alice"}),
]


def test_every_part_of_an_accounts_address_is_an_id_with_a_case_or_a_secret():
    pages = [route for _, route in routes(urlpatterns) if route.startswith("account/")]
    parts = {part[0] or part[1] for route in pages for part in re.findall(r"<\w+:(\w+)>|\(\?P<(\w+)>", route)}

    assert {"pk", "key", "uidb36", "provider"} == parts  # `key` is a secret, and what `uidb36` is worth follows from it
    keyed = {route for route in pages if "<int:pk>" in route}
    assert {path[1:].replace("{pk}", "<int:pk>") for path, _ in ACCOUNTS if "{pk}" in path} == keyed


@pytest.mark.parametrize(("path", "fields"), ACCOUNTS)
def test_what_is_of_another_account_is_not_there(
    of_alice: dict[str, str], mallory: tuple[Browser, str], path: str, fields: dict[str, str]
):
    sent = {name: value.format(**of_alice) for name, value in fields.items()}
    earlier, key = traces(), Authenticator.objects.get(pk=of_alice["pk"]).data

    looked = mallory[0].ask("GET", path.format(**of_alice))
    answer = post(mallory[0], path.format(**of_alice), sent)

    assert answer.status in (200, 302, 400, 404)
    assert "key of hers" not in answer.text + looked.text and "alice@" not in answer.text.replace(
        sent.get("email", "-"), ""
    )
    assert (earlier, key) == (traces(), Authenticator.objects.get(pk=of_alice["pk"]).data)
    assert not EmailAddress.objects.get(email="alice@x.example").primary
    assert User.objects.filter(username="alice", is_active=True).exists()
    if "{pk}" in path or "session" in fields:
        assert 404 == answer.status
