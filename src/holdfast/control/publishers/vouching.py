"""A publisher counts as long as whoever added it could still add it: an owner of the project, whose account is open.

As with invitations, what somebody gave never outlives their right to give it: whoever is frozen, lowered or taken out
leaves no workflow behind that goes on publishing. One that waits for a new name counts as long as its registrant may
create projects there. What an administrator added holds for whoever owns the project.
"""

from datetime import UTC, datetime

from django.db.models import Q

from holdfast.control.accounts.actor import ALL
from holdfast.control.accounts.models import User
from holdfast.control.organisations.effective import has_index_right, role_on
from holdfast.control.publishers.models import Publisher


def is_in_force(row: Publisher) -> bool:
    """True for a publisher that somebody stands behind today; read with its project and registrant."""
    if row.project is None:
        return row.registrant is not None and row.registrant.is_active and _may_create(row, row.registrant)
    return row.by_operator or (role_on(row.project, row.created_by) == "owner" and _is_open(row.created_by))


def _may_create(row: Publisher, registrant: User) -> bool:
    if row.by_operator or registrant.is_superuser or has_index_right(row.index, registrant.username, "create"):
        return True
    now = datetime.now(UTC)
    tokens = registrant.tokens.filter(Q(expires=None) | Q(expires__gt=now), create_projects=True, revoked=None)
    return any({ALL, row.index} & set(indexes) for indexes in tokens.values_list("upload_indexes", flat=True))


def _is_open(user: str) -> bool:
    return User.objects.filter(username=user, is_active=True).exists()
