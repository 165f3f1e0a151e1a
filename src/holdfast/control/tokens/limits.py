"""How far a person's own tokens may reach: no further than the person, on the day it is made and on every day after."""

from collections.abc import Iterable

from holdfast.config import Config
from holdfast.control.accounts.actor import Scopes
from holdfast.control.accounts.models import Token
from holdfast.control.organisations.effective import has_index_right, role_on
from holdfast.control.projects.models import Project
from holdfast.control.publication.changes import token_issued
from holdfast.control.publication.transaction import WriteTransaction
from holdfast.core.errors import Refused


def require_within_rights(config: Config, user: str, scopes: Scopes) -> None:
    """Raises Refused, naming what the person cannot do themselves."""
    if scopes.admin:
        raise Refused("a token with the admin right is an administrator's to make")
    for index in scopes.read:
        if not may_read(config, index, user):
            raise Refused(f"{user!r} may not read index {index!r}; an administrator grants that")
    for index in scopes.upload:
        if not may_read(config, index, user):  # whoever may upload to a whole index learns what it has
            raise Refused(f"{user!r} may not read index {index!r}; narrow the token to projects of yours there")
        if scopes.create_projects and not has_index_right(index, user, "create"):
            raise Refused(f"{user!r} may not create projects in index {index!r}; an administrator grants that")
    for place in scopes.upload_projects:
        index, _, name = place.partition("/")
        project = Project.objects.filter(index=index, name=name).first()
        if project is None or role_on(project, user) is None:
            raise Refused(f"{user!r} has no role on {name!r} in index {index!r}")


def may_read(config: Config, index: str, user: str) -> bool:
    """A public index anybody, a private one whom it was granted. `*` is nobody's own."""
    known = config.index(index)
    return known is not None and (not known.private or has_index_right(index, user, "read"))


def narrow_own_tokens(tx: WriteTransaction, users: Iterable[str], index: str, right: str) -> None:
    """Take out of people's own tokens what that right on an index gave them, unless they still have it.

    Uploads to a whole index go with the right to read it, for they tell what it has. Nobody was granted to read a
    public one, so another right that ends there takes neither.
    """
    rows = Token.objects.filter(user__username__in=list(users), revoked=None, note__own=True).select_related("user")
    for row in rows:
        reaches = index in row.reads or index in row.upload_indexes
        if right == "read" and reaches and not has_index_right(index, row.user.username, "read"):
            row.reads = [one for one in row.reads if one != index]
            row.upload_indexes = [one for one in row.upload_indexes if one != index]
            row.save(update_fields=["reads", "upload_indexes"])
            tx.tell(token_issued(row.id))
            tx.audit("narrow-token", row.id, index=index, right="read")
        if row.create_projects and index in row.upload_indexes and not _may_create(row):
            row.create_projects = False
            row.save(update_fields=["create_projects"])
            tx.audit("narrow-token", row.id, index=index, right="create")


def _may_create(row: Token) -> bool:
    return all(has_index_right(index, row.user.username, "create") for index in row.upload_indexes)
