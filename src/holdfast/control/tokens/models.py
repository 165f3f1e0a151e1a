"""What is noted of a token beside its row in accounts: a table of its own, which a previous release need not know."""

from django.db import models

from holdfast.control.accounts.models import Token, User
from holdfast.control.organisations.models import Organisation


class TokenNote(models.Model):
    """Which actions a token allows, who decided its scopes, and when it was last used.

    Without a row a token is as all were before: every action on projects, made by an administrator, never seen in use.
    """

    token = models.OneToOneField(Token, primary_key=True, on_delete=models.CASCADE, related_name="note")
    actions = models.JSONField(null=True)  # of accounts.actor.ACTIONS; null: not narrowed
    own = models.BooleanField(default=False, db_default=False)  # made by its person, within their rights at the time
    last_used = models.DateTimeField(null=True)  # by control; reads through fronts are not seen


class RobotOwner(models.Model):
    """Who makes and ends a robot's tokens, and hears of it when one leaks."""

    robot = models.OneToOneField(User, primary_key=True, on_delete=models.CASCADE, related_name="robot_owner")
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="robots")


class OrganisationRobot(models.Model):
    """A robot of an organisation: whoever owns that makes and ends its tokens. It is a member, for teams."""

    robot = models.OneToOneField(User, primary_key=True, on_delete=models.CASCADE, related_name="robot_of")
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="robots")
    created = models.DateTimeField()
