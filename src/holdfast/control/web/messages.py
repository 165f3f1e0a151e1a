"""What a person is told once, on the next page: a sentence and its kind."""

from dataclasses import dataclass

from django.conf import settings
from django.contrib.messages.constants import ERROR, SUCCESS, WARNING
from django.contrib.messages.storage.base import Message as DjangoMessage
from django.contrib.messages.storage.cookie import CookieStorage
from django.http.response import HttpResponseBase

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


class Notices(CookieStorage):
    """MESSAGE_STORAGE: Django's signed cookie, under a name and path as narrow as the session's."""

    @property
    def cookie_name(self) -> str:  # type: ignore[override]  # a constant there; ours follows the public URL
        return str(settings.MESSAGE_COOKIE_NAME)

    def _update_cookie(self, encoded_data: str, response: HttpResponseBase) -> None:
        path = settings.SESSION_COOKIE_PATH
        if not encoded_data:
            response.delete_cookie(self.cookie_name, path=path, samesite="Lax")
            return
        is_secure = bool(settings.SESSION_COOKIE_SECURE)
        response.set_cookie(self.cookie_name, encoded_data, path=path, secure=is_secure, httponly=True, samesite="Lax")
