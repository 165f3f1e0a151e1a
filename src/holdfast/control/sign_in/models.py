"""Which rights a provider's groups gave, so that they end with the groups and those given by hand do not."""

from django.db import models

from holdfast.control.accounts.models import User
from holdfast.control.organisations.models import Membership, Team


class Given(models.Model):
    """One right. Whoever changes the same right by hand deletes this row: from then on it is theirs to keep or end."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="given")
    issuer = models.CharField(max_length=200)  # of the provider
    kind = models.CharField(max_length=16)  # admin, moderator, place (in an organisation), seat (in a team)
    membership = models.ForeignKey(Membership, null=True, on_delete=models.CASCADE, related_name="given")
    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="given")
    role = models.CharField(max_length=16, default="", db_default="")  # of a place
    before = models.CharField(max_length=16, default="", db_default="")  # the place they had by hand, "" for none
    since = models.DateTimeField()
