"""The addresses below `/admin/`; any other one there is answered like these to who may not see them."""

from django.urls import URLPattern, path

from holdfast.control.accounts import limits
from holdfast.control.operate.audit import audit
from holdfast.control.operate.bans import bans
from holdfast.control.operate.doors import nowhere
from holdfast.control.operate.overview import overview, stuck
from holdfast.control.operate.people import everybody, invite, person
from holdfast.control.operate.projects import all_projects, one_project, queue
from holdfast.control.operate.switches import kill_switches
from holdfast.control.web.limiting import View, limited


def _page(route: str, view: View, name: str) -> URLPattern:
    return path(route, limited(view, limits.OPERATE), name=name)


urlpatterns: list[URLPattern] = [
    _page("", overview, name="admin"),
    _page("stuck/", stuck, name="admin_stuck"),
    _page("switches/", kill_switches, name="admin_switches"),
    _page("bans/", bans, name="admin_bans"),
    _page("people/", everybody, name="admin_people"),
    _page("invite/", invite, name="admin_invite"),
    _page("people/<str:name>/", person, name="admin_person"),
    _page("projects/", all_projects, name="admin_projects"),
    _page("projects/<slug:index>/<str:name>/", one_project, name="admin_project"),
    _page("moderation/", queue, name="admin_moderation"),
    _page("audit/", audit, name="admin_audit"),
    _page("<path:rest>", nowhere, "admin_nowhere"),
]
