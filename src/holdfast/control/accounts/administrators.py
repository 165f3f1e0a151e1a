"""Who administers the instance: given and taken. Administering ends with every token that was good for it."""

from holdfast.control import rights
from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.models import Token, User
from holdfast.control.projects.rights import NotAccepted, require
from holdfast.control.publication.changes import token_revoked
from holdfast.control.publication.transaction import Publication, WriteTransaction, held, write_transaction
from holdfast.control.sign_in.models import Given
from holdfast.core.errors import Absent


@held
def set_administrator(publisher: Publication, name: str, administers: bool, actor: Actor, *, deadline: float) -> int:
    """Make a person an administrator, or end that. Raises Absent, NotAccepted for oneself and for what never signs in.

    Nobody ends it for themselves in a browser: the last one would shut everybody out. The command can always make one.
    """
    with write_transaction(publisher, actor, deadline) as tx:
        require(actor, rights.MANAGE_PERSON)
        tx.lock(f"user:{name}")
        user = User.objects.filter(username=name).first()
        if user is None:
            raise Absent(f"there is no account {name!r}")
        if administers and (user.is_robot or not user.is_active):
            raise NotAccepted(f"{name!r} is a robot or frozen, and cannot sign in to administer anything")
        if not administers and name == actor.user and actor.credential != "machine":
            raise NotAccepted("you cannot end this for yourself; another administrator can")
        user.is_superuser = administers
        user.save(update_fields=["is_superuser"])
        Given.objects.filter(user=user, kind="admin").delete()  # by hand from now on
        ended = [] if administers else _end_tokens(tx, user)
        tx.audit("set-administrator", name, administrator=administers, tokens_ended=ended)
    return tx.serial


def _end_tokens(tx: WriteTransaction, user: User) -> list[str]:
    """Revoke the tokens of a person that have the admin right; which those were."""
    rows = list(Token.objects.filter(user=user, admin=True, revoked=None).order_by("created", "id"))
    for row in rows:
        row.revoked = tx.now
        row.save(update_fields=["revoked"])
        tx.tell(token_revoked(row.id))
    return [row.id for row in rows]
