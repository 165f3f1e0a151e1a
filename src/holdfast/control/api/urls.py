"""The management API's URL table, below `/api/`. docs/api.md tells it to people."""

from django.urls import URLPattern, path

from holdfast.control.api import projects, promotions, tokens
from holdfast.control.api.call import Route, view_of

_PROJECT = "projects/<slug:index>/<str:name>"
_RELEASE = _PROJECT + "/releases/<str:version>"
_FILE = _PROJECT + "/files/<str:filename>"

urlpatterns: list[URLPattern] = [
    path(_PROJECT, view_of(GET=Route(projects.show_project), DELETE=Route(projects.delete_project))),
    path(_PROJECT + "/status", view_of(POST=Route(projects.set_status, ("status", "reason")))),
    path(_PROJECT + "/release-name", view_of(POST=Route(projects.release_name))),
    path(
        _PROJECT + "/roles/<str:user>",
        view_of(PUT=Route(projects.set_role, ("role",)), DELETE=Route(projects.remove_role)),
    ),
    path(_RELEASE, view_of(DELETE=Route(projects.delete_release))),
    path(_RELEASE + "/yank", view_of(POST=Route(projects.yank_release, ("reason",)))),
    path(_RELEASE + "/unyank", view_of(POST=Route(projects.unyank_release))),
    path(_RELEASE + "/promote", view_of(POST=Route(promotions.promote_to, promotions.PROMOTION_FIELDS))),
    path(_FILE, view_of(DELETE=Route(projects.delete_file))),
    path(_FILE + "/yank", view_of(POST=Route(projects.yank_file, ("reason",)))),
    path(_FILE + "/unyank", view_of(POST=Route(projects.unyank_file))),
    path(
        "grants/shadow/<slug:index>/<str:name>",
        view_of(PUT=Route(projects.grant_shadow), DELETE=Route(projects.revoke_shadow)),
    ),
    path("removals", view_of(POST=Route(projects.remove_bytes, ("sha256", "reason", "legal")))),
    path("tokens", view_of(GET=Route(tokens.list_tokens), POST=Route(tokens.new_token, tokens.NEW_TOKEN_FIELDS))),
    path("tokens/<str:token>", view_of(DELETE=Route(tokens.end_token))),
]
