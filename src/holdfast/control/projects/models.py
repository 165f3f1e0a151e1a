"""The rows that decide what an index lists. Only actions.py, reconcile and rebuild write them."""

from typing import ClassVar

from django.db import models

from holdfast.control.accounts.models import User
from holdfast.core.names import FILENAME_CHARS_MAX, NAME_CHARS_MAX


class Project(models.Model):
    """A name in an index, for ever: a row stays when its project is deleted, so that the name stays owned."""

    index = models.CharField(max_length=64)
    name = models.CharField(max_length=NAME_CHARS_MAX)  # normalised
    display = models.CharField(max_length=NAME_CHARS_MAX)  # as the newest upload spelt it
    status = models.CharField(max_length=16, default="active", db_default="active")  # PEP 792
    status_reason = models.TextField(default="", db_default="")
    held = models.BooleanField(default=False, db_default=False)  # quarantined for its name; its owner still uploads
    status_since = models.DateTimeField(null=True)  # null: never changed, or changed by an earlier release
    last_serial = models.BigIntegerField(default=0, db_default=0)
    created = models.DateTimeField()
    deleted = models.DateTimeField(null=True)  # set: no longer listed
    owned = models.BooleanField(default=True, db_default=True)  # False: an operator released the name

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["index", "name"], name="one_project_per_name")]
        indexes: ClassVar = [
            models.Index(fields=["status_since"], name="quarantined_projects", condition=models.Q(status="quarantined"))
        ]


class Release(models.Model):
    """A version of a project."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="releases")
    version = models.CharField(max_length=200)  # normalised PEP 440 text
    created = models.DateTimeField()
    yanked = models.BooleanField(default=False, db_default=False)  # a file uploaded later is yanked too
    yanked_reason = models.TextField(default="", db_default="")
    deleted = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["project", "version"], name="one_release_per_version")]


class File(models.Model):
    """One distribution file. A deleted one keeps its row: its filename stays bound to these bytes."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="files")
    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="files")
    filename = models.CharField(max_length=FILENAME_CHARS_MAX)
    sha256 = models.CharField(max_length=64, db_index=True)
    size = models.BigIntegerField()  # bytes
    packagetype = models.CharField(max_length=16)
    python_version = models.CharField(max_length=FILENAME_CHARS_MAX, default="", db_default="")  # of the filename
    upload_time = models.DateTimeField()
    requires_python = models.TextField(default="", db_default="")
    yanked = models.BooleanField(default=False, db_default=False)
    yanked_reason = models.TextField(default="", db_default="")
    metadata_sha256 = models.CharField(max_length=64, default="", db_default="", db_index=True)
    provenance_sha256 = models.CharField(max_length=64, default="", db_default="", db_index=True)
    md5 = models.CharField(max_length=32, default="", db_default="")
    blake2b_256 = models.CharField(max_length=64, default="", db_default="")
    uploader = models.CharField(max_length=200, default="", db_default="")
    deleted = models.DateTimeField(null=True)  # delisted by its owner; bytes are kept for a while
    removed = models.BooleanField(default=False, db_default=False)  # bytes taken down for good, or deleted long ago

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["project", "filename"], name="one_row_per_file")]


class FilenameBinding(models.Model):
    """Filename to bytes, for ever and per index: outlives the file, the release and the project."""

    index = models.CharField(max_length=64)
    filename = models.CharField(max_length=FILENAME_CHARS_MAX)
    sha256 = models.CharField(max_length=64)
    project = models.CharField(max_length=NAME_CHARS_MAX)  # normalised
    created = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["index", "filename"], name="one_binding_per_filename")]


class Role(models.Model):
    """A person's standing on a project: owner or maintainer."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="roles")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="roles")
    role = models.CharField(max_length=16)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["project", "user"], name="one_role_per_person")]


class ShadowGrant(models.Model):
    """An operator's permission to create a hosted name that a lower layer already has."""

    index = models.CharField(max_length=64)
    name = models.CharField(max_length=NAME_CHARS_MAX)  # normalised
    created = models.DateTimeField()
    granted_by = models.CharField(max_length=200)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["index", "name"], name="one_grant_per_name")]


class Removal(models.Model):
    """A digest that must never be served again, from anywhere."""

    sha256 = models.CharField(primary_key=True, max_length=64)
    reason = models.TextField()
    legal = models.BooleanField(default=False, db_default=False)
    created = models.DateTimeField()
    erased = models.DateTimeField(null=True)  # when the last copy known to the tree was deleted


class Intent(models.Model):
    """An upload says which digests it is about to store, before it stores them, so that no sweep takes them.

    With `sweep` the row says the opposite: the orphan collection is about to delete that digest. Each side
    commits its own row first and looks for the other's second, so at least one of the two steps back.
    """

    sha256 = models.CharField(max_length=64, db_index=True)
    sweep = models.BooleanField(default=False, db_default=False)
    created = models.DateTimeField()
    lease_until = models.DateTimeField(db_index=True)
