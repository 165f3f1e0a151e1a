"""Actions about who owns a name: roles, grants to shadow a lower layer's name, and giving a name up."""

from typing import Literal

from holdfast.control import rights
from holdfast.control.accounts.able import why_not_to_leave
from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.models import User
from holdfast.control.database import database_guard
from holdfast.control.organisations.effective import holder_of
from holdfast.control.organisations.hands import clear_rights
from holdfast.control.projects.lookup import find_project, permitted_project
from holdfast.control.projects.models import Project, Role, ShadowGrant
from holdfast.control.projects.rights import NotAccepted, require, require_credential
from holdfast.control.publication.transaction import Publication, WriteTransaction, held, write_transaction
from holdfast.core.errors import Absent


@held
def add_role(
    publisher: Publication,
    index: str,
    name: str,
    user: str,
    role: Literal["owner", "maintainer"],
    actor: Actor,
    *,
    deadline: float,
) -> int:
    """Give a person a role, or change the one they have. The last owner cannot step down."""
    if role not in ("owner", "maintainer"):
        raise NotAccepted(f"{role!r} is no role; owner or maintainer")
    with write_transaction(publisher, actor, deadline) as tx:
        project = permitted_project(tx, rights.SET_ROLE, index, name)
        if role != "owner":
            _keep_an_owner(tx, project, user)
        person, _ = User.objects.get_or_create(username=user)
        before = {"role": role_of(project, user)}
        Role.objects.update_or_create(project=project, user=person, defaults={"role": role})
        tx.changed(project)
        tx.audit("add-role", f"{index}/{name}", user=user, role=role, before=before)
    return tx.serial


@held
def remove_role(publisher: Publication, index: str, name: str, user: str, actor: Actor, *, deadline: float) -> int:
    """Take a person's role away. The last owner stays."""
    with write_transaction(publisher, actor, deadline) as tx:
        project = permitted_project(tx, rights.SET_ROLE, index, name)
        _keep_an_owner(tx, project, user)
        before = {"role": role_of(project, user)}
        if not project.roles.filter(user__username=user).delete()[0]:
            raise Absent(f"{user!r} has no role on {name!r} in index {index!r}")
        tx.changed(project)
        tx.audit("remove-role", f"{index}/{name}", user=user, role=None, before=before)
    return tx.serial


@held
def leave_project(publisher: Publication, index: str, name: str, actor: Actor, *, deadline: float) -> int:
    """Give one's own role up. The last owner stays; what comes through an organisation is left there."""
    with write_transaction(publisher, actor, deadline) as tx:
        require_credential(actor, rights.LEAVE_PROJECT)
        project = find_project(tx, index, name)
        _keep_an_owner(tx, project, actor.user)
        before = {"role": role_of(project, actor.user)}
        if not project.roles.filter(user__username=actor.user).delete()[0]:
            raise Absent(f"no project {name!r} in index {index!r}")  # as if there were none: others' are not told
        tx.changed(project)
        tx.audit("leave-project", f"{index}/{name}", user=actor.user, role=None, before=before)
    return tx.serial


@held
def grant_shadow(publisher: Publication, index: str, name: str, actor: Actor, *, deadline: float) -> None:
    """Let a hosted project of that name be created although a lower layer has one."""
    with write_transaction(publisher, actor, deadline) as tx:
        require(actor, rights.GRANT_SHADOW)
        ShadowGrant.objects.get_or_create(
            index=index, name=name, defaults={"created": tx.now, "granted_by": actor.user}
        )
        tx.audit("grant-shadow", f"{index}/{name}")


@held
def revoke_shadow(publisher: Publication, index: str, name: str, actor: Actor, *, deadline: float) -> None:
    """Take the grant back; a project that was created under it stays."""
    with write_transaction(publisher, actor, deadline) as tx:
        require(actor, rights.GRANT_SHADOW, "revoking a shadow")
        if not ShadowGrant.objects.filter(index=index, name=name).delete()[0]:
            raise Absent(f"no shadow grant for {name!r} in index {index!r}")
        tx.audit("revoke-shadow", f"{index}/{name}")


@held
def release_name(publisher: Publication, index: str, name: str, actor: Actor, *, deadline: float) -> int:
    """Let a deleted project's name fall through to lower layers again, and its roles go."""
    with write_transaction(publisher, actor, deadline) as tx:
        require(actor, rights.RELEASE_NAME)
        tx.lock(f"{index}/{name}")
        project = Project.objects.filter(index=index, name=name).first()
        if project is None:
            raise Absent(f"index {index!r} never had a project {name!r}")
        if project.deleted is None:
            raise NotAccepted(f"{name!r} is still listed in index {index!r}; delete the project first")
        project.owned = False
        project.save(update_fields=["owned"])
        clear_rights(tx, project)
        tx.changed(project)
        tx.audit("release-name", f"{index}/{name}")
    return tx.serial


def has_shadow_grant(index: str, name: str) -> bool:
    """True when an operator allowed that name to be created over a lower layer's. Raises DatabaseUnavailable."""
    with database_guard():
        return ShadowGrant.objects.filter(index=index, name=name).exists()


def owns_name(index: str, name: str) -> bool:
    """True for a name the index owns, also when its project is deleted. Raises DatabaseUnavailable."""
    with database_guard():
        return Project.objects.filter(index=index, name=name, owned=True).exists()


def role_of(project: Project, user: str) -> str | None:
    """A person's own role, for the audit trail; None without one."""
    return project.roles.filter(user__username=user).values_list("role", flat=True).first()


def _keep_an_owner(tx: WriteTransaction, project: Project, leaving: str) -> None:
    if holder_of(project) is not None:
        return  # an organisation always has an owner, who is one of its projects too
    owners = set(project.roles.filter(role="owner").values_list("user__username", flat=True))
    if why := why_not_to_leave(owners, leaving, tx.actor.user, tx.now):
        raise NotAccepted(f"{why} of {project.name!r}; add another owner first")
