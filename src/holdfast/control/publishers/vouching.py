"""A publisher counts as long as whoever added it could still add it: an owner of the project, whose account is open.

As with invitations, what somebody gave never outlives their right to give it: whoever is frozen, lowered or taken out
leaves no workflow behind that goes on publishing. What an administrator added holds for whoever owns the project.
"""

from holdfast.control.accounts.models import User
from holdfast.control.organisations.effective import role_on
from holdfast.control.publishers.models import Publisher


def is_in_force(row: Publisher) -> bool:
    """True for a publisher that somebody stands behind today; read with its project and registrant."""
    if row.project is None:
        return row.registrant is not None and row.registrant.is_active
    return row.by_operator or (role_on(row.project, row.created_by) == "owner" and _is_open(row.created_by))


def _is_open(user: str) -> bool:
    return User.objects.filter(username=user, is_active=True).exists()
