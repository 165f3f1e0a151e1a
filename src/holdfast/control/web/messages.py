"""What a person is told once, on the next page: a sentence and its kind."""

from dataclasses import dataclass

from django.contrib.messages.constants import ERROR, SUCCESS, WARNING
from django.contrib.messages.storage.base import Message as DjangoMessage

from holdfast.pages.values import NoticeKind

_KINDS: dict[int, NoticeKind] = {SUCCESS: "good", WARNING: "warning", ERROR: "danger"}


@dataclass(frozen=True, slots=True)
class Message:
    """As templates want it."""

    text: str
    kind: NoticeKind

    @classmethod
    def of(cls, message: DjangoMessage) -> "Message":
        """Django's, translated."""
        return cls(str(message.message), _KINDS.get(message.level, "info"))

    def __str__(self) -> str:
        return self.text
