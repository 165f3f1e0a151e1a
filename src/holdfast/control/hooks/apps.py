"""Django's registration of this app."""

from django.apps import AppConfig


class HooksConfig(AppConfig):
    name = "holdfast.control.hooks"
    label = "hooks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Webhooks of a project go with the hands that made them."""
        from holdfast.control.hooks.actions import end_webhooks
        from holdfast.control.organisations.hands import ENDED_WITH_THE_HANDS

        ENDED_WITH_THE_HANDS.append(end_webhooks)
