"""The counter, the instance and the outbox."""

from typing import ClassVar

from django.db import models


class Counter(models.Model):
    """One row: the newest serial given out. Incremented as the last step of each write transaction."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    value = models.BigIntegerField(default=0, db_default=0)


class Instance(models.Model):
    """One row: which instance this database belongs to, and whether publication had to stop."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    instance = models.CharField(max_length=32)  # hex, equal to the tree's and the data folder's
    data_format = models.IntegerField()
    created = models.DateTimeField()
    halted = models.TextField(default="", db_default="")  # why nothing may be written, e.g. two databases on one tree


class Event(models.Model):
    """The outbox: one row per committed write transaction, naming what changed and never how.

    The serial is the counter's value, so rows are contiguous and in commit order.
    """

    serial = models.BigIntegerField(primary_key=True)
    event = models.CharField(max_length=32, unique=True)  # uuid4 hex; tells this transaction from another's serial
    created = models.DateTimeField()
    changes = models.JSONField()  # see changes.py
    published = models.DateTimeField(null=True)
    attempts = models.IntegerField(default=0, db_default=0)  # failures that were not the store's
    first_failure = models.DateTimeField(null=True)
    error = models.TextField(default="", db_default="")
    held = models.BooleanField(default=False, db_default=False)  # published as "held": a person should look

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["serial"], name="unpublished_events", condition=models.Q(published=None))
        ]


class PublisherLease(models.Model):
    """One row: who publishes right now. It saves double work; correctness never depends on it."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    holder = models.CharField(max_length=64, default="", db_default="")
    until = models.DateTimeField()
