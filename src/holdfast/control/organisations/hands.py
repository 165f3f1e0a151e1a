"""When a project changes hands: every right that came from the hands before ends, in the same transaction.

That is people's roles, teams' roles, the organisation's holding, invitations and offers under way. Parts that give
rights of their own on a project (`ENDED_WITH_THE_HANDS`) end them here too, so that no transfer forgets one.
"""

from collections.abc import Callable

from holdfast.control.accounts.models import User
from holdfast.control.organisations.models import Holding, Invitation, Offer, Organisation, TeamRole
from holdfast.control.projects.models import Project, Role
from holdfast.control.publication.transaction import WriteTransaction

ENDED_WITH_THE_HANDS: list[Callable[[WriteTransaction, Project], None]] = []


def hand_over(tx: WriteTransaction, project: Project, to: User | Organisation) -> None:
    """Give a project to a person or an organisation; nobody else keeps anything. The caller holds its lock."""
    clear_rights(tx, project)
    if isinstance(to, Organisation):
        Holding.objects.create(project=project, organisation=to)
    else:
        Role.objects.create(project=project, user=to, role="owner")
    tx.changed(project)


def clear_rights(tx: WriteTransaction, project: Project) -> None:
    """End every right on a project. The caller holds its lock, and gives it to somebody or lets its name go."""
    project.roles.all().delete()
    Holding.objects.filter(project=project).delete()
    end_other_rights(tx, project)


def end_other_rights(tx: WriteTransaction, project: Project) -> None:
    """End what hands gave besides people's roles and the organisation's holding."""
    TeamRole.objects.filter(project=project).delete()
    Invitation.objects.filter(project=project, ended=None).update(ended=tx.now, outcome="revoked")
    Offer.objects.filter(project=project, ended=None).update(ended=tx.now, outcome="revoked")
    for end in ENDED_WITH_THE_HANDS:
        end(tx, project)
