"""Rights on whole indexes: who may read a private one, who may create projects. Given and taken by administrators."""

from dataclasses import dataclass

from holdfast.control import rights
from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.models import Token, User
from holdfast.control.database import database_guard
from holdfast.control.organisations.effective import IndexRight
from holdfast.control.organisations.models import IndexGrant, Organisation
from holdfast.control.projects.rights import NotAccepted, require
from holdfast.control.publication.transaction import Publication, held, write_transaction
from holdfast.control.tokens.limits import narrow_own_tokens
from holdfast.core.errors import Absent

INDEX_RIGHTS: tuple[IndexRight, ...] = ("read", "create")


@dataclass(frozen=True, slots=True)
class Grantee:
    """Somebody, an organisation, or (with neither) everybody who has an account."""

    user: str = ""
    organisation: str = ""


@held
def grant_index(
    publisher: Publication, index: str, right: IndexRight, to: Grantee, actor: Actor, *, deadline: float
) -> None:
    """Grant a right on an index. Granting it again changes nothing."""
    if right not in INDEX_RIGHTS:
        raise NotAccepted(f"{right!r} is no right on an index; read or create")
    with write_transaction(publisher, actor, deadline) as tx:
        require(actor, rights.GRANT_INDEX)
        tx.lock(f"grants:{index}")
        user, organisation = _find(to)
        known = IndexGrant.objects.filter(index=index, right=right, user=user, organisation=organisation)
        if not known.exists():
            IndexGrant.objects.create(index=index, right=right, user=user, organisation=organisation, created=tx.now)
            tx.audit("grant-index", index, right=right, user=to.user, organisation=to.organisation)


@held
def revoke_index_grant(
    publisher: Publication, index: str, right: IndexRight, to: Grantee, actor: Actor, *, deadline: float
) -> int:
    """Take a right on an index back; people's own tokens lose it in the same moment."""
    with write_transaction(publisher, actor, deadline) as tx:
        require(actor, rights.GRANT_INDEX, "taking rights on an index back")
        tx.lock(f"grants:{index}")
        user, organisation = _find(to)
        if not IndexGrant.objects.filter(index=index, right=right, user=user, organisation=organisation).delete()[0]:
            raise Absent(f"there is no such grant of {right!r} on index {index!r}")
        narrow_own_tokens(tx, _people(user, organisation), index, right)
        tx.audit("revoke-index-grant", index, right=right, user=to.user, organisation=to.organisation)
    return tx.serial


def list_index_grants(index: str) -> list[tuple[str, Grantee]]:
    """Every grant on an index, as (right, to whom). Raises DatabaseUnavailable."""
    with database_guard():
        rows = IndexGrant.objects.filter(index=index).select_related("user", "organisation").order_by("pk")
        return [(row.right, _grantee(row)) for row in rows]


def _grantee(row: IndexGrant) -> Grantee:
    return Grantee(row.user.username if row.user else "", row.organisation.name if row.organisation else "")


def _find(to: Grantee) -> tuple[User | None, Organisation | None]:
    if to.user and to.organisation:
        raise NotAccepted("a right goes to a user, to an organisation, or to everybody: name at most one")
    user = User.objects.filter(username=to.user).first()
    organisation = Organisation.objects.filter(name=to.organisation, deleted=None).first()
    if (to.user and user is None) or (to.organisation and organisation is None):
        raise NotAccepted(f"there is nobody called {to.user or to.organisation!r} here")
    return user, organisation


def _people(user: User | None, organisation: Organisation | None) -> list[str]:
    if user is not None:
        return [user.username]
    if organisation is not None:
        return list(organisation.memberships.values_list("user__username", flat=True))
    return list(Token.objects.filter(revoked=None, note__own=True).values_list("user__username", flat=True).distinct())
