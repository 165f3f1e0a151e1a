"""Django's registration of this app."""

from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    name = "holdfast.control.projects"
    label = "projects"
    default_auto_field = "django.db.models.BigAutoField"
