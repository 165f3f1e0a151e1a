"""Publishing sessions and their files, in PEP 694's words. Nothing here is listed anywhere before it is published.

A session holds its release's name while it lives, and nothing of it afterwards: no project, release or filename exists
before publication, so a session that is given up leaves none. The preview's token is kept as it is, because whoever may
upload to the project may see the address again; the published tree, which more people may read, knows its digest only.
"""

from typing import ClassVar

from django.db import models

from holdfast.core.names import FILENAME_CHARS_MAX, NAME_CHARS_MAX

OPEN, ERROR, PUBLISHED, CANCELED = "open", "error", "published", "canceled"
LIVE = (OPEN, ERROR)  # files come and go; `error` says that the last attempt to publish was refused


class StagingSession(models.Model):
    """One release on its way into an index. `processing` is no state of a row: publishing is one transaction."""

    id = models.CharField(primary_key=True, max_length=16)  # random hex; no secret
    index = models.CharField(max_length=64)
    name = models.CharField(max_length=NAME_CHARS_MAX)  # normalised
    display = models.CharField(max_length=NAME_CHARS_MAX)  # as whoever opened it spelt it
    version = models.CharField(max_length=200)  # normalised PEP 440 text
    version_key = models.CharField(max_length=200)  # without trailing zeros: 1.0 and 1.0.0 are one release
    creator = models.CharField(max_length=200)  # a user, whose a name without a project is meanwhile; or an identity
    status = models.CharField(max_length=16, default=OPEN, db_default=OPEN)
    notices = models.JSONField(default=list)  # why the last attempt to publish was refused, one sentence each
    preview_token = models.CharField(max_length=64)
    created = models.DateTimeField()
    expires = models.DateTimeField(db_index=True)
    ended = models.DateTimeField(null=True)
    serial = models.BigIntegerField(default=0, db_default=0)  # under which readers see the release
    revision = models.BigIntegerField(default=1, db_default=1)  # counts what changes the preview
    shown = models.BigIntegerField(default=0, db_default=0)  # the revision whose preview is in the store

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["index", "name", "version_key"],
                condition=models.Q(status__in=LIVE),
                name="one_live_session_per_release",
            )
        ]

    @property
    def is_live(self) -> bool:
        """True while files may come and go."""
        return self.status in LIVE


class StagedFile(models.Model):
    """A file whose bytes are durable and which nobody is shown yet, except in the session's preview."""

    session = models.ForeignKey(StagingSession, on_delete=models.CASCADE, related_name="files")
    filename = models.CharField(max_length=FILENAME_CHARS_MAX)
    display = models.CharField(max_length=NAME_CHARS_MAX)  # the project as the metadata spells it
    version = models.CharField(max_length=200)  # normalised PEP 440 text
    sha256 = models.CharField(max_length=64, db_index=True)
    size = models.BigIntegerField()  # bytes
    packagetype = models.CharField(max_length=16)
    python_version = models.CharField(max_length=FILENAME_CHARS_MAX, default="", db_default="")
    requires_python = models.TextField(default="", db_default="")
    metadata_sha256 = models.CharField(max_length=64, default="", db_default="", db_index=True)
    provenance_sha256 = models.CharField(max_length=64, default="", db_default="", db_index=True)
    md5 = models.CharField(max_length=32, default="", db_default="")
    blake2b_256 = models.CharField(max_length=64, default="", db_default="")
    staged = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["session", "filename"], name="one_staged_file_per_name")
        ]
