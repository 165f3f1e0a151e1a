"""A project gets its first owner: of those who waited for the name, one came first, and the others wait no longer."""

from allauth.account.models import EmailAddress
from django.db.models import QuerySet

from holdfast.control.mail.queue import queue
from holdfast.control.projects.models import Project
from holdfast.control.publication.transaction import WriteTransaction
from holdfast.control.publishers.models import Publisher
from holdfast.control.publishers.vouching import is_in_force


def first_owner(tx: WriteTransaction, project: Project) -> str:
    """Who owns a project that has no people: whoever uploads; for a pending publisher whoever registered it.

    "" for a publisher that the project had before its people went. Publishers that others left behind end here: a
    project that somebody takes is published to by nobody else.
    """
    waiting = Publisher.objects.filter(index=project.index, name=project.name, project=None)
    if tx.actor.identity is None:
        _end(tx, project, project.publishers.all())
        owner = tx.actor.user
    else:
        ours = waiting.filter(pk__in=tx.actor.identity.publishers).select_related("registrant")
        first = next((row for row in ours.order_by("created", "pk") if is_in_force(row)), None)
        if first is None or first.registrant is None:
            return ""
        _end(tx, project, project.publishers.all())
        owner = first.registrant.username
        # Whoever waited for the name stands behind it from now on, also where an administrator registered it for them.
        first.project, first.registrant, first.created_by, first.by_operator = project, None, owner, False
        first.save(update_fields=["project", "registrant", "created_by", "by_operator"])
        tx.audit("start-pending-publisher", f"{project.index}/{project.name}", publisher_id=first.pk, user=owner)
    _end(tx, project, waiting.all())
    return owner


def end_publishers(tx: WriteTransaction, project: Project) -> None:
    """End every publisher of a project, and with them the tokens that were minted for them."""
    _end(tx, project, project.publishers.all())


def _end(tx: WriteTransaction, project: Project, rows: QuerySet[Publisher]) -> None:
    for row in rows.select_related("registrant"):
        whose = row.registrant.username if row.registrant else row.created_by
        tx.audit("end-publisher", f"{project.index}/{project.name}", publisher_id=row.pk, user=whose)
        _tell(tx, row)
        row.delete()


def _tell(tx: WriteTransaction, row: Publisher) -> None:
    """Who waited in vain reads of it, at an address that is known to be theirs."""
    addresses = EmailAddress.objects.filter(user=row.registrant, verified=True, primary=True)
    for address in addresses.values_list("email", flat=True) if row.registrant is not None else ():
        queue(tx, address, "pending-publisher-ended", {"index": row.index, "name": row.name})
