"""Every public page there is, of the instance that conftest.py serves. A test holds that no kind of page is missing."""

import re

PUBLIC = {
    "home": "/",
    "home of another index": "/team/",
    "project": "/project/toolbox/",
    "yanked release": "/project/toolbox/2.0/",
    "removed release": "/project/toolbox/2.1/",
    "archived, reStructuredText": "/project/markup/",
    "quarantined": "/project/bad/",
    "without a description": "/project/bare/",
    "search": "/search/?q=tool",
    "search without a result": "/search/?q=nothing-like-it",
    "browse": "/browse/",
    "browse by two": "/browse/?c=Development+Status+::+5+-+Production/Stable&c=Programming+Language+::+Python+::+3",
    "browse without a result": "/browse/?c=Topic+::+Nothing",
    "browse an empty index": "/team/browse/",
    "set-up": "/set-up/",
    "indexes": "/indexes/",
    "person": "/user/alice/",
    "organisation": "/org/acme/",
    "upstreams": "/upstreams",
    "nothing there": "/project/nobody/",
    "no such release": "/project/toolbox/9.9/",
    "no such file": f"/packages/00/00/{'0' * 60}/nobody-1.0.tar.gz",
    "nobody there": "/user/nobody/",
    "search without a word": "/search/",
    "search for something long": f"/search/?q={'x' * 190}",
    "a page too far": "/browse/?c=Development+Status+::+5+-+Production/Stable&page=9",
    "set-up of another index": "/team/set-up/",
    "account, with control dead": "/account/",
}

# Every page of control's, by route: looked at (states.py says as whom and in which states), or why there is nothing to
# look at. A test of control's lane holds that no route is missing, test_filled_pages.py that all of these were seen.
LOOKED_AT = "looked at"
CONTROL = {
    "_/me": "no page",
    "account": "leads on",
    "account/": LOOKED_AT,
    "account/login/": LOOKED_AT,
    "account/logout/": LOOKED_AT,
    "account/inactive/": LOOKED_AT,
    "account/signup/": LOOKED_AT,
    "account/invitation/<str:key>/": LOOKED_AT,
    "account/let-in/<str:key>/": LOOKED_AT,
    "account/reauthenticate/": LOOKED_AT,
    "account/reauthenticate/elsewhere/": "leads to a provider",
    "account/sign-in/<slug:provider>/": LOOKED_AT,
    "account/sign-in/<slug:provider>/callback/": LOOKED_AT,
    "account/choose-name/": LOOKED_AT,
    "account/sign-ins/": LOOKED_AT,
    "account/email/": LOOKED_AT,
    "account/confirm-email/": LOOKED_AT,
    r"account/^confirm-email/(?P<key>[-:\w]+)/$": LOOKED_AT,
    "account/password/change/": LOOKED_AT,
    "account/password/set/": "leads on for whoever has a password",
    "account/password/reset/": LOOKED_AT,
    "account/password/reset/done/": LOOKED_AT,
    r"account/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": LOOKED_AT,
    "account/password/reset/key/done/": LOOKED_AT,
    "account/sessions/": LOOKED_AT,
    "account/delete/": LOOKED_AT,
    "account/2fa/": LOOKED_AT,
    "account/2fa/authenticate/": LOOKED_AT,
    "account/2fa/reauthenticate/": LOOKED_AT,
    "account/2fa/totp/activate/": LOOKED_AT,
    "account/2fa/totp/deactivate/": LOOKED_AT,
    "account/2fa/recovery-codes/": LOOKED_AT,
    "account/2fa/recovery-codes/generate/": LOOKED_AT,
    "account/2fa/recovery-codes/download/": "a file",
    "account/2fa/keys/": LOOKED_AT,
    "account/2fa/keys/add/": LOOKED_AT,
    "account/2fa/keys/<int:pk>/remove/": LOOKED_AT,
    "account/2fa/keys/<int:pk>/edit/": LOOKED_AT,
    "account/2fa/keys/reauthenticate/": LOOKED_AT,
    "account/2fa/keys/login/": "for the script",
    "manage": "leads on",
    "manage/": LOOKED_AT,
    "manage/history/": LOOKED_AT,
    "manage/tokens/": LOOKED_AT,
    "manage/tokens/new/": LOOKED_AT,
    "manage/organisations/new/": LOOKED_AT,
    "manage/organisations/<slug:name>/": LOOKED_AT,
    "manage/projects/<slug:index>/<str:name>/": LOOKED_AT,
    "admin": "leads on",
    "admin/": LOOKED_AT,
    "admin/stuck/": LOOKED_AT,
    "admin/switches/": LOOKED_AT,
    "admin/bans/": LOOKED_AT,
    "admin/people/": LOOKED_AT,
    "admin/invite/": LOOKED_AT,
    "admin/people/<str:name>/": LOOKED_AT,
    "admin/projects/": LOOKED_AT,
    "admin/projects/<slug:index>/<str:name>/": LOOKED_AT,
    "admin/moderation/": LOOKED_AT,
    "admin/audit/": LOOKED_AT,
    "admin/<path:rest>": LOOKED_AT,
}


def unseen(paths: set[str]) -> list[str]:
    """The routes that should have been looked at, and were not."""
    wanted = [route for route, what in CONTROL.items() if what == LOOKED_AT]
    return [route for route in wanted if not any(re.fullmatch(_pattern(route), path) for path in paths)]


def _pattern(route: str) -> str:
    """A route as a pattern of the path it answers."""
    plain = route.replace("^", "").replace("$", "").replace("<path:rest>", "no-such-page")
    return "/" + re.sub(r"<\w+:\w+>", "[^/]+", re.sub(r"\(\?P<\w+>", "(?:", plain))
