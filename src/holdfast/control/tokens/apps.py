"""Django's registration of this app."""

from django.apps import AppConfig


class TokensConfig(AppConfig):
    name = "holdfast.control.tokens"
    label = "tokens"
    default_auto_field = "django.db.models.BigAutoField"
