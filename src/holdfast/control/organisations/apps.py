"""Django's registration of this app."""

from django.apps import AppConfig


class OrganisationsConfig(AppConfig):
    name = "holdfast.control.organisations"
    label = "organisations"
    default_auto_field = "django.db.models.BigAutoField"
