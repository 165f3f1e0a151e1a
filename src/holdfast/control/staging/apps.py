"""Django's registration of this app."""

from django.apps import AppConfig


class StagingConfig(AppConfig):
    name = "holdfast.control.staging"
    label = "staging"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """What a project's old hands had under way ends with them."""
        from holdfast.control.organisations.hands import ENDED_WITH_THE_HANDS
        from holdfast.control.staging.sessions import end_sessions

        ENDED_WITH_THE_HANDS.append(end_sessions)
