"""The addresses below `/manage/`."""

from django.urls import URLPattern, path

from holdfast.control.accounts import limits
from holdfast.control.manage.history import history
from holdfast.control.manage.organisations import new_organisation, organisation
from holdfast.control.manage.overview import overview
from holdfast.control.manage.projects import project
from holdfast.control.manage.tokens import new_token, own_tokens
from holdfast.control.web.limiting import View, limited


def _page(route: str, view: View, name: str) -> URLPattern:
    return path(route, limited(view, limits.MANAGE_PROJECTS), name=name)


urlpatterns: list[URLPattern] = [
    _page("", overview, "manage"),
    _page("history/", history, "manage_history"),
    _page("tokens/", own_tokens, "manage_tokens"),
    _page("tokens/new/", new_token, "manage_new_token"),
    _page("organisations/new/", new_organisation, "manage_new_organisation"),
    _page("organisations/<slug:name>/", organisation, "manage_organisation"),
    _page("projects/<slug:index>/<str:name>/", project, "manage_project"),
]
