"""Django's registration of this app."""

from django.apps import AppConfig


class PublishersConfig(AppConfig):
    name = "holdfast.control.publishers"
    label = "publishers"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """A project that changes hands is published to by none of its old owners' workflows."""
        from holdfast.control.organisations.hands import ENDED_WITH_THE_HANDS
        from holdfast.control.publishers.arrival import end_publishers

        ENDED_WITH_THE_HANDS.append(end_publishers)
