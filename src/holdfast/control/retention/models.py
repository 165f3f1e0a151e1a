"""Rules of retention, releases kept in spite of them, and quotas. `project` is "" for what holds for a whole index."""

from typing import ClassVar

from django.db import models

from holdfast.control.projects.models import Project
from holdfast.core.names import NAME_CHARS_MAX


class RetentionRule(models.Model):
    """Which releases go by themselves. A project's own rule replaces its index's, also when it deletes nothing."""

    index = models.CharField(max_length=64)
    project = models.CharField(max_length=NAME_CHARS_MAX, default="", db_default="")  # normalised
    newest = models.IntegerField(null=True)  # releases that are kept whatever their age
    days = models.IntegerField(null=True)  # younger releases are kept
    created = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["index", "project"], name="one_rule_per_place")]


class KeptRelease(models.Model):
    """A release that no rule deletes."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="kept_releases")
    version = models.CharField(max_length=200)  # normalised PEP 440 text

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["project", "version"], name="one_pin_per_release")]


class Quota(models.Model):
    """How many bytes of listed files an index, or one project in it, may hold."""

    index = models.CharField(max_length=64)
    project = models.CharField(max_length=NAME_CHARS_MAX, default="", db_default="")  # normalised
    bytes_max = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["index", "project"], name="one_quota_per_place")]
