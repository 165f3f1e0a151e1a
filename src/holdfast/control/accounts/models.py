"""Users, tokens and the audit trail. Actions write these rows; nothing else does."""

from typing import ClassVar

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import AbstractUser
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models


def no_password() -> str:
    """What stands for a password that nobody can know: people of tokens alone have none."""
    return make_password(None)


class User(AbstractUser):
    """A person (or a robot) that can hold roles and tokens. Own model from the first migration on.

    `is_active` false is a frozen account, `is_superuser` an administrator's, `is_staff` a moderator's.
    """

    password = models.CharField(max_length=128, default=no_password)
    is_robot = models.BooleanField(default=False, db_default=False)  # owns tokens of programs, never signs in
    frozen_reason = models.CharField(max_length=500, default="", db_default="")
    recovered_until = models.DateTimeField(null=True)  # just recovered: until then some rights wait (control/rights.py)


class Token(models.Model):
    """An API token at rest: the digest of its text, never the text.

    Scopes are three lists and two rights. `reads` and `upload_indexes` name indexes (`*` means all);
    `upload_projects` names `index/project` pairs and narrows uploads to them when not empty.
    """

    id = models.CharField(primary_key=True, max_length=12)  # the id inside the token's text
    digest = models.CharField(max_length=64)  # sha256 of the whole text, hex
    name = models.CharField(max_length=200)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    reads = models.JSONField(default=list)
    upload_indexes = models.JSONField(default=list)
    upload_projects = models.JSONField(default=list)
    create_projects = models.BooleanField(default=False, db_default=False)
    admin = models.BooleanField(default=False, db_default=False)
    created = models.DateTimeField()
    expires = models.DateTimeField(null=True)
    revoked = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["digest"], name="token_by_digest")]


class Session(AbstractBaseSession):
    """A browser's session, under the digest of its key (web/sessions.py)."""

    session_key = models.CharField(primary_key=True, max_length=64)  # sha256 of what the cookie holds, hex
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="sessions")
    address = models.CharField(max_length=64, default="", db_default="")  # the client's, at its sign-in
    agent = models.CharField(max_length=200, default="", db_default="")
    begun = models.DateTimeField(null=True)
    seen = models.DateTimeField()


class KnownPlace(models.Model):
    """A network or a browser somebody has signed in from: what strangers do elsewhere does not shut it out."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="places")
    digest = models.CharField(max_length=64)  # of the network, or of what the browser's cookie holds
    seen = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "digest"], name="one_place_once")]


class Attempts(models.Model):
    """How often something was tried since a moment. Rows and not memory: a restart forgives nothing."""

    key = models.CharField(primary_key=True, max_length=64)  # sha256 of what is limited, hex
    began = models.DateTimeField(db_index=True)
    count = models.IntegerField(default=1)


class Kept(models.Model):
    """Django's cache as rows (accounts/cache.py): which one-time codes were used, on whichever machine."""

    key = models.CharField(primary_key=True, max_length=64)
    value = models.JSONField()
    until = models.DateTimeField(db_index=True)


class KeyCheck(models.Model):
    """One row: by which secret key the rows here are encrypted (control/key_check.py). It opens nothing."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    digest = models.CharField(max_length=64)
    noted = models.DateTimeField()


class Invitation(models.Model):
    """A place offered to somebody without an account. The link holds the key, the row its digest."""

    digest = models.CharField(max_length=64, unique=True)
    email = models.EmailField()
    admin = models.BooleanField(default=False, db_default=False)
    by = models.CharField(max_length=150)
    created = models.DateTimeField()
    expires = models.DateTimeField()
    used = models.DateTimeField(null=True)


class AuditHead(models.Model):
    """One row: the end of the audit trail's chain. Locked while events get their places."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    position = models.BigIntegerField(default=0, db_default=0)
    hash = models.CharField(max_length=64, default="0" * 64)


class AuditEvent(models.Model):
    """Who did what, through which credential. Append-only and chained (audit.py), in the transaction of the change."""

    serial = models.BigIntegerField(null=True, db_index=True)  # of the change, when it was a published one
    created = models.DateTimeField()
    actor = models.CharField(max_length=200)
    token = models.CharField(max_length=12, default="", db_default="")
    address = models.CharField(max_length=64, default="", db_default="")  # written by earlier releases alone
    credential = models.CharField(max_length=16, default="", db_default="")
    network = models.CharField(max_length=64, default="", db_default="")  # the client's, hashed (networks.py)
    position = models.BigIntegerField(
        null=True, unique=True
    )  # in the chain; null = of an earlier release, not yet there
    hash = models.CharField(max_length=64, default="", db_default="")
    action = models.CharField(max_length=64)  # a verb: "yank-release"
    subject = models.CharField(max_length=500, db_index=True)  # index/project[/version|/filename], a digest, a token id
    detail = models.JSONField(default=dict)

    class Meta:
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [models.Index(fields=["actor", "id"], name="audit_by_actor")]
