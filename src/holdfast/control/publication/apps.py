"""Django's registration of this app."""

from django.apps import AppConfig


class PublicationConfig(AppConfig):
    name = "holdfast.control.publication"
    label = "publication"
    default_auto_field = "django.db.models.BigAutoField"
