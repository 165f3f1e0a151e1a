"""The matrix of pages: what each answers to a visitor, to somebody signed in, and to an administrator.

A page that has no row here fails the first test. A visitor is sent to sign in wherever a page is somebody's own, and
people to prove once more who they are before what is sensitive. The administrator has no second factor yet.
"""

import re

import pytest
from browser.pages_list import CONTROL
from browsers import Browser
from control.signing_in import signed_in
from django.contrib.auth.hashers import make_password
from doors import Door
from instances import Instance
from rights_world import routes

from holdfast.control.urls import urlpatterns
from holdfast.core.page_paths import is_control_page

# route: what GET answers to a visitor, to alice, to an administrator
ROWS = {
    "_/me": "200 200 200",
    "account": "302 302 302",
    "account/": "302 200 200",
    "account/login/": "200 302 302",
    "account/logout/": "302 200 200",
    "account/inactive/": "200 200 200",
    "account/signup/": "200 302 302",
    "account/invitation/<str:key>/": "404 302 302",
    "account/let-in/<str:key>/": "404 404 404",
    "account/reauthenticate/": "302 200 200",
    "account/reauthenticate/elsewhere/": "302 302 302",
    "account/sign-in/<slug:provider>/": "302 302 302",
    "account/sign-in/<slug:provider>/callback/": "404 404 404",
    "account/choose-name/": "302 302 302",
    "account/sign-ins/": "302 302 302",
    "account/email/": "302 200 302",
    "account/confirm-email/": "200 200 200",
    r"account/^confirm-email/(?P<key>[-:\w]+)/$": "200 200 200",
    "account/password/change/": "302 200 302",
    "account/password/set/": "302 302 302",
    "account/password/reset/": "200 200 200",
    "account/password/reset/done/": "200 200 200",
    r"account/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": "200 200 200",
    "account/password/reset/key/done/": "200 200 200",
    "account/sessions/": "302 302 302",
    "account/delete/": "302 302 302",
    "account/2fa/": "302 200 200",
    "account/2fa/authenticate/": "302 302 302",
    "account/2fa/reauthenticate/": "302 302 302",
    "account/2fa/totp/activate/": "302 302 302",
    "account/2fa/totp/deactivate/": "302 404 302",
    "account/2fa/recovery-codes/": "302 404 302",
    "account/2fa/recovery-codes/generate/": "302 302 302",
    "account/2fa/recovery-codes/download/": "302 404 302",
    "account/2fa/keys/": "302 200 200",
    "account/2fa/keys/add/": "302 302 302",
    "account/2fa/keys/<int:pk>/remove/": "302 302 302",
    "account/2fa/keys/<int:pk>/edit/": "302 302 302",
    "account/2fa/keys/reauthenticate/": "302 302 302",
    "account/2fa/keys/login/": "302 302 302",
    "manage": "302 302 302",
    "manage/": "302 200 302",
    "manage/history/": "302 200 302",
    "manage/tokens/": "302 200 302",
    "manage/tokens/new/": "302 302 302",
    "manage/organisations/new/": "302 200 302",
    "manage/organisations/<slug:name>/": "302 404 302",
    "manage/projects/<slug:index>/<str:name>/": "302 404 302",
    "admin": "404 404 302",
    "admin/": "404 404 302",
    "admin/stuck/": "404 404 302",
    "admin/switches/": "404 404 302",
    "admin/bans/": "404 404 302",
    "admin/people/": "404 404 302",
    "admin/invite/": "404 404 302",
    "admin/people/<str:name>/": "404 404 302",
    "admin/projects/": "404 404 302",
    "admin/projects/<slug:index>/<str:name>/": "404 404 302",
    "admin/moderation/": "404 404 302",
    "admin/audit/": "404 404 302",
    "admin/<path:rest>": "404 404 302",
}
PARTS = {
    "key": "no-such-key",
    "pk": "1",
    "uidb36": "1",
    "index": "main",
    "name": "no-such-name",
    "rest": "no-such-page",
    "provider": "no-such-provider",
}  # what stands for the parts of an address


def test_every_page_has_a_row():
    served = {route for _method, route in routes(urlpatterns) if is_control_page(f"/{route}")}

    assert served == set(ROWS)


def test_every_page_is_in_the_browsers_list():
    """So that somebody looks at it in a real browser, or says why there is nothing to look at."""
    assert set(ROWS) == set(CONTROL)


@pytest.mark.parametrize("route", ROWS)
def test_a_page_answers_each_person_as_the_table_says(sqlite_instance: Instance, route: str):
    door = Door(sqlite_instance)
    facts = {"password": make_password("correct horse battery staple")}
    people = [Browser(door), signed_in(door, **facts), signed_in(door, "root", is_superuser=True, **facts)]
    path = "/" + re.sub(r"<\w+:(\w+)>|\(\?P<(\w+)>[^)]*\)", lambda part: PARTS[part[1] or part[2]], route)
    path = re.sub(r"[$^]", "", path)

    assert ROWS[route] == " ".join(str(browser.ask("GET", path).status) for browser in people)
