"""Django's registration of this app."""

from django.apps import AppConfig


class DomainsConfig(AppConfig):
    name = "holdfast.control.domains"
    label = "domains"
    default_auto_field = "django.db.models.BigAutoField"
