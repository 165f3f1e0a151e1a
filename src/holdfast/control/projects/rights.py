"""Who may do what to a project: rows of control/rights.py, compared with the credential, its scopes and the roles.

All three must agree; an administrator passes every role where the row says so. A right that is missing is Refused
(403); a request that can never succeed as it stands is NotAccepted (400). A browser session has no scopes: to one
without any role on a project the project is Absent, so that sessions learn no names of private indexes.
"""

from datetime import datetime

from holdfast.control import rights
from holdfast.control.accounts.actor import ALL, Actor
from holdfast.control.accounts.models import User
from holdfast.control.organisations.effective import ProjectRole, has_index_right, holder_of, role_on
from holdfast.control.prepared import Prepared
from holdfast.control.projects.models import Project, Role
from holdfast.control.publishers.models import Publisher
from holdfast.control.publishers.vouching import is_in_force
from holdfast.control.rights import Right
from holdfast.control.staging.reserved import is_reserved_by_another
from holdfast.core.errors import Absent, Outcome, Refused
from holdfast.core.model import format_time

_BY = {"token": "a token", "session": "a browser session", "publisher": "a trusted publisher", "machine": "the command"}


_roles_of = Prepared(lambda project: Role.objects.filter(project_id=project).values_list("pk", flat=True)[:1])


class NotAccepted(Outcome):
    """The request is understood and cannot be done as asked (400). The reason says what would work."""


def require(actor: Actor, right: Right, what: str = "") -> None:
    """A right on the instance as a whole. `what` says it in other words than the table. Raises Refused."""
    require_credential(actor, right)
    if "person" in right.who or "anyone" in right.who or is_administrator(actor, right):
        return
    raise _not_an_administrator(what or right.doing)


def require_moderator(actor: Actor, right: Right) -> None:
    """A right of administrators, and of moderators in person. Raises Refused."""
    require_credential(actor, right)
    if not (is_administrator(actor, right) or is_moderator(actor, right)):
        raise _not_an_administrator(right.doing)


def require_reader(actor: Actor, index: str, name: str, *, private: bool) -> None:
    """Anybody reads a public index; a private one needs the scope, or uploads to that project. Raises Refused.

    The refusal is the same for every name, so that it does not tell which there are.
    """
    require_credential(actor, rights.READ_PROJECT)
    if not (actor.is_admin or not private or {ALL, index} & set(actor.scopes.read) or actor.may_upload(index, name)):
        raise Refused(f"this token may not read {name!r} in index {index}")


def require_uploader(
    actor: Actor, index: str, name: str, project: Project | None, is_peopled: bool | None = None
) -> None:
    """Uploads need the scope, and a role once the project has people. Raises Refused.

    A project without people (new, released, or rebuilt from the tree) may be taken by whoever may create one.
    `is_peopled`: what has_people said of it, where it was asked already.
    """
    require_scope(actor, rights.UPLOAD_FILE, index, name)
    if actor.credential == "publisher":
        _require_publisher(actor, index, name, project)
        return
    if is_administrator(actor, rights.UPLOAD_FILE):
        return
    if project is None or not (has_people(project) if is_peopled is None else is_peopled):
        if not actor.may_create(index):
            raise Refused(f"this token may not create projects, and {name!r} does not exist in index {index!r} yet")
        if is_reserved_by_another(actor.user, index, name):
            raise Refused(
                f"{name!r} is reserved in index {index!r} by somebody's staged release, until that is published or"
                " given up"
            )
        return
    _require_role(actor, rights.UPLOAD_FILE, project, role_on(project, actor.user))


def _require_publisher(actor: Actor, index: str, name: str, project: Project | None) -> None:
    """The people of the project, or of the name before there is a project, still stand behind that publisher."""
    ids = actor.identity.publishers if actor.identity else ()
    rows = Publisher.objects.filter(pk__in=ids, index=index, name=name)
    own = rows.filter(project=project).select_related("project") if project is not None and project.owned else ()
    is_wanted = any(is_in_force(row) for row in own)
    if not is_wanted and (project is None or not has_people(project)):
        is_wanted = any(is_in_force(row) for row in rows.filter(project=None).select_related("registrant"))
    if not is_wanted:
        raise Refused(f"this trusted publisher is not one of {name!r} in index {index!r}, or nobody stands behind it")


