"""Control's URL table. The front forwards uploads, `/api/` and pages; `/-/` is for fronts themselves: health for
their `/metrics`, notices of what arrives."""

from django.urls import URLPattern, URLResolver, include, path

from holdfast.control.api.urls import urlpatterns as api_patterns
from holdfast.control.health import health
from holdfast.control.manage.urls import urlpatterns as manage_patterns
from holdfast.control.operate.doors import to_overview
from holdfast.control.operate.urls import urlpatterns as operate_patterns
from holdfast.control.publishers.urls import urlpatterns as publisher_patterns
from holdfast.control.uploads.arriving import arriving
from holdfast.control.uploads.views import upload
from holdfast.control.web.account_pages import to_home, to_manage
from holdfast.control.web.account_urls import urlpatterns as account_patterns
from holdfast.control.web.me import me

urlpatterns: list[URLPattern | URLResolver] = [
    path("legacy/", upload),
    path("legacy", upload),
    path("api/", include(api_patterns)),
    path("-/health", health),
    path("-/arriving", arriving),
    path("_/me", me, name="me"),
    path("account", to_home),
    path("account/", include(account_patterns)),
    path("manage", to_manage),
    path("manage/", include(manage_patterns)),
    *publisher_patterns,
    path("admin", to_overview),
    path("admin/", include(operate_patterns)),
    path("<slug:index>/legacy/", upload),
    path("<slug:index>/legacy", upload),
]
handler403 = "holdfast.control.web.pages.denied"
handler404 = "holdfast.control.http.not_found"
handler500 = "holdfast.control.http.server_error"
