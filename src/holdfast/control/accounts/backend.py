"""Who a login and a password stand for. Whatever is typed, one password is hashed: nobody learns who has an account."""

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.internal.userkit import get_user_by_username
from allauth.account.models import EmailAddress
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from holdfast.control.accounts.models import User


def person_of(login: str) -> User | None:
    """The account with that user name, or with that confirmed address. Both are asked, whatever there is."""
    found = get_user_by_username(login)
    address = EmailAddress.objects.filter(email=login.lower(), verified=True).select_related("user").first()
    if isinstance(found, User):
        return found
    return address.user if address is not None and isinstance(address.user, User) else None


class Passwords(AuthenticationBackend):  # type: ignore[misc]  # allauth has no types
    """AUTHENTICATION_BACKENDS' only one."""

    def user_can_authenticate(self, user: AbstractBaseUser) -> bool:
        """A robot has tokens and is nobody to a page, whatever its session says: Django asks with each request."""
        return super().user_can_authenticate(user) and not getattr(user, "is_robot", False)

    def _authenticate(self, request: HttpRequest | None, **credentials: Any) -> AbstractBaseUser | None:
        user = person_of(str(credentials.get("username") or credentials.get("email") or ""))
        if user is None or user.is_robot:
            return None
        found: AbstractBaseUser | None = self._check_password(user, str(credentials.get("password")))
        return found
