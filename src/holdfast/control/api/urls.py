"""The management API's URL table below `/api/`, made from the one table of table.py."""

from django.urls import URLPattern, path

from holdfast.control.api.call import view_of
from holdfast.control.api.table import TABLE

urlpatterns: list[URLPattern] = [path(address.path, view_of(**address.routes)) for address in TABLE]
