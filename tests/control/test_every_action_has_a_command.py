"""What the API can do, the command line can: each address and method has its command here, or says why it has none.

A new address without a row fails, and so does a row whose command is gone.
"""

import click

from holdfast.cli.main import main
from holdfast.control.api.table import TABLE

# Whose these are, nobody else does: an operator does the same thing at once, without asking.
ONES_OWN = "somebody's own answer or place; an operator sets it at once"
# Of the API itself, or of programs that speak HTTP.
HTTP_ONLY = "of the API itself"

_PROJECT = "projects/<slug:index>/<str:name>"
_RELEASE = f"{_PROJECT}/releases/<str:version>"
_FILE = f"{_PROJECT}/files/<str:filename>"
_SESSION = "sessions/<slug:index>/<slug:session>"
_ORG = "organisations/<slug:organisation>"
_INDEX = "indexes/<slug:index>"

COMMANDS = {
    "GET projects": "project list",
    f"GET {_PROJECT}": "project show",
    f"DELETE {_PROJECT}": "project delete",
    f"GET {_PROJECT}/releases": "project show",
    f"GET {_PROJECT}/files": "project show",
    f"GET {_PROJECT}/audit": "audit list",
    f"POST {_PROJECT}/status": "project status",
    f"POST {_PROJECT}/release-name": "project release-name",
    f"DELETE {_RELEASE}": "project delete",
    f"POST {_RELEASE}/yank": "project yank",
    f"POST {_RELEASE}/unyank": "project unyank",
    f"POST {_RELEASE}/promote": "promote",
    f"DELETE {_FILE}": "project delete",
    f"POST {_FILE}/yank": "project yank",
    f"POST {_FILE}/unyank": "project unyank",
    "GET sessions/<slug:index>": "project staged",
    "POST sessions/<slug:index>": "publish",
    f"GET {_SESSION}": "project staged",
    f"DELETE {_SESSION}": "project staged",
    f"POST {_SESSION}/extend": "publish",
    f"POST {_SESSION}/publish": "publish",
    f"POST {_SESSION}/files": "publish",
    f"DELETE {_SESSION}/files/<str:filename>": "publish",
    f"GET {_PROJECT}/publishers": "publisher list",
    f"POST {_PROJECT}/publishers": "publisher add",
    f"DELETE {_PROJECT}/publishers/<int:publisher>": "publisher remove",
    "GET publishers/pending": "publisher list",
    "POST publishers/pending": "publisher add",
    "DELETE publishers/pending/<int:publisher>": "publisher remove",
    f"PUT {_PROJECT}/roles/<str:user>": "project role",
    f"DELETE {_PROJECT}/roles/<str:user>": "project role",
    f"GET {_PROJECT}/people": "project people",
    f"POST {_PROJECT}/invitations": "project role",
    f"POST {_PROJECT}/offers": "project transfer",
    f"POST {_PROJECT}/leave": ONES_OWN,
    "GET invitations": ONES_OWN,
    "DELETE invitations/<int:invitation>": ONES_OWN,
    "POST invitations/<int:invitation>/accept": ONES_OWN,
    "POST invitations/<int:invitation>/decline": ONES_OWN,
    "GET offers": ONES_OWN,
    "DELETE offers/<int:offer>": ONES_OWN,
    "POST offers/<int:offer>/accept": ONES_OWN,
    "POST offers/<int:offer>/decline": ONES_OWN,
    "GET organisations": "org list",
    "POST organisations": "org create",
    f"GET {_ORG}": "org show",
    f"DELETE {_ORG}": "org delete",
    f"POST {_ORG}/invitations": "org member",
    f"POST {_ORG}/leave": ONES_OWN,
    f"PUT {_ORG}/members/<str:user>": "org member",
    f"DELETE {_ORG}/members/<str:user>": "org member",
    f"POST {_ORG}/robots": "org robot",
    f"PUT {_ORG}/robots/<str:user>": "org robot",
    f"DELETE {_ORG}/robots/<str:user>": "org robot",
    f"PUT {_ORG}/teams/<slug:team>": "org team",
    f"DELETE {_ORG}/teams/<slug:team>": "org team",
    f"PUT {_ORG}/teams/<slug:team>/members/<str:user>": "org team",
    f"DELETE {_ORG}/teams/<slug:team>/members/<str:user>": "org team",
    f"PUT {_ORG}/teams/<slug:team>/projects/<slug:index>/<str:name>": "org team",
    f"DELETE {_ORG}/teams/<slug:team>/projects/<slug:index>/<str:name>": "org team",
    f"GET {_PROJECT}/retention": "retention show",
    f"PUT {_PROJECT}/retention": "retention set",
    f"DELETE {_PROJECT}/retention": "retention unset",
    f"PUT {_PROJECT}/quota": "retention quota",
    f"DELETE {_PROJECT}/quota": "retention quota",
    f"PUT {_RELEASE}/keep": "retention keep",
    f"DELETE {_RELEASE}/keep": "retention keep",
    f"GET {_INDEX}/retention": "retention show",
    f"PUT {_INDEX}/retention": "retention set",
    f"DELETE {_INDEX}/retention": "retention unset",
    f"PUT {_INDEX}/quota": "retention quota",
    f"DELETE {_INDEX}/quota": "retention quota",
    f"GET {_PROJECT}/webhooks": "webhook list",
    f"POST {_PROJECT}/webhooks": "webhook add",
    f"DELETE {_PROJECT}/webhooks/<int:webhook>": "webhook end",
    f"GET {_INDEX}/webhooks": "webhook list",
    f"POST {_INDEX}/webhooks": "webhook add",
    f"DELETE {_INDEX}/webhooks/<int:webhook>": "webhook end",
    "GET webhooks": "webhook list",
    "POST webhooks": "webhook add",
    "DELETE webhooks/<int:webhook>": "webhook end",
    f"GET {_INDEX}/grants": "org grants",
    f"POST {_INDEX}/grants": "org grant",
    f"POST {_INDEX}/grants/revoke": "org grant",
    "PUT grants/shadow/<slug:index>/<str:name>": "project shadow",
    "DELETE grants/shadow/<slug:index>/<str:name>": "project shadow",
    "POST removals": "project remove",
    "GET openapi.json": HTTP_ONLY,
    f"POST {_PROJECT}/reports": "moderate report",
    "GET reports": "moderate queue",
    "POST reports/<int:report>/verdict": "moderate judge",
    "PUT observers/<str:user>": "moderate observer",
    "DELETE observers/<str:user>": "moderate observer",
    "GET bans": "moderate list",
    "POST bans": "moderate ban",
    "POST bans/lift": "moderate lift-ban",
    "POST prohibited-names": "moderate prohibit",
    "POST prohibited-names/permit": "moderate permit",
    "GET audit": "audit list",
    "GET policy": "policy show",
    "POST policy/denials": "policy deny",
    "POST policy/denials/lift": "policy undeny",
    "POST policy/passes": "policy pass",
    "POST policy/passes/end": "policy unpass",
    "POST policy/reload": "policy reload",
    "GET switches": "switch list",
    "GET switches/history": "switch history",
    "PUT switches/<slug:capability>": "switch off",
    "DELETE switches/<slug:capability>": "switch on",
    "POST switches/<slug:capability>/extend": "switch extend",
    "GET sign-in-sessions": "user sessions",
    "DELETE sign-in-sessions": "user sessions",
    "DELETE sign-in-sessions/<slug:session>": "user sessions",
    "DELETE people/<str:user>/sign-in-sessions": "user sessions",
    "GET tokens": "token list",
    "POST tokens": "token create",
    "DELETE tokens/<str:token>": "token revoke",
    "PUT robots/<str:user>": "token robot",
    "POST leaked-tokens": "token revoke",
}


def test_every_address_of_the_api_has_its_row_and_every_row_an_address():
    served = {f"{method} {address.path}" for address in TABLE for method in address.routes}

    assert (set(), set()) == (served - set(COMMANDS), set(COMMANDS) - served)


def test_every_command_is_there():
    wanted = {words for words in COMMANDS.values() if words not in (ONES_OWN, HTTP_ONLY)}

    assert [] == sorted(words for words in wanted if _find(words) is None)


def _find(words: str) -> click.Command | None:
    found: click.Command | None = main
    for word in words.split():
        assert isinstance(found, click.Group), words
        found = found.get_command(click.Context(found), word)
    return found
