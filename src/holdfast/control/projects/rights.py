"""Who may do what to a project: the token's scopes and the person's role, both at once.

An administrator's token passes every role. A right that is missing is Refused (403); a request that can never
succeed as it stands is NotAccepted (400).
"""

from holdfast.control.accounts.actor import ALL, Actor
from holdfast.control.projects.models import Project
from holdfast.core.errors import Outcome, Refused


class NotAccepted(Outcome):
    """The request is understood and cannot be done as asked (400). The reason says what would work."""


def require_reader(actor: Actor, index: str, name: str, *, private: bool) -> None:
    """Anybody reads a public index; a private one needs the scope, or uploads to that project. Raises Refused.

    The refusal is the same for every name, so that it does not tell which there are.
    """
    if not (actor.is_admin or not private or {ALL, index} & set(actor.scopes.read) or actor.may_upload(index, name)):
        raise Refused(f"this token may not read {name!r} in index {index}")


def require_uploader(actor: Actor, index: str, name: str, project: Project | None) -> None:
    """Uploads need the scope, and a role once the project has people. Raises Refused.

    A project without people (new, released, or rebuilt from the tree) may be taken by whoever may create one.
    """
    if actor.is_admin:
        return
    _require_scope(actor, index, name)
    if project is None or not project.roles.exists():
        if not actor.may_create(index):
            raise Refused(f"this token may not create projects, and {name!r} does not exist in index {index!r} yet")
        return
    _require_role(actor, project, ("owner", "maintainer"))


def require_manager(actor: Actor, project: Project) -> None:
    """Yanking is for owners and maintainers. Raises Refused."""
    _require_standing(actor, project, ("owner", "maintainer"))


def require_owner(actor: Actor, project: Project) -> None:
    """Deleting, status and roles are for owners. Raises Refused."""
    _require_standing(actor, project, ("owner",))


def require_admin(actor: Actor, what: str) -> None:
    """Raises Refused unless the token has the admin right."""
    if not actor.is_admin:
        raise Refused(f"{what} needs a token with the admin right")


def _require_standing(actor: Actor, project: Project, roles: tuple[str, ...]) -> None:
    if not actor.is_admin:
        _require_scope(actor, project.index, project.name)
        _require_role(actor, project, roles)


def _require_scope(actor: Actor, index: str, name: str) -> None:
    if not actor.may_upload(index, name):
        raise Refused(f"this token may not change {name!r} in index {index!r}")


def _require_role(actor: Actor, project: Project, roles: tuple[str, ...]) -> None:
    if not project.roles.filter(user__username=actor.user, role__in=roles).exists():
        raise Refused(
            f"{actor.user!r} is not {' or '.join(roles)} of {project.name!r} in index {project.index!r}; an owner can"
            " add the role"
        )