def require_creator(actor: Actor, right: Right, index: str) -> None:
    """Whether somebody may bring new projects into being in the index. Raises Refused."""
    require_credential(actor, right)
    is_granted = actor.may_create(index)
    if actor.credential == "session":  # whose scopes are wide: what counts is what the person was granted
        is_granted = has_index_right(index, actor.user, "create")
    if not (is_granted or is_administrator(actor, right)):
        raise Refused(f"{right.doing} needs the right to create projects in index {index}")


def require_scope(actor: Actor, right: Right, index: str, name: str) -> None:
    """What can be told without looking at the project: credential and scopes. Raises Refused, alike for every name."""
    require_credential(actor, right)
    if actor.credential == "session" or is_administrator(actor, right):
        return
    if not actor.may_upload(index, name):
        raise Refused(f"this token may not change {name!r} in index {index!r}")


def require_index(actor: Actor, right: Right, index: str, where: str = "") -> None:
    """Whether the credential reaches the index at all; which of its projects is another question. Raises Refused."""
    require_credential(actor, right)
    wholly = bool({ALL, index} & set(actor.scopes.upload))
    partly = any(project.startswith(f"{index}/") for project in actor.scopes.upload_projects)
    if not (wholly or partly or is_administrator(actor, right)):
        raise Refused(f"this token may not upload to index {index}{where}")


def require_standing(actor: Actor, right: Right, project: Project, now: datetime) -> None:
    """A right on a project that is there. Raises Refused; for a session without any role Absent."""
    require_scope(actor, right, project.index, project.name)
    if is_administrator(actor, right):
        return
    role = role_on(project, actor.user)
    if actor.credential == "session" and role is None and not is_moderator(actor, right):
        raise Absent(f"no project {project.name!r} in index {project.index!r}")
    if not is_moderator(actor, right):
        _require_role(actor, right, project, role)
    require_settled(actor, right, now)


def require_credential(actor: Actor, right: Right) -> None:
    """How the actor proved who they are, and what their token is good for. Raises Refused."""
    if actor.credential not in right.by:
        others = " or ".join(_BY[one] for one in right.by if one != "machine")
        raise Refused(f"{right.doing} cannot be done with {_BY[actor.credential]}; use {others}")
    if right.needs and actor.credential == "token" and not actor.is_admin and right.needs not in actor.scopes.actions:
        raise Refused(f"{right.doing} needs a token with the action {right.needs!r}")


def require_settled(actor: Actor, right: Right, now: datetime) -> None:
    """Refuse what must wait after the recovery of an account. Raises Refused."""
    if not right.waits or actor.credential == "machine":
        return
    person = User.objects.filter(username=actor.user).first()
    until = getattr(person, "recovered_until", None)
    if isinstance(until, datetime) and until > now:
        raise Refused(f"{right.doing} waits until {format_time(until)}: the account {actor.user!r} was just recovered")


def is_administrator(actor: Actor, right: Right) -> bool:
    """True for an administrator where the row lets one."""
    return "admin" in right.who and actor.is_admin


def is_moderator(actor: Actor, right: Right) -> bool:
    """True for a moderator, who is one in person: a token gives no such right."""
    if "moderator" not in right.who or actor.credential != "session":
        return False
    return User.objects.filter(username=actor.user, is_active=True, is_staff=True).exists()


def has_people(project: Project) -> bool:
    """False for a project that whoever may create projects may take."""
    return _roles_of.any(project.pk) or holder_of(project) is not None


def _not_an_administrator(doing: str) -> Refused:
    return Refused(f"{doing} needs a token with the admin right")


def _require_role(actor: Actor, right: Right, project: Project, role: ProjectRole | None) -> None:
    wanted = tuple(who for who in right.who if who in ("maintainer", "owner"))
    if not wanted:
        raise _not_an_administrator(right.doing)
    if role not in wanted:
        raise Refused(
            f"{actor.user!r} is not {' or '.join(reversed(wanted))} of {project.name!r} in index {project.index!r};"
            " an owner can add the role"
        )
