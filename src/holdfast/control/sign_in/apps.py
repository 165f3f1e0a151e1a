"""Django's registration of this app."""

from django.apps import AppConfig


class SignInConfig(AppConfig):
    name = "holdfast.control.sign_in"
    label = "sign_in"
    default_auto_field = "django.db.models.BigAutoField"
