"""Whether the secret key is the one that the rows were encrypted with: noticed at the start, not at the next sign-in.

A lost or replaced key file stops nobody who installs or publishes: cookies are signed anew, and only what was encrypted
is out of reach until the file is back, or until an operator has said that it is lost.
"""

import hashlib
import hmac

from allauth.mfa.models import Authenticator
from django.conf import settings

from holdfast.config import Config
from holdfast.control.accounts import secrets
from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.models import KeyCheck, User
from holdfast.control.accounts.recovery import begin_wait
from holdfast.control.database import database_guard
from holdfast.control.publication.transaction import Publication, WriteTransaction, held, unpublished_transaction
from holdfast.control.secret_key import key_file, read_keys
from holdfast.core.errors import Unavailable
from holdfast.core.tokens import same_digest

_SEALED = ("secret", "seed")  # what of a second factor is encrypted, by the key of its document
_WHAT = "second factors cannot be read and webhooks cannot be signed; installs and uploads go on"


def key_trouble(config: Config) -> str:
    """What is wrong with the key, with the file's name and what to do; "" when it fits. Raises DatabaseUnavailable."""
    try:
        keys = read_keys(config)
    except Unavailable as error:
        return f"{error.reason}: nobody can sign in; installs and uploads go on"
    with database_guard():
        known = KeyCheck.objects.filter(pk=1).values_list("digest", flat=True).first()
    if known is None or any(same_digest(_digest_of(key), known) for key in keys):
        return ""
    return (
        f"the secret key {key_file(config)} is another one than this database was used with, so {_WHAT}. Put the"
        " earlier file back there, or name it in secret_key_fallback_files, and start again; if it is lost for good,"
        " `holdfast key renew --lost` forgets what it had encrypted"
    )


def note_key(publisher: Publication, config: Config, actor: Actor, *, deadline: float) -> str:
    """At the start: note the key of a database that knows none yet, and say what is wrong with it otherwise."""
    if trouble := key_trouble(config):
        return trouble
    with database_guard():
        is_noted = KeyCheck.objects.filter(pk=1).exists()
    if not is_noted:
        with unpublished_transaction(publisher, actor, deadline) as tx:
            _note(tx, config)
    return ""


@held
def renew_key(publisher: Publication, config: Config, lost: bool, actor: Actor, *, deadline: float) -> tuple[int, int]:
    """Encrypt second factors anew with the key in force; how many were, and how many were forgotten.

    Raises Unavailable when some were encrypted with a key that is not there, unless it is `lost`: those are forgotten
    then, and recovery's wait begins for their people.
    """
    settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS = read_keys(config)
    renewed = forgotten = 0
    with unpublished_transaction(publisher, actor, deadline) as tx:
        for row in Authenticator.objects.filter(type__in=("totp", "recovery_codes")).select_related("user"):
            try:
                row.data = {name: _renewed(name, value) for name, value in row.data.items()}
                row.save(update_fields=["data"])
                renewed += 1
            except Unavailable as error:
                if not lost:
                    raise Unavailable(f"{error.reason}; name that key's file in secret_key_fallback_files") from error
                _forget(tx, row)
                forgotten += 1
        _note(tx, config)
        tx.audit("renew-key", "secret-key", renewed=renewed, forgotten=forgotten)
    return renewed, forgotten


def _renewed(name: str, value: object) -> object:
    if name in _SEALED and isinstance(value, str):
        return secrets.encrypt(secrets.decrypt(value))
    if name == "migrated_codes" and isinstance(value, list):
        return [secrets.encrypt(secrets.decrypt(code)) for code in value]
    return value


def _forget(tx: WriteTransaction, row: Authenticator) -> None:
    user = row.user
    assert isinstance(user, User)
    row.delete()
    begin_wait(tx, user, "its second factor was lost with the secret key")


def _note(tx: WriteTransaction, config: Config) -> None:
    digest = _digest_of(read_keys(config)[0])
    KeyCheck.objects.update_or_create(pk=1, defaults={"digest": digest, "noted": tx.now})


def _digest_of(key: str) -> str:
    """What stands for a key in the database."""
    return hmac.digest(key.encode(), b"holdfast key check 1", hashlib.sha256).hex()
