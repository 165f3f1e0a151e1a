"""Django's registration of this app."""

from django.apps import AppConfig


class ModerationConfig(AppConfig):
    name = "holdfast.control.moderation"
    label = "moderation"
    default_auto_field = "django.db.models.BigAutoField"
