"""Django's registration of this app."""

from django.apps import AppConfig


class StagingConfig(AppConfig):
    name = "holdfast.control.staging"
    label = "staging"
    default_auto_field = "django.db.models.BigAutoField"
