"""Django's registration of this app."""

from django.apps import AppConfig


class MailConfig(AppConfig):
    name = "holdfast.control.mail"
    label = "mail"
    default_auto_field = "django.db.models.BigAutoField"
