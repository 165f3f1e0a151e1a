"""Telling people by mail what others did: a mail in the transaction of its cause, to their verified address if any."""

from typing import Any

from allauth.account.models import EmailAddress

from holdfast.control.mail.queue import queue
from holdfast.control.publication.transaction import WriteTransaction


def tell(tx: WriteTransaction, user: str, kind: str, context: dict[str, Any]) -> bool:
    """Mail somebody; False when they have no verified address, and nothing was sent."""
    addresses = EmailAddress.objects.filter(user__username=user, user__is_active=True, verified=True)
    address = addresses.order_by("-primary", "pk").values_list("email", flat=True).first()
    if address is None:
        return False
    queue(tx, address, kind, {"user": user, **context})
    return True


def tell_all(tx: WriteTransaction, users: list[str], kind: str, context: dict[str, Any]) -> None:
    """Mail each of them."""
    for user in users:
        tell(tx, user, kind, context)
