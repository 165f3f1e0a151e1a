"""Users, tokens and the audit trail. Actions write these rows; nothing else does."""

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models


class User(AbstractUser):
    """A person (or a robot) that can hold roles and tokens. Own model from the first migration on."""


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


class Session(AbstractBaseSession):
    """A browser's session, under the digest of its key (web/sessions.py)."""

    session_key = models.CharField(primary_key=True, max_length=64)  # sha256 of what the cookie holds, hex
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="sessions")
    address = models.CharField(max_length=64, default="", db_default="")  # the client's, at its sign-in
    agent = models.CharField(max_length=200, default="", db_default="")
    begun = models.DateTimeField(null=True)
    seen = models.DateTimeField()


class AuditEvent(models.Model):
    """Who did what, through which token. Append-only, written in the transaction of the change itself."""

    serial = models.BigIntegerField(null=True, db_index=True)  # of the change, when it was a published one
    created = models.DateTimeField()
    actor = models.CharField(max_length=200)
    token = models.CharField(max_length=12, default="", db_default="")
    address = models.CharField(max_length=64, default="", db_default="")  # the client's, when there is one
    action = models.CharField(max_length=64)  # a verb: "yank-release"
    subject = models.CharField(max_length=500)  # index/project[/version|/filename], a digest, a token id
    detail = models.JSONField(default=dict)

    class Meta:
        ordering: ClassVar = ["id"]
