"""Organisations, their people and teams; who holds a project; invitations and offers. Actions write these rows."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from holdfast.control.accounts.models import User
from holdfast.control.projects.models import Project

ORGANISATION_CHARS_MAX = 50
TEAM_CHARS_MAX = 50


class Organisation(models.Model):
    """People who hold projects together. A deleted one keeps its name, so that nobody takes its place unnoticed."""

    name = models.CharField(max_length=ORGANISATION_CHARS_MAX, unique=True)  # lower case, digits, hyphens
    display = models.CharField(max_length=200)
    created = models.DateTimeField()
    deleted = models.DateTimeField(null=True)


class Membership(models.Model):
    """A person in an organisation: owner, manager or member."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organisation", "user"], name="one_membership_per_person")
        ]


class Team(models.Model):
    """Some members of an organisation, who get roles on its projects together."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="teams")
    name = models.CharField(max_length=TEAM_CHARS_MAX)  # as an organisation's
    created = models.DateTimeField()
    members = models.ManyToManyField(User, related_name="teams")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["organisation", "name"], name="one_team_per_name")]


class Holding(models.Model):
    """A project that belongs to an organisation; one without such a row belongs to the people in its roles."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="holding")
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="holdings")


class TeamRole(models.Model):
    """A team's role on a project: owner or maintainer. It counts only while its organisation holds the project."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="roles")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="team_roles")
    role = models.CharField(max_length=16)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["team", "project"], name="one_role_per_team")]


class Invitation(models.Model):
    """A role offered to somebody: on a project or in an organisation, one of the two. It gives nothing before the yes.

    It is addressed to a user, or to a mail address; the latter is accepted by whoever presents the secret in the mail.
    """

    project = models.ForeignKey(Project, null=True, on_delete=models.CASCADE, related_name="invitations")
    organisation = models.ForeignKey(Organisation, null=True, on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=16)
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="invitations")
    email = models.CharField(max_length=254, default="", db_default="")
    secret_sha256 = models.CharField(max_length=64, default="", db_default="")
    invited_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created = models.DateTimeField()
    expires = models.DateTimeField()
    ended = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=16, default="", db_default="")  # accepted, declined, revoked, expired

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(project=None, organisation__isnull=False) | Q(project__isnull=False, organisation=None),
                name="invitation_to_one_thing",
            )
        ]


class Offer(models.Model):
    """A project offered by an owner to a person or an organisation, which must take it."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="offers")
    to_user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="offers")
    to_organisation = models.ForeignKey(Organisation, null=True, on_delete=models.CASCADE, related_name="offers")
    offered_by = models.CharField(max_length=200)  # the user name; they must still be an owner when it is taken
    by_operator = models.BooleanField(default=False, db_default=False)
    created = models.DateTimeField()
    expires = models.DateTimeField()
    ended = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=16, default="", db_default="")  # accepted, declined, revoked, expired


class IndexGrant(models.Model):
    """What people may do on a whole index: read a private one, or create projects. Without anybody named: everybody."""

    index = models.CharField(max_length=64)
    right = models.CharField(max_length=16)  # read, create
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="index_grants")
    organisation = models.ForeignKey(Organisation, null=True, on_delete=models.CASCADE, related_name="index_grants")
    created = models.DateTimeField()
