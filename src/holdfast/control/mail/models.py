"""The outbox of mails."""

from typing import ClassVar

from django.db import models


class Mail(models.Model):
    """One mail to one person. Its text is erased once it was sent, for links in it open accounts."""

    message_id = models.CharField(max_length=200, unique=True)  # RFC 5322 §3.6.4: the same for every try
    to = models.CharField(max_length=254)
    kind = models.CharField(max_length=64)
    priority = models.SmallIntegerField()  # smaller goes first
    subject = models.CharField(max_length=200)
    text = models.TextField()
    created = models.DateTimeField()
    due = models.DateTimeField()  # not tried before; also the end of a lease
    holder = models.CharField(max_length=64, default="", db_default="")  # who is sending it now
    attempts = models.IntegerField(default=0, db_default=0)
    error = models.CharField(max_length=300, default="", db_default="")
    sent = models.DateTimeField(null=True)
    dead = models.DateTimeField(null=True)  # given up: a person should look

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["priority", "due"], name="waiting_mails", condition=models.Q(sent=None, dead=None))
        ]
