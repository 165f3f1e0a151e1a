"""What was seen of mail domains."""

from django.db import models


class MailDomain(models.Model):
    """A domain of a confirmed address of somebody who can publish."""

    domain = models.CharField(primary_key=True, max_length=253)
    servers = models.JSONField(default=list)  # the name servers it was delegated to when it was last well
    registered = models.CharField(max_length=32, default="", db_default="")  # since when, at that time; "" = not known
    looked = models.DateTimeField(null=True, db_index=True)
    suspect = models.CharField(max_length=32, default="", db_default="")  # what was seen once, until it is seen again


class LostAddress(models.Model):
    """An address that was confirmed until its domain was lost. One by one: what a newcomer confirms clears no other."""

    email = models.CharField(primary_key=True, max_length=254)
    since = models.DateTimeField()
