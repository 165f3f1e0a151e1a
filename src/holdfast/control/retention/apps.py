"""Django's registration of this app."""

from django.apps import AppConfig


class RetentionConfig(AppConfig):
    name = "holdfast.control.retention"
    label = "retention"
    default_auto_field = "django.db.models.BigAutoField"
