"""The addresses below `/admin/`; any other one there is answered like these to who may not see them."""

from django.urls import URLPattern, path

from holdfast.control.operate.audit import audit
from holdfast.control.operate.bans import bans
from holdfast.control.operate.doors import nowhere
from holdfast.control.operate.overview import overview, stuck
from holdfast.control.operate.people import everybody, invite, person
from holdfast.control.operate.projects import all_projects, one_project, queue
from holdfast.control.operate.switches import kill_switches

urlpatterns: list[URLPattern] = [
    path("", overview, name="admin"),
    path("stuck/", stuck, name="admin_stuck"),
    path("switches/", kill_switches, name="admin_switches"),
    path("bans/", bans, name="admin_bans"),
    path("people/", everybody, name="admin_people"),
    path("invite/", invite, name="admin_invite"),
    path("people/<str:name>/", person, name="admin_person"),
    path("projects/", all_projects, name="admin_projects"),
    path("projects/<slug:index>/<str:name>/", one_project, name="admin_project"),
    path("moderation/", queue, name="admin_moderation"),
    path("audit/", audit, name="admin_audit"),
    path("<path:rest>", nowhere),
]
