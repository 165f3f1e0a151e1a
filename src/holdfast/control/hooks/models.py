"""Webhooks and what waits to be delivered to them."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from holdfast.control.projects.models import Project

URL_CHARS_MAX = 500


class Webhook(models.Model):
    """Where events go: those of one project, or with none those of an index ("" for every index).

    The secret is no row: it is made of `salt` and the instance's secret key that `key` names (signing.py).
    """

    project = models.ForeignKey(Project, null=True, on_delete=models.CASCADE, related_name="webhooks")
    index = models.CharField(max_length=64, default="", db_default="")
    url = models.CharField(max_length=URL_CHARS_MAX)
    events = models.JSONField(default=list)
    salt = models.CharField(max_length=64)
    key = models.CharField(max_length=16)
    created = models.DateTimeField()
    created_by = models.CharField(max_length=200)
    failures = models.IntegerField(default=0, db_default=0)  # since the last success
    failing_since = models.DateTimeField(null=True)
    stopped = models.DateTimeField(null=True)
    stopped_why = models.CharField(max_length=300, default="", db_default="")


class Delivery(models.Model):
    """One event for one webhook. Written in the transaction that caused it, sent by `work`."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=32)
    body = models.TextField()  # the JSON that is sent, so that every attempt sends the same bytes
    created = models.DateTimeField()
    due = models.DateTimeField()  # when to try next; moved on by whoever claims it
    attempts = models.IntegerField(default=0, db_default=0)
    status = models.IntegerField(null=True)  # of the last answer
    error = models.CharField(max_length=300, default="", db_default="")
    done = models.DateTimeField(null=True)  # delivered, or given up

    class Meta:
        indexes: ClassVar = [models.Index(fields=["due"], name="waiting_deliveries", condition=Q(done=None))]
