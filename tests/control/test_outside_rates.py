"""How often strangers and people may try: every form has a limit, and so have tokens that are refused."""

from dataclasses import replace

from control.signing_in import signed_in
from doors import Door
from instances import UPLOADER, Instance
from rights_world import forms_token, views

from holdfast.clock import ManualClock
from holdfast.control.accounts import limits
from holdfast.control.accounts.models import Attempts, User
from holdfast.control.tokens.guessing import RefusedTokens
from holdfast.control.urls import urlpatterns
from holdfast.core.page_paths import is_control_page

# Pages whose POST is limited elsewhere, or that take none: each with the reason.
LIMITED_OTHERWISE = {
    "_/me": "reads alone",
    "account": "leads on",
    "manage": "leads on",
    "admin": "leads on",
    "account/": "reads alone",
    "account/login/": "by account and place (accounts/signing_in.py)",
    "account/logout/": "ends what is there and looks nothing up",
    "account/inactive/": "reads alone",
    "account/invitation/<str:key>/": "counted in the view, which opens with a GET",
    "account/reauthenticate/elsewhere/": "leads on to a provider's page, which is limited",
    "account/confirm-email/": "reads alone",
    "account/password/reset/done/": "reads alone",
    "account/password/reset/key/done/": "reads alone",
    "account/2fa/": "reads alone",
    "account/2fa/recovery-codes/": "reads alone",
    "account/2fa/recovery-codes/download/": "reads alone",
    "account/2fa/keys/": "reads alone",
}


def test_every_page_that_takes_a_form_has_a_limit():
    pages = {route: view for _, route, view in views(urlpatterns) if is_control_page(f"/{route}")}

    without = {route for route, view in pages.items() if not isinstance(getattr(view, "limit", None), limits.Limit)}

    assert set(LIMITED_OTHERWISE) == without


def test_an_operators_forms_are_counted_and_end(sqlite_instance: Instance):
    config = replace(sqlite_instance.config, two_factor="optional")
    door = Door(sqlite_instance, config=config, clock=ManualClock())
    root = signed_in(door, "root", is_superuser=True)
    token = forms_token(root.get("/account/logout/").text)
    assert root.ask("POST", "/admin/audit/", token).status != 429
    Attempts.objects.update(count=limits.OPERATE.most)

    answer = root.ask("POST", "/admin/audit/", token)

    assert (429, True) == (answer.status, int(answer.headers["retry-after"]) > 0)
    assert 200 == root.ask("GET", "/admin/audit/").status


def test_a_network_whose_tokens_are_refused_waits_and_stops_nobody(sqlite_instance: Instance):
    """Whatever a stranger sends: a token that was good a moment ago works, and another network knows of nothing."""
    clock = ManualClock()
    door = Door(sqlite_instance, clock=clock, refused_tokens=RefusedTokens(3))
    good, other = door.token("alice", UPLOADER), door.token("alice", UPLOADER)
    ask = {"X-Holdfast-Client": "198.51.100.7"}

    def status(token: str, client: str = "192.0.2.1") -> int:
        headers = {"Authorization": f"Bearer {token}", "X-Holdfast-Client": client}
        return door.request("GET", "/api/projects", headers=headers).status

    assert 200 == status(good)
    assert [401, 401, 401, 429] == [status(f"holdfast_{number:012d}_x") for number in range(4)]
    assert [200, 429] == [status(good), status(other)]
    assert [200, 401] == [status(other, "198.51.100.7"), status("holdfast_" + "0" * 12 + "_x", "198.51.100.7")]
    refused = door.request("POST", "/legacy/", headers={"Authorization": "Bearer nonsense"})
    assert (429, True) == (refused.status, int(refused.headers["retry-after"]) > 0)
    assert 401 == door.request("GET", "/api/projects", headers=ask).status  # no token is no guess

    clock.advance(61)

    assert [200, 401] == [status(other), status("nonsense")]


def test_a_token_that_was_good_once_is_refused_like_any_other(sqlite_instance: Instance):
    door = Door(sqlite_instance, refused_tokens=RefusedTokens(2))
    token = door.token("alice", UPLOADER)
    assert 200 == door.api("GET", "projects", token).status
    User.objects.update(is_active=False)

    assert [401, 401, 429] == [door.api("GET", "projects", token).status for _ in range(3)]
