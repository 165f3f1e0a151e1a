"""Reports and trusted observers. Actions of this app write these rows; nothing else does."""

from typing import ClassVar

from django.db import models

from holdfast.control.accounts.models import User
from holdfast.control.projects.models import Project


class Report(models.Model):
    """Somebody says that a project is malicious. One person has one open report of a project."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="reports")
    kind = models.CharField(max_length=32)  # reports.KINDS
    text = models.TextField()
    reporter = models.CharField(max_length=200)
    trusted = models.BooleanField(default=False, db_default=False)  # the reporter was an observer then
    created = models.DateTimeField()
    verdict = models.CharField(max_length=16, default="", db_default="")  # verdicts.VERDICTS; "" = waits
    decided = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=200, default="", db_default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project", "reporter"], condition=models.Q(verdict=""), name="one_open_report_per_person"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["created"], name="waiting_reports", condition=models.Q(verdict=""))]


class Observer(models.Model):
    """A person or robot whose reports weigh more: a security team, a scanner."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="observer")
    created = models.DateTimeField()
    added_by = models.CharField(max_length=200)


class Reminder(models.Model):
    """An occasion that operators were mailed about: once, whichever machine noticed it, and after any restart."""

    occasion = models.CharField(primary_key=True, max_length=64)  # sha256 of what it is, hex
    told = models.DateTimeField(db_index=True)
