"""Who may publish without a token of their own, what they were given, and what must not be used twice."""

from typing import ClassVar

from django.db import models

from holdfast.control.accounts.models import User
from holdfast.control.projects.models import Project
from holdfast.core.names import NAME_CHARS_MAX

LOOKUP_CHARS_MAX = 400


class Publisher(models.Model):
    """An identity of a CI that may upload to one project. Without `project` it is pending: the name is not in use yet.

    `claims` is what a token must say; `pinned` are the ids seen at first use, where `claims` names none.
    """

    index = models.CharField(max_length=64)
    name = models.CharField(max_length=NAME_CHARS_MAX)  # normalised
    project = models.ForeignKey(Project, on_delete=models.CASCADE, null=True, related_name="publishers")
    provider = models.CharField(max_length=64)  # a name of the configuration's
    lookup = models.CharField(max_length=LOOKUP_CHARS_MAX)  # what a token is found by: "owner/repository", a mail ...
    claims = models.JSONField(default=dict)
    pinned = models.JSONField(default=dict)
    identity = models.CharField(max_length=64)  # sha256 of provider and claims
    registrant = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="+")  # of a pending one
    created_by = models.CharField(max_length=200)
    # Added by an administrator, who vouches for it whoever owns the project (vouching.py). Those from before this was
    # noted, or that the previous release adds during an upgrade, go on as they were.
    by_operator = models.BooleanField(default=False, db_default=True)
    created = models.DateTimeField()
    last_used = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["index", "name", "identity"], name="one_publisher_per_identity")
        ]
        indexes: ClassVar = [models.Index(fields=["provider", "lookup"], name="publisher_by_lookup")]


class PublisherToken(models.Model):
    """A token that was minted for an identity. It goes with the publishers it was minted for; burned, its row goes."""

    id = models.CharField(primary_key=True, max_length=12)  # the id inside the token's text
    digest = models.CharField(max_length=64)  # sha256 of the whole text, hex
    publishers = models.ManyToManyField(Publisher, related_name="tokens")
    provider = models.CharField(max_length=64)
    kind = models.CharField(max_length=16)
    issuer = models.CharField(max_length=500)
    label = models.CharField(max_length=200)  # how people call the identity
    facts = models.JSONField(default=dict)  # claims that were verified: repository, workflow, sha, run ...
    created = models.DateTimeField()
    expires = models.DateTimeField(db_index=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["digest"], name="publisher_token_by_digest")]


class UsedIdentityToken(models.Model):
    """An identity token that was exchanged. The row outlives the token, so that none is exchanged twice."""

    key = models.CharField(primary_key=True, max_length=64)  # sha256 of issuer and jti, or of what was signed
    until = models.DateTimeField(db_index=True)


class KeySet(models.Model):
    """The last good signing keys of an issuer, so that its outage or our restart stops nobody."""

    issuer = models.CharField(primary_key=True, max_length=500)
    document = models.TextField()  # JWKS (RFC 7517 §5) as fetched
    fetched = models.DateTimeField()
