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
    "nothing there": "/project/nobody/",
}

# Every page of control's, by route: which file of this lane looks at it, or why there is nothing to look at. A test of
# control's lane holds that no route is missing, the files that what stands here was seen.
ACCOUNT, WALKS = "test_account_pages", "test_walks"
CONTROL = {
    "_/me": "no page",
    "account": "leads on",
    "account/": ACCOUNT,
    "account/login/": ACCOUNT,
    "account/logout/": ACCOUNT,
    "account/inactive/": ACCOUNT,
    "account/signup/": ACCOUNT,
    "account/invitation/<str:key>/": "leads on to the sign-up, or is the page of a link that is no longer good",
    "account/let-in/<str:key>/": ACCOUNT,
    "account/reauthenticate/": ACCOUNT,
    "account/reauthenticate/elsewhere/": "leads to a provider",
    "account/sign-in/<slug:provider>/": "leads to a provider",
    "account/sign-in/<slug:provider>/callback/": "leads on",
    "account/choose-name/": "needs a provider",
    "account/sign-ins/": "needs a provider",
    "account/email/": ACCOUNT,
    "account/confirm-email/": ACCOUNT,
    r"account/^confirm-email/(?P<key>[-:\w]+)/$": ACCOUNT,
    "account/password/change/": ACCOUNT,
    "account/password/set/": "leads on for whoever has a password",
    "account/password/reset/": ACCOUNT,
    "account/password/reset/done/": ACCOUNT,
    r"account/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": ACCOUNT,
    "account/password/reset/key/done/": ACCOUNT,
    "account/sessions/": ACCOUNT,
    "account/delete/": ACCOUNT,
    "account/2fa/": ACCOUNT,
    "account/2fa/authenticate/": ACCOUNT,
    "account/2fa/reauthenticate/": ACCOUNT,
    "account/2fa/totp/activate/": ACCOUNT,
    "account/2fa/totp/deactivate/": ACCOUNT,
    "account/2fa/recovery-codes/": ACCOUNT,
    "account/2fa/recovery-codes/generate/": ACCOUNT,
    "account/2fa/recovery-codes/download/": "a file",
    "account/2fa/keys/": ACCOUNT,
    "account/2fa/keys/add/": ACCOUNT,
    "account/2fa/keys/<int:pk>/remove/": ACCOUNT,
    "account/2fa/keys/<int:pk>/edit/": ACCOUNT,
    "account/2fa/keys/reauthenticate/": ACCOUNT,
    "account/2fa/keys/login/": "for the script",
    "manage": "leads on",
    "manage/": WALKS,
    "manage/history/": WALKS,
    "manage/tokens/": WALKS,
    "manage/tokens/new/": WALKS,
    "manage/organisations/new/": WALKS,
    "manage/organisations/<slug:name>/": WALKS,
    "manage/projects/<slug:index>/<str:name>/": WALKS,
    "admin": "leads on",
    "admin/": WALKS,
    "admin/stuck/": WALKS,
    "admin/switches/": WALKS,
    "admin/bans/": WALKS,
    "admin/people/": WALKS,
    "admin/invite/": WALKS,
    "admin/people/<str:name>/": WALKS,
    "admin/projects/": WALKS,
    "admin/projects/<slug:index>/<str:name>/": WALKS,
    "admin/moderation/": WALKS,
    "admin/audit/": WALKS,
    "admin/<path:rest>": WALKS,
}


def unseen(file: str, paths: set[str]) -> list[str]:
    """The routes that the file should have looked at, and did not."""
    wanted = [route for route, where in CONTROL.items() if where == file]
    return [route for route in wanted if not any(re.fullmatch(_pattern(route), path) for path in paths)]


def _pattern(route: str) -> str:
    """A route as a pattern of the path it answers."""
    plain = route.replace("^", "").replace("$", "").replace("<path:rest>", "no-such-page")
    return "/" + re.sub(r"<\w+:\w+>", "[^/]+", re.sub(r"\(\?P<\w+>", "(?:", plain))
