"""Sessions in the database, under the digest of their key: a stolen database opens none of them.

Django's engine with three differences: the digest, the user beside the data so that all of somebody's sessions can be
found and ended, and where and with what a session was begun, which its owner reads in the list of sessions.
"""

from hashlib import sha256
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessions
from django.utils import timezone

from holdfast.control.accounts.models import Session

BEGUN = "holdfast_begun"  # session data: {"address", "agent", "at"} since its sign-in


def digest(session_key: str) -> str:
    """What stands for a session's key in the database."""
    return sha256(session_key.encode()).hexdigest()


class SessionStore(DatabaseSessions):
    """What SESSION_ENGINE names."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def exists(self, session_key: str) -> bool:
        return super().exists(digest(session_key))

    def delete(self, session_key: str | None = None) -> None:
        found = session_key or self.session_key
        if found is not None:
            super().delete(digest(found))

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        begun = data.get(BEGUN, {})
        user = data.get(SESSION_KEY)
        return Session(
            session_key=digest(self._get_or_create_session_key()),  # type: ignore[attr-defined]  # SessionBase's own
            session_data=self.encode(data),
            expire_date=self.get_expiry_date(),
            user_id=int(user) if user else None,
            address=begun.get("address", ""),
            agent=begun.get("agent", ""),
            begun=begun.get("at"),
            seen=timezone.now(),
        )

    def _get_session_from_db(self) -> Session | None:
        if self.session_key is None:
            return None
        found = Session.objects.filter(session_key=digest(self.session_key), expire_date__gt=timezone.now()).first()
        if found is None:
            self._session_key = None
        return found
